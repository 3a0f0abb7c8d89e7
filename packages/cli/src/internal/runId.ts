/**
 * Run ids of the command.
 */
import { randomBytes } from "node:crypto"

export const newRunId = (): string => `run_${[...randomBytes(16)].map((byte) => (byte % 32).toString(32)).join("")}`
