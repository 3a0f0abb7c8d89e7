/**
 * Claims of snapshots: a file beside the snapshot, made exclusively before anything starts. It stays. It says who resumed, and, once that is
 * known, how it ended. A resume that was killed has not said so: what it did is unknown, and it is run again only by who knows that.
 */
import { Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs"
import { hostname } from "node:os"
import { describe, fault, Refusal } from "./refusal.ts"
import { claimPath, type SnapshotFile, writeBeside } from "./snapshotFile.ts"

interface Record {
  readonly snapshot: string
  readonly runId: string
  readonly pid: number
  readonly host: string
  readonly by?: string
  /** ISO 8601. */
  readonly at: string
  readonly ended?: { readonly at: string; readonly status: string; readonly snapshot?: string }
}

export interface Claim {
  readonly take: Snapshot.Claim
  /** Says how it ended, if it was taken. */
  readonly end: (status: string, snapshot: string | undefined) => void
}

/** The last claim of a snapshot; each `--reclaim` makes a further one. */
const last = (file: SnapshotFile): { readonly path: string; readonly next: string } | undefined => {
  const first = claimPath(file.path, file.snapshot.snapshot)
  if (!existsSync(first)) return undefined
  let n = 2
  while (existsSync(`${first}.${n}`)) n++
  return { path: n === 2 ? first : `${first}.${n - 1}`, next: `${first}.${n}` }
}

/** Why this snapshot cannot be resumed now, if somebody has it. */
export const refusalOf = (file: SnapshotFile, again: boolean): string | undefined => {
  const found = last(file)
  if (found === undefined) return undefined
  const record = read(found.path)
  return again && !runs(record) ? undefined : messageOf(found.path, record)
}

export const make = (file: SnapshotFile, again: boolean, by: string | undefined): Claim => {
  let own: { readonly path: string; readonly record: Record } | undefined
  const take = ({ runId, snapshot }: Snapshot.Snapshot) =>
    Effect.suspend(() => {
      const already = () =>
        Effect.fail(
          new Snapshot.SnapshotError({
            reason: new Snapshot.AlreadyClaimed({ snapshot, by: refusalOf(file, again) ?? "just now" })
          })
        )
      if (refusalOf(file, again) !== undefined) return already()
      const path = last(file)?.next ?? claimPath(file.path, snapshot)
      const record: Record = {
        snapshot,
        runId,
        pid: process.pid,
        host: hostname(),
        ...(by === undefined ? {} : { by }),
        at: new Date().toISOString()
      }
      try {
        create(path, record)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return already()
        const message = `the snapshot cannot be claimed, so it is not resumed: ${describe(error)}`
        return Effect.die(new Refusal({ faults: [fault(message, "BadFile")] }))
      }
      own = { path, record }
      return Effect.void
    })
  const end: Claim["end"] = (status, snapshot) => {
    if (own === undefined) return
    const ended = { at: new Date().toISOString(), status, ...(snapshot === undefined ? {} : { snapshot }) }
    try {
      renameSync(writeBeside(own.path, textOf({ ...own.record, ended })), own.path)
    } catch {
      // it is claimed all the same
    }
  }
  return { take, end }
}

const textOf = (record: Record): string => `${JSON.stringify(record)}\n`

const create = (path: string, record: Record): void => {
  const file = openSync(path, "wx", 0o600)
  try {
    writeSync(file, textOf(record))
    fsyncSync(file)
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
}

/** Nothing where it cannot be read: it is being written, or was cut off. */
const read = (path: string): Record | undefined => {
  try {
    const record: unknown = JSON.parse(readFileSync(path, "utf8"))
    return typeof record === "object" && record !== null ? (record as Record) : undefined
  } catch {
    return undefined
  }
}

/** Is there a process of this id on this host? */
const runs = (record: Record | undefined): boolean => {
  if (record === undefined || record.ended !== undefined || record.host !== hostname()) return false
  if (record.pid === process.pid) return true
  try {
    process.kill(record.pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const messageOf = (path: string, record: Record | undefined): string => {
  const again = "to run it again knowingly: --reclaim"
  if (record === undefined) return `it was being claimed, and ${path} does not say by whom; ${again}`
  const { at, by, ended, host, pid } = record
  const who = `${by === undefined ? "" : `by ${by}, `}process ${pid} on ${host}, at ${at}`
  if (ended !== undefined) {
    const elsewhere = ended.snapshot === undefined ? "" : `: go on from ${ended.snapshot}`
    return `${who}; that ended ${ended.status} at ${ended.at}${elsewhere}`
  }
  if (runs(record)) return `${who}; that process runs; if it is another one by now, remove ${path}`
  return (
    `${who}; that did not say how it ended: it was killed, or runs on another host, and what it did is unknown. ` +
    `Look at its journal, and at what its tools act on; ${again} (the idempotency keys are the same)`
  )
}
