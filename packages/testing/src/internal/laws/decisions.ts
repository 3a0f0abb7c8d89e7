/**
 * Laws about decisions. Each node's decision is derived again, from the plan and from what its children came to.
 *
 * A node that decides closes what is undecided below it, so what its children came to in the end says how they stood when it decided:
 * those that were *stopped* (or never came to life) were open then.
 */
import { isFromAbove, stopFromAbove } from "./above.ts"
import { type Complain, law } from "./law.ts"
import { canUndo, type CallJson, type Event, isSuspended, type Of, overOf, type Run } from "./run.ts"
import { callsBelow, type PlanNode, upwards } from "./tree.ts"

type NodeJson = NonNullable<Run["index"]["report"]>["nodes"][number]

/** How a child stood when its parent decided. */
type Standing = "good" | "bad" | "open"

/** What a node's children make of it. `counted`: exactly these children, or only how many of the good ones. */
type Ruling =
  | { readonly decision: "open" }
  | { readonly decision: "succeeded" | "failed" | "some" | "none"; readonly counted: ReadonlyArray<PlanNode> | number }
  /** It hangs on whether its children agree, which cannot be seen. */
  | { readonly decision: "unseen"; readonly counted: number }

export interface Derived {
  readonly decision: (node: PlanNode) => Pick<NodeJson, "decision" | "decidedBy"> | undefined
  readonly standing: (node: PlanNode) => Standing
  readonly counts: (parent: PlanNode, child: PlanNode) => boolean
  /** The first call, in plan order, of what decided a node; or the node below it that a deadline decided, which does not say by whom. */
  readonly origin: (node: PlanNode) => PlanNode | undefined
  readonly rule: (node: PlanNode) => Ruling
}

/** What a report says, to be asked node by node. */
export const derive = (run: Run): Derived => {
  const nodes = new Map(run.index.report?.nodes.map((node) => [node.node, node]))
  const callOf = (node: PlanNode): CallJson | undefined => run.index.call(node.path)?.report
  const decision = (node: PlanNode) => nodes.get(node.pointer)
  const standing = (node: PlanNode): Standing => {
    if (node.policy === "call") {
      const call = callOf(node)
      if (call?.verdict === "succeeded") return "good"
      // one that a deadline found before it came to life cannot succeed any more
      const [stop] = run.index.call(node.path)!.stops
      const isOutside = stop !== undefined && isFromAbove(run, stop)
      const isLost = call?.outcome === "Skipped" && call.stoppedBy?.source === "deadline" && !isOutside
      return call?.verdict === "failed" || isLost ? "bad" : "open"
    }
    const { decidedBy, decision: d } = decision(node) ?? { decision: "stopped", decidedBy: "stop" }
    if (d === "succeeded" || d === "some") return "good"
    return d === "failed" || d === "none" || (d === "skipped" && decidedBy === "deadline") ? "bad" : "open"
  }
  const counts = (parent: PlanNode, child: PlanNode): boolean => {
    const by = decision(parent)?.decidedBy
    return Array.isArray(by) && (by as ReadonlyArray<string>).includes(child.path)
  }
  const origin = (node: PlanNode): PlanNode | undefined => {
    let at: PlanNode | undefined = node
    while (at !== undefined && at.policy !== "call" && decision(at)?.decidedBy !== "deadline") {
      const parent: PlanNode = at
      // of a failed node those that succeeded, and only differ, are no origin
      const failed = decision(parent)?.decision === "failed"
      at = parent.children.find((child) => counts(parent, child) && !(failed && standing(child) === "good"))
    }
    return at
  }
  // what can be undone in a part that is lost has been by the end
  const isStuck = (node: PlanNode): boolean =>
    callsBelow(node).some((call) => callOf(call)?.effects.some(({ state }) => state !== "compensated") === true)
  const rule = (node: PlanNode): Ruling => ruling(node, standing, isStuck, callOf)
  return { decision, standing, counts, origin, rule }
}

const open: Ruling = { decision: "open" }

