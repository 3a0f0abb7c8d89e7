/**
 * Ends processes with everything that descends from them.
 *
 * Where there is a `/proc`, all that can be found is stopped first (SIGSTOP), and looked for again until nothing new turns up: what is
 * stopped cannot start more while we look. Then all of it is killed. A descendant is known by its parent, its process group, its
 * session, or by a mark in its environment, which it also keeps when it has become a daemon. Elsewhere the process group is killed,
 * on Windows the tree as `taskkill` sees it.
 *
 * It looks once for all that are to be killed in one turn of the event loop. It never touches our own process, and nothing that is older
 * than what it ends.
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
  readonly hasExited: () => boolean
  readonly mark: string
}

let waiting: Array<{ readonly target: Target; readonly done: (killed: ReadonlyArray<Process>) => void }> = []

/** Kills in the next turn, and gives what it has killed, as far as it can tell, when that is gone. Never rejects. */
export const kill = async (target: Target): Promise<number> => {
  const killed = await new Promise<ReadonlyArray<Process>>((done) => {
    waiting.push({ target, done })
    if (waiting.length === 1) setImmediate(killWaiting)
  })
  await whenGone(killed)
  return killed.length
}

const killWaiting = (): void => {
  const all = waiting
  waiting = []
  const killed = killNow(all.map(({ target }) => target))
  all.forEach(({ done, target }) => {
    done(killed.get(target) ?? [])
  })
}

/** Takes milliseconds, and does not wait. Never throws. */
export const killNow = (targets: ReadonlyArray<Target>): ReadonlyMap<Target, ReadonlyArray<Process>> => {
  const killed = new Map<Target, Array<Process>>()
  if (process.platform === "win32") {
    for (const { hasExited, pid } of targets) if (pid !== undefined && !hasExited()) killOnWindows(pid)
    return killed
  }
  for (const { process: found, target } of freeze(targets)) {
    signal(found.pid, "SIGKILL")
    const others = killed.get(target)
    if (others === undefined) killed.set(target, [found])
    else others.push(found)
  }
  for (const { hasExited, pid } of targets) {
    if (pid === undefined) continue
    if (pid !== process.pid && !hasExited()) signal(pid, "SIGKILL")
    signal(-pid, "SIGKILL")
  }
  return killed
}

/** Waits until what was killed is gone; a zombie that nobody reaps is gone. */
const whenGone = async (killed: ReadonlyArray<Process>): Promise<void> => {
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

interface Found {
  readonly process: Process
  readonly target: Target
}

const freeze = (targets: ReadonlyArray<Target>): ReadonlyArray<Found> => {
  const found = new Map<number, Found>()
  const byPid = new Map(targets.flatMap((target) => (target.pid === undefined ? [] : [[target.pid, target]])))
  const byMark = new Map(targets.map((target) => [target.mark, target]))
  // nothing older can descend from them
  const ourStart = read(process.pid)?.started ?? 0
  const since = Math.min(...targets.map(({ pid }) => (pid === undefined ? undefined : read(pid)?.started) ?? ourStart))
  for (let round = 0; round < maxRounds; round++) {
    let isStable = true
    // parents come before children: what a round finds, it can look below
    for (const candidate of all().sort((a, b) => a.started - b.started || a.pid - b.pid)) {
      const { group, isDead, pid, ppid, session, started } = candidate
      if (isDead || started < since || pid === process.pid || found.get(pid)?.process.started === started) continue
      if (byPid.get(pid)?.hasExited() === true) continue
      const target =
        byPid.get(pid) ??
        byPid.get(ppid) ??
        byPid.get(group) ??
        byPid.get(session) ??
        found.get(ppid)?.target ??
        byMark.get(markOf(pid) ?? "")
      if (target === undefined) continue
      signal(pid, "SIGSTOP")
      found.set(pid, { process: candidate, target })
      isStable = false
    }
    if (isStable) break
  }
  return [...found.values()]
}

const markOf = (pid: number): string | undefined => {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0")
    return variables.find((text) => text.startsWith(`${markName}=`))?.slice(markName.length + 1)
  } catch {
    // it is not ours to read, or it has just ended
    return undefined
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
  try {
    const killer = spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true })
    killer.on("error", () => signal(pid, "SIGKILL"))
    killer.unref()
  } catch {
    signal(pid, "SIGKILL")
  }
}
