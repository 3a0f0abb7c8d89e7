/**
 * Ends a server with everything that it has started. It never touches this process, nor anything that is older than the server.
 *
 * Where there is a `/proc`, what belongs to the server is found by parent, process group, session, and by a mark in the environment,
 * which also those keep that have become daemons. It is stopped (SIGSTOP) as it is found, and looked for again until nothing new turns
 * up: what is stopped starts nothing more. Then it is killed. Elsewhere the process group is killed, on Windows the tree of `taskkill`.
 */
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

/** The variable of the mark. */
export const markName = "TOOLSCOPE_MCP_SERVER"

export interface Found {
  readonly pid: number
  /** Ticks since the system started: tells it apart from a later process of the same number. */
  readonly started: number
}

const maxRounds = 50

/**
 * Kills, and does not wait. Without `pid`, for a server that has ended, it kills what the server has left. Gives what it found; nothing
 * where it cannot look. Never throws.
 */
export const killTree = (pid: number | undefined, mark: string): ReadonlyArray<Found> => {
  if (process.platform === "win32") {
    if (pid !== undefined) killOnWindows(pid)
    return []
  }
  const found = new Map<number, Found>()
  for (let round = 0, grows = true; grows && round < maxRounds; round++) {
    grows = false
    for (const process of descendants(pid, mark, found)) {
      send(process.pid, "SIGSTOP")
      found.set(process.pid, process)
      grows = true
    }
  }
  for (const process of found.values()) send(process.pid, "SIGKILL")
  if (pid !== undefined) send(-pid, "SIGKILL")
  return [...found.values()]
}

const killOnWindows = (pid: number): void => {
  spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true })
    .on("error", () => {
      send(pid, "SIGKILL")
    })
    .unref()
}

/** Waits until these are gone, at most so many milliseconds. A zombie that nobody reaps is gone. */
export const whenGone = async (killed: ReadonlyArray<Found>, millis: number): Promise<void> => {
  const until = performance.now() + millis
  for (let left = killed; performance.now() < until; await new Promise((resolve) => setTimeout(resolve, 5))) {
    left = left.filter(({ pid, started }) => stat(pid)?.started === started)
    if (left.length === 0) return
  }
}

/** Those that belong to the server and are not known yet. */
const descendants = (
  server: number | undefined,
  mark: string,
  known: ReadonlyMap<number, Found>
): ReadonlyArray<Found> => {
  const own = new Set<number | undefined>(known.keys())
  if (server !== undefined) own.add(server)
  const entry = Buffer.from(`${markName}=${mark}\0`)
  return everything()
    .sort((a, b) => a.started - b.started || a.pid - b.pid)
    .filter(({ group, parent, pid, session, started }) => {
      if (pid === process.pid || known.get(pid)?.started === started) return false
      const belongs = own.has(pid) || own.has(parent) || group === server || session === server || has(pid, entry)
      // parents are older than their children: these are found in the same round
      if (belongs) own.add(pid)
      return belongs
    })
}

const everything = (): Array<Stat> => {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (stat(Number(name)) ?? []) : []))
  } catch {
    return []
  }
}

interface Stat extends Found {
  readonly parent: number
  readonly group: number
  readonly session: number
}

/** Of a process that lives. */
const stat = (pid: number): Stat | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    // the name in brackets may hold anything
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    const [state, parent, group, session] = fields
    if (state === "Z" || state === "X") return undefined
    return {
      pid,
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      started: Number(fields[19])
    }
  } catch {
    return undefined
  }
}

const has = (pid: number, entry: Buffer): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`).includes(entry)
  } catch {
    return false
  }
}

const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended
  }
}