const ruling = (
  node: PlanNode,
  standing: (node: PlanNode) => Standing,
  isStuck: (node: PlanNode) => boolean,
  callOf: (node: PlanNode) => CallJson | undefined
): Ruling => {
  const { children, need, policy } = node
  const good = children.filter((child) => standing(child) === "good")
  const bad = children.filter((child) => standing(child) === "bad")
  const pending = children.length - good.length - bad.length
  switch (policy) {
    case "call":
      return open
    case "all": {
      const failed = bad.filter((child) => child.policy !== "advisory")
      if (failed.length > 0) return { decision: "failed", counted: failed }
      return pending === 0 ? { decision: "succeeded", counted: good } : open
    }
    case "advisory":
      return pending === 1 ? open : { decision: good.length > 0 ? "some" : "none", counted: children }
    case "settled":
      return pending === 1 ? open : { decision: "succeeded", counted: children }
    case "atomic":
    case "deadline":
      return pending === 1 ? open : { decision: good.length > 0 ? "succeeded" : "failed", counted: children }
    case "firstSuccess": {
      // successes of the same instant: the first in plan order
      if (good.length > 0) return { decision: "succeeded", counted: good.slice(0, 1) }
      const acted = bad.filter(isStuck)
      if (pending === 0) return { decision: "failed", counted: acted.length > 0 ? acted : bad }
      return acted.length > 0 ? { decision: "failed", counted: acted } : open
    }
    case "quorum": {
      const best = node.agree === "no" ? good : agreeing(node, good, callOf)
      // where values must agree, those that differ stand in the way as well as those that failed
      const inTheWay = node.agree === "no" ? bad : children.filter((child) => standing(child) !== "open")
      if (best === undefined) {
        if (good.length + pending < need) return { decision: "failed", counted: inTheWay }
        // at worst, no two agree
        return good.length >= need || 1 + pending < need ? { decision: "unseen", counted: need } : open
      }
      if (best.length >= need) return { decision: "succeeded", counted: best.length === need ? best : need }
      return best.length + pending < need ? { decision: "failed", counted: inTheWay } : open
    }
  }
}

/** The largest set of successes that agree; `undefined` where their values cannot be seen, or more than one set is as large. */
const agreeing = (
  node: PlanNode,
  good: ReadonlyArray<PlanNode>,
  callOf: (node: PlanNode) => CallJson | undefined
): ReadonlyArray<PlanNode> | undefined => {
  if (node.agree === "custom" || good.some(({ policy }) => policy !== "call")) return undefined
  const groups = new Map<string, Array<PlanNode>>()
  for (const child of good) {
    const key = canonical(callOf(child)?.value)
    groups.set(key, [...(groups.get(key) ?? []), child])
  }
  const sorted = [...groups.values()].sort((a, b) => b.length - a.length)
  if (sorted.length > 1 && sorted[0]!.length >= node.need && sorted[1]!.length >= node.need) return undefined
  return sorted[0] ?? []
}

const canonical = (json: unknown): string =>
  JSON.stringify(json, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  )

export const orderFree = law(
  "G4",
  "Decided by the policies",
  "Every decision follows from the plan and from what the children came to; so do verdicts, `used`, status and reason.",
  (run, complain) => {
    const { closed, nodes, report } = run.index
    if (report === undefined) return
    const derived = derive(run)
    for (const node of nodes) {
      if (node.policy === "call") checkCall(run, node, derived, complain)
      else checkNode(run, node, derived, complain)
    }
    const status = statusOf(run, derived)
    if (report.status !== status) complain(`the run ${report.status}, by its root it ${status}`, [closed])
    checkReason(run, complain)
  }
)

