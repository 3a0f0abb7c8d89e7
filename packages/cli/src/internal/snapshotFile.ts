/**
 * Snapshots in files: read, written whole or not at all, for their owner only. A file is replaced only if it holds a snapshot that has been
 * resumed: one that nobody has taken up yet is never lost to another run.
 */
import { Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { tmpdir } from "node:os"
import { describe, type Fault, fault } from "./refusal.ts"
import type { Step } from "./sources.ts"

export interface SnapshotFile {
  /** Where it really is: two names of one file have one claim. */
  readonly path: string
  readonly snapshot: Snapshot.Snapshot
}

/** Beside the file: made by whoever resumes this snapshot. */
export const claimPath = (path: string, id: string): string => `${path}.${encodeURIComponent(id)}.claimed`

export const readSnapshot = (path: string): Step<SnapshotFile | undefined> => {
  const wrong = (message: string, tag: Fault["_tag"]) => ({ value: undefined, faults: [fault(message, tag)] })
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    return wrong(`the snapshot ${path} cannot be read: ${describe(error)}`, "BadFile")
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return wrong(`the snapshot ${path} is no JSON: ${describe(error)}`, "BadJson")
  }
  const snapshot = Effect.runSync(Effect.result(Snapshot.decode(json)))
  if (Result.isFailure(snapshot)) return wrong(`${path}: ${snapshot.failure.message}`, "BadSnapshot")
  return { value: { path: realpathSync(path), snapshot: snapshot.success }, faults: [] }
}

/** Where the snapshot of a run goes if nobody says: beside its plan, under a name that no other run has. */
export const besidePlan = (plan: string, runId: string): string =>
  plan === "-" ? `${runId}.snapshot.json` : `${plan.replace(/\.json$/, "")}.${runId}.snapshot.json`

/** What is known beforehand to be wrong with a place for a snapshot; `own` is the one that is being resumed. */
export const checkTarget = (path: string, own?: string): ReadonlyArray<Fault> => {
  try {
    accessSync(dirname(path), constants.W_OK)
  } catch (error) {
    return [fault(`no snapshot can be written to ${path}: ${describe(error)}`, "BadFile")]
  }
  if (!existsSync(path) || mayReplace(path, own)) return []
  return [
    fault(
      `${path} is there already, and is no snapshot that has been resumed: it is not overwritten; name another file, or move it`,
      "BadFile"
    )
  ]
}

const mayReplace = (path: string, own?: string): boolean => {
  try {
    const { snapshot, toolscope } = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>
    if (toolscope !== 1 || typeof snapshot !== "string") return false
    return snapshot === own || existsSync(claimPath(realpathSync(path), snapshot))
  } catch {
    return false
  }
}

/** Writes it where it is wanted, or else where it can be: a snapshot is all that there is of its run. */
export const writeSnapshot = (
  wanted: string,
  snapshot: Snapshot.Snapshot
): { readonly path: string | undefined; readonly problems: ReadonlyArray<string> } => {
  const name = `${snapshot.runId.replaceAll(/[^\w.-]/g, "_")}.${encodeURIComponent(snapshot.snapshot)}.snapshot.json`
  const text = `${JSON.stringify(snapshot)}\n`
  const problems: Array<string> = []
  for (const path of [wanted, name, join(tmpdir(), name)]) {
    try {
      place(path, text)
      return { path, problems }
    } catch (error) {
      problems.push(`${path}: ${describe(error)}`)
    }
  }
  return { path: undefined, problems }
}

const place = (path: string, text: string): void => {
  // a link stays a link
  const target = existsSync(path) ? realpathSync(path) : path
  const temporary = writeBeside(target, text)
  try {
    if (existsSync(target)) {
      if (!mayReplace(target)) throw new Error("it is there already")
      renameSync(temporary, target)
    } else putNew(temporary, target)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Takes the name only if nobody has it by now. */
const putNew = (temporary: string, path: string): void => {
  try {
    linkSync(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error
    // not every file system has links
    closeSync(openSync(path, "wx", 0o600))
    renameSync(temporary, path)
  }
}

/** A file of its own beside this one, on the disk. */
export const writeBeside = (path: string, text: string): string => {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(6).toString("hex")}.tmp`)
  const file = openSync(temporary, "wx", 0o600)
  try {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return temporary
}
