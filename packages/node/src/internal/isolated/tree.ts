/**
 * Ends a process with everything that descends from it.
 *
 * Where there is a `/proc`, all that can be found is stopped first (SIGSTOP), and looked for again until nothing new turns up: what is
 * stopped cannot start more while we look. Then all of it is killed. A descendant is known by its parent, its process group, its
 * session, or by a mark in its environment, which it also keeps when it has become a daemon. Elsewhere the process group is killed,
 * on Windows the tree as `taskkill` sees it.
 *
 * It never touches our own process, and nothing that is older than what it ends.
 */
import { spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

/** The variable that marks the environment of a tool's process, or worker, and of all that they start. */
export const markName = "TOOLSCOPE_ISOLATED"

/** A process, told apart from a later one of the same number. */
interface Process {
  readonly pid: number
  readonly ppid: number
  readonly group: number
  readonly session: number
  readonly started: number
  readonly isDead: boolean
}

export interface Target {
  /** The leader of a process group, if there is one. */
  readonly pid: number | undefined
  /** Has it exited? Then its group and its descendants are meant, and not itself: its number may be another's by now. */
  readonly hasExited?: boolean
  readonly mark: string
}

/** Kills, and gives what it killed where it can tell. Takes milliseconds, and does not wait. Never throws. */
export const kill = ({ hasExited = false, mark, pid }: Target): ReadonlyArray<Process> => {
  if (process.platform === "win32") {
    if (pid !== undefined && !hasExited) killOnWindows(pid)
    return []
  }
  const found = freeze(pid, mark, hasExited)
  for (const { pid } of found) signal(pid, "SIGKILL")
  if (pid !== undefined) {
    // its group dies first: it may be our own, when a watchdog calls
    if (pid !== process.pid && !hasExited) signal(pid, "SIGKILL")
    signal(-pid, "SIGKILL")
  }
  return found
}

/** Waits until what was killed is gone; a zombie that nobody reaps is gone. */
export const whenGone = async (killed: ReadonlyArray<Process>): Promise<void> => {
  let left = killed
  for (let millis = 5; ; millis = Math.min(2 * millis, 250)) {
    left = left.filter(({ pid, started }) => {
      const now = read(pid)
      return now?.started === started && !now.isDead
    })
    if (left.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, millis))
  }
}

/** Rounds of looking for what was started while we looked. Each stops what the one before had missed. */
const maxRounds = 50

const freeze = (root: number | undefined, mark: string, hasExited: boolean): ReadonlyArray<Process> => {
  const found = new Map<number, Process>()
  // nothing older can descend from it
  const since = (root === undefined ? undefined : read(root)?.started) ?? read(process.pid)?.started ?? 0
  const needle = Buffer.from(`${markName}=${mark}\0`)
  for (let round = 0; round < maxRounds; round++) {
    let isStable = true
    // parents come before children: what a round finds, it can look below
    for (const candidate of all().sort((a, b) => a.started - b.started || a.pid - b.pid)) {
      const { group, isDead, pid, ppid, session, started } = candidate
      if (isDead || started < since || pid === process.pid || found.get(pid)?.started === started) continue
      if (hasExited && pid === root) continue
      const descends =
        (root !== undefined && [pid, ppid, group, session].includes(root)) || found.has(ppid) || isMarked(pid, needle)
      if (!descends) continue
      signal(pid, "SIGSTOP")
      found.set(pid, candidate)
      isStable = false
    }
    if (isStable) break
  }
  return [...found.values()]
}

const isMarked = (pid: number, needle: Buffer): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`).includes(needle)
  } catch {
    // it is not ours to read, or it has just ended
    return false
  }
}

const all = (): Array<Process> => {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? (read(Number(name)) ?? []) : []))
  } catch {
    return []
  }
}

const read = (pid: number): Process | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    // the name before it may hold blanks and brackets
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const [state, ppid, group, session] = fields
    return {
      pid,
      ppid: Number(ppid),
      group: Number(group),
      session: Number(session),
      started: Number(fields[19]),
      isDead: state === "Z" || state === "X"
    }
  } catch {
    return undefined
  }
}

/** False if there is nobody to signal. */
export const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

const killOnWindows = (pid: number): void => {
  const killer = spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true })
  killer.on("error", () => {
    signal(pid, "SIGKILL")
  })
  killer.unref()
}