const checkNode = (run: Run, node: PlanNode, derived: Derived, complain: Complain): void => {
  const reported = derived.decision(node)
  const say = (message: string) =>
    complain(`${node.policy} at ${node.path} (${node.pointer}): ${message}`, [
      run.index.decided(node),
      ...node.children.map((child) =>
        child.policy === "call" ? run.index.call(child.path)?.settled[0] : run.index.decided(child)
      ),
      run.index.closed
    ])
  if (reported === undefined) return say("the report does not have it")
  const { decidedBy, decision } = reported
  const ruling = derived.rule(node)
  if (decision === "suspended") {
    if (decidedBy.length > 0) say(`suspended by ${by(decidedBy)}`)
    if (!isSuspended(run)) say("suspended, and the run was not")
    else if (ruling.decision !== "open" && ruling.decision !== "unseen")
      say(`suspended, though its children had made it ${ruling.decision}`)
    return
  }
  if (decision === "stopped" || decision === "skipped") {
    const isLost = decision === "skipped" && decidedBy === "deadline"
    if (decidedBy !== "stop" && !isLost) say(`${decision} by ${by(decidedBy)}`)
    // one without calls is skipped where it never came to life
    else if (
      !["open", "unseen"].includes(ruling.decision) &&
      node.policy !== "firstSuccess" &&
      !isLost &&
      !(decision === "skipped" && callsBelow(node).length === 0)
    )
      say(`${decision}, though its children had made it ${ruling.decision}`)
    return
  }
  if (decidedBy === "grace") {
    const essential = node.parent?.children.filter(({ policy }) => policy !== "advisory") ?? []
    const isDue = essential.length > 0 && essential.every((child) => derived.standing(child) === "good")
    if (node.policy !== "advisory" || decision !== "none" || ruling.decision !== "open" || !isDue)
      say(`${decision} by its grace, which had not begun to run`)
    return
  }
  if (decidedBy === "stop") return say(`${decision} by a stop`)
  const stuck = node.policy === "firstSuccess" && decision === "succeeded" ? stuckBefore(run, node, derived) : undefined
  if (stuck !== undefined) return say(`succeeded, though ${stuck} had failed before, and what it did cannot be undone`)
  if (ruling.decision === "unseen" && decision === "failed") return
  if (ruling.decision !== decision && !(ruling.decision === "unseen" && decision === "succeeded"))
    return say(`${decision}, though its children make it ${ruling.decision === "open" ? "undecided" : ruling.decision}`)
  if (decidedBy === "deadline") {
    if (![...upwards(node)].some(({ policy }) => policy === "deadline"))
      say(`${decision} by a deadline that is not there`)
    else if (decision === "succeeded" || decision === "some")
      say(`${decision} by a deadline, which makes nothing succeed`)
    return
  }
  const counted = node.children.filter((child) => decidedBy.includes(child.path))
  if (counted.map(({ path }) => path).join() !== decidedBy.join())
    return say(`decided by ${by(decidedBy)}, which are not its children in plan order`)
  const { counted: expected } = ruling
  const isRight =
    typeof expected === "number"
      ? counted.length === expected && counted.every((child) => derived.standing(child) === "good")
      : node.policy === "firstSuccess" && decision === "failed"
        ? countsFailures(node, counted, expected, derived)
        : counted.length === expected.length && counted.every((child, i) => child === expected[i])
  if (!isRight)
    say(
      `decided by ${by(decidedBy)}, not by ${typeof expected === "number" ? `${expected} that succeeded` : by(expected.map(({ path }) => path))}`
    )
}

/** A child of a race that had failed, with an effect that stays, at an instant before the race was decided. */
const stuckBefore = (run: Run, race: PlanNode, derived: Derived): string | undefined => {
  const decided = run.index.decided(race)
  const isEarlier = (event: Event | undefined) =>
    event !== undefined && decided !== undefined && event.time < decided.time
  const stuck = race.children.find((child) => {
    const failure = child.policy === "call" ? run.index.call(child.path)!.settled[0] : run.index.decided(child)
    if (derived.standing(child) !== "bad" || !isEarlier(failure)) return false
    const calls = callsBelow(child).map(({ path }) => run.index.call(path)!)
    // the race hears of an undo when all of it is over
    const undos = calls.flatMap(({ events }) => events.filter(isUndo))
    const failed = undos.some(({ type }) => type === "effect.compensationFailed") && undos.every(isEarlier)
    const stays = calls.some((call) => {
      const over = call.attempts.flatMap((attempt) => overOf(attempt) ?? []).at(-1)
      const isLeft = call.report?.effects.some(({ state }) => state !== "compensated") === true
      return isLeft && !canUndo(call) && !call.events.some(isUndo) && isEarlier(over)
    })
    return failed || stays
  })
  return stuck?.path
}

const isUndo = ({ type }: Event): boolean => type.startsWith("effect.compensat")

/** A race may be lost before all that acted has come to light: it counts some of those that had, or everybody. */
const countsFailures = (
  node: PlanNode,
  counted: ReadonlyArray<PlanNode>,
  expected: ReadonlyArray<PlanNode>,
  derived: Derived
): boolean =>
  counted.length > 0 &&
  (counted.every((child) => expected.includes(child)) ||
    (counted.length === node.children.length && counted.every((child) => derived.standing(child) === "bad")))

const by = (decidedBy: ReadonlyArray<string> | string): string =>
  typeof decidedBy === "string" ? decidedBy : decidedBy.length === 0 ? "nothing" : decidedBy.join(", ")

