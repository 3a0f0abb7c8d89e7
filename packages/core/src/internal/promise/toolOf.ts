/**
 * Behind its plain face a tool of the promise entry is a tool of the core, so that it works wherever tools do.
 */
import * as Core from "../../Tool.ts"

export const isTool = (u: unknown): boolean => Core.isTool(u)
