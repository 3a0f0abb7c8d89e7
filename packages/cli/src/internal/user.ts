/**
 * The user whose process this is.
 */
import { userInfo } from "node:os"

/** There are users without a name. */
export const userName = (): string | undefined => {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}