const checkCall = (run: Run, node: PlanNode, derived: Derived, complain: Complain): void => {
  const call = run.index.call(node.path)!
  if (call.report === undefined) return
  const { outcome, stoppedBy, used, verdict } = call.report
  const say = (message: string) => complain(`${call.id} ${message}`, [...call.stops, call.settled[0], run.index.closed])
  if (verdict === "succeeded" && (outcome !== "Succeeded" || stoppedBy !== undefined))
    say(`has the verdict succeeded, and is ${outcome}${stoppedBy === undefined ? "" : ", stopped"}`)
  const isOutside =
    stoppedBy !== undefined &&
    call.stops.some((stop) => {
      const { origin, reason, source } = stop
      const isIt = source === stoppedBy.source && origin === stoppedBy.call && reason === stoppedBy.reason
      return isIt && isFromAbove(run, stop)
    })
  // what the budget does not let begin has failed; what runs when its time is up is stopped
  const isRefused = stoppedBy?.source === "budget" && call.stops.length === 0
  const expected = isOutside
    ? ["none"]
    : stoppedBy === undefined
      ? [outcome === "Succeeded" ? "succeeded" : outcome === "Suspended" ? "none" : "failed"]
      : stoppedBy.source === "timeout"
        ? ["failed", "none"]
        : isRefused
          ? ["failed", "none"]
          : stoppedBy.source === "deadline"
            ? [outcome === "Skipped" && verdict === "none" ? "none" : "failed"]
            : ["none"]
  if (!expected.includes(verdict))
    say(
      `is ${outcome}, ${stoppedBy === undefined ? "never stopped" : `stopped (${stoppedBy.source})`}, and has the verdict ${verdict}`
    )
  const isUsed =
    verdict === "succeeded" &&
    [...upwards(node)].every(
      (child) =>
        child.parent === undefined || (derived.standing(child.parent) === "good" && derived.counts(child.parent, child))
    )
  if (used !== isUsed)
    say(`is reported as ${used ? "" : "not "}used; by the decisions above it, it is ${isUsed ? "" : "not "}`)
}

const statusOf = (run: Run, derived: Derived): string => {
  const { root } = run.index
  const decision =
    root.policy === "call" ? run.index.call(root.path)?.report?.verdict : derived.decision(root)?.decision
  if (decision === "succeeded") return "succeeded"
  const isUndecided = root.policy === "call" && run.index.call(root.path)?.report?.outcome === "Suspended"
  if (decision === "suspended" || isUndecided) return "suspended"
  const wasStopped = decision === "stopped" || decision === "none"
  return wasStopped && !isOutOfTime(run) ? "interrupted" : "failed"
}

/** Was it stopped because the time of its budget was up? A call that timed out in that very instant was told of that alone. */
const isOutOfTime = (run: Run): boolean => {
  const stop = stopFromAbove(run)
  return (
    (stop === undefined ? run.index.report!.reason?._tag === "BudgetExceeded" : stop.source === "budget") &&
    timeIsUp(run)
  )
}

/** Of a budget of its own, or of what it runs in. */
const timeIsUp = ({ id, index: { closed }, tolerance, whole }: Run): boolean => {
  const isOver = (opened: Of<"fanout.opened" | "session.opened"> | undefined): boolean => {
    const limit = opened?.budget?.wallClock?.limit
    // clocks of two kinds may differ by what is no time
    return limit !== undefined && closed!.time + tolerance + 1 >= opened!.time + limit
  }
  for (let at: string | undefined = id; at !== undefined; at = whole.insideRun(at).inside?.run) {
    const opened = whole.runs.get(at)?.index.opened
    if (isOver(opened) || (opened !== undefined && isOver(whole.sessions.get(opened.session)?.opened))) return true
  }
  return false
}

const checkReason = (run: Run, complain: Complain): void => {
  const { closed, report, root } = run.index
  const { reason, status } = report!
  if ((reason === undefined) !== (status === "succeeded"))
    complain(`the run ${status}, and its reason is ${reason?._tag ?? "missing"}`, [closed])
  if (reason === undefined) return
  const wrong = reason.calls.filter((id) => run.index.call(id)?.report?.verdict !== "failed")
  if (wrong.length > 0) complain(`the reason names ${wrong.join(", ")}, which did not fail`, [closed])
  if (status !== "failed") return
  const isShort =
    isOutOfTime(run) ||
    reason.calls.some((id) => {
      const call = run.index.call(id)?.report
      return call?.attempts === 0 && call.budget !== undefined
    })
  if (isShort !== (reason._tag === "BudgetExceeded"))
    complain(`the reason is ${reason._tag}, and the budget ${isShort ? "" : "never "}fell short`, [closed])
  if (isShort) return
  const tag = { quorum: "QuorumFailed", firstSuccess: "AllFailed" } as const
  let at = root
  const isLate = () => run.index.report!.nodes.find(({ node }) => node === at.pointer)?.decidedBy === "deadline"
  const isWrapper = () => at.policy === "deadline" || at.policy === "atomic"
  while (isWrapper() && !isLate()) at = at.children[0]!
  const expected = isWrapper()
    ? "DeadlineExceeded"
    : at.policy === "quorum" || at.policy === "firstSuccess"
      ? tag[at.policy]
      : "EssentialFailed"
  if (reason._tag !== expected) complain(`the reason is ${reason._tag}, by the root it is ${expected}`, [closed])
}

export const decidedOnce = law(
  "L10",
  "Each decides once, in time",
  "A node decides once, as the report has it, after the children that it counts; by a deadline or a grace not before that has elapsed.",
  (run, complain) => {
    const { closed, nodes, opened, report } = run.index
    const events = run.events.filter((event): event is Of<"policy.decided"> => event.type === "policy.decided")
    for (const node of nodes) {
      if (node.policy === "call") continue
      const mine = events.filter((event) => event.node === node.pointer)
      const [first] = mine
      if (mine.length > 1) complain(`${node.policy} at ${node.path} decided ${mine.length} times`, mine)
      if (report === undefined) continue
      if (first === undefined) {
        const isUndecided = report.nodes.some(
          ({ decision, node: pointer }) => pointer === node.pointer && decision === "suspended"
        )
        if (!isUndecided) complain(`${node.policy} at ${node.path} never decided`, [opened, closed])
        continue
      }
      const listed = report.nodes.find(({ node: pointer }) => pointer === node.pointer)
      if (listed !== undefined && !isSame(listed, first))
        complain(`${node.policy} at ${node.path} decided otherwise than the report has it`, [first, closed])
      checkOrder(run, node, first, complain)
      checkTime(run, node, first, complain)
    }
    const strange = events.find(({ node }) => !nodes.some(({ pointer }) => pointer === node))
    if (strange !== undefined) complain(`${strange.node} is no node of the plan`, [strange])
  }
)

const isSame = (a: NodeJson, b: Of<"policy.decided">): boolean =>
  a.decision === b.decision && a.policy === b.policy && by(a.decidedBy) === by(b.decidedBy)

const checkOrder = (run: Run, node: PlanNode, decided: Of<"policy.decided">, complain: Complain): void => {
  for (const child of node.children) {
    if (typeof decided.decidedBy === "string" || !decided.decidedBy.includes(child.path)) continue
    const earlier = child.policy === "call" ? lastEnd(run, child, decided) : run.index.decided(child)
    if (earlier !== undefined && run.index.place(earlier) > run.index.place(decided))
      complain(`${node.policy} at ${node.path} counts ${child.path}, which came later`, [decided, earlier])
  }
}

/** A call that a deadline failed may end later (also one that had timed out by then): it was not its end that decided. */
const lastEnd = (run: Run, node: PlanNode, decided: Of<"policy.decided">): Of<"attempt.ended"> | undefined => {
  const call = run.index.call(node.path)!
  const elapsed = decided.time - run.index.opened!.time + run.tolerance
  const source = call.report?.stoppedBy?.source
  const isDue = [...upwards(node)].some(({ millis, policy }) => policy === "deadline" && millis <= elapsed)
  return source === "deadline" || (source === "timeout" && isDue)
    ? undefined
    : call.attempts.flatMap(({ ended }) => ended).at(-1)
}

const checkTime = (run: Run, node: PlanNode, decided: Of<"policy.decided">, complain: Complain): void => {
  const { opened } = run.index
  const elapsed = decided.time - opened!.time + run.tolerance
  if (decided.decidedBy === "grace" && elapsed < node.millis)
    complain(`the grace of ${node.millis} ms at ${node.path} cannot have passed`, [opened, decided])
  const deadlines = [...upwards(node)].filter(({ policy }) => policy === "deadline")
  if (decided.decidedBy === "deadline" && deadlines.every(({ millis }) => elapsed < millis))
    complain(`${node.policy} at ${node.path} was decided before a deadline above it can have elapsed`, [
      opened,
      decided
    ])
}
