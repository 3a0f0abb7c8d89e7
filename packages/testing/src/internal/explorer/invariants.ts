/**
 * What must hold after every step of the core, whatever came before. Written from the meaning of the policies and not from the code
 * of the core: `expected` says from the children's decisions alone what a node has to be.
 */
import * as Decision from "@toolscope/core/Decision"

/** What a step asked for. */
export interface Asked {
  readonly starts: ReadonlyArray<number>
  readonly stops: ReadonlyArray<number>
  readonly drops: ReadonlyArray<number>
  readonly decided: ReadonlyArray<number>
  /** A start came before a stop or a drop. */
  readonly startBeforeStop: boolean
}

/** The decisions and phases before a step, to compare with. */
export interface Before {
  readonly decisions: ReadonlyArray<Decision.Decision | undefined>
  readonly phases: ReadonlyArray<Decision.Phase>
}

export const before = (state: Decision.State, program: Decision.Program): Before => ({
  decisions: program.nodes.map((_, i) => Decision.decision(state, i)),
  phases: program.nodes.map((_, i) => Decision.phase(state, i))
})

type Complain = (message: string) => void

export const check = (
  program: Decision.Program,
  state: Decision.State,
  was: Before,
  events: ReadonlyArray<Decision.Event>,
  asked: Asked,
  complain: Complain
): void => {
  const { nodes } = program
  let live = 0
  const stop = events.some((event) => event.type === "stop")
  if (asked.startBeforeStop) complain("a start was asked for before a stop")
  if (stop && was.decisions[0] === undefined && Decision.decision(state, 0) === undefined)
    complain("a stop from above did not decide the root")
  for (let i = 0; i < nodes.length; i++) {
    const decision = Decision.decision(state, i)
    const earlier = was.decisions[i]
    if (earlier !== undefined && decision !== earlier) complain(`node ${i} was ${earlier}, and is ${decision}`)
    const parent = nodes[i]!.parent
    if (parent !== -1 && Decision.decision(state, parent) !== undefined && decision === undefined) {
      complain(`node ${i} is undecided under a decided parent`)
    }
    if (nodes[i]!.policy === "call") {
      const phase = Decision.phase(state, i)
      if (phase === "running" || phase === "stopping") live++
      if (
        decision !== undefined &&
        (phase === "queued" || phase === "running" || phase === "backoff" || phase === "idle")
      ) {
        complain(`call ${i} is decided (${decision}) and ${phase}`)
      }
      if (asked.starts.includes(i)) {
        if (phase !== "running") complain(`call ${i} was started and is ${phase}`)
        if (earlier !== undefined) complain(`call ${i} was started after it was decided`)
      }
      if (phase === "stopping" && was.phases[i] === "running" && !asked.stops.includes(i))
        complain(`call ${i} is stopping, and was not told`)
      continue
    }
    if (decision !== undefined && earlier === undefined && asked.decided.filter((n) => n === i).length !== 1) {
      complain(`the decision of node ${i} was told ${asked.decided.filter((n) => n === i).length} times`)
    }
    if (decision === "stopped" || decision === "skipped") continue
    checkNode(program, state, i, decision, earlier === undefined, complain)
  }
  if (live !== Decision.live(state)) complain(`${live} attempts run, and the core counts ${Decision.live(state)}`)
  if (live > program.concurrency) complain(`${live} attempts run, and ${program.concurrency} may`)
  const waiting = nodes.some((_, i) => Decision.phase(state, i) === "queued")
  if (waiting && live < program.concurrency) complain("a call waits, and a permit is free")
}

/** Progress: in a state that is not closed something can still happen without a stop from above. */
export const canGoOn = (slots: ReadonlyArray<ReadonlyArray<Decision.Event>>): boolean =>
  slots.some((options) => options.some((event) => event.type !== "stop"))

const isBad = (d: Decision.Decision | undefined): boolean => d === "failed" || d === "skipped"

/** The rule of a policy, as a statement about its children's decisions. */
const checkNode = (
  program: Decision.Program,
  state: Decision.State,
  node: number,
  decision: Decision.Decision | undefined,
  isNew: boolean,
  complain: Complain
): void => {
  const { children, need, policy, stagger } = program.nodes[node]!
  const of = (child: number) => Decision.decision(state, child)
  const by = Decision.decidedBy(state, node)
  const wrong = (what: string) => complain(`${policy} ${node} is ${decision ?? "undecided"}: ${what}`)
  const successes = children.filter((child) => of(child) === "succeeded")
  const bad = children.filter((child) => isBad(of(child)))
  switch (policy) {
    case "all": {
      const essential = children.filter((child) => program.nodes[child]!.policy !== "advisory")
      const advisories = children.filter((child) => program.nodes[child]!.policy === "advisory")
      const failed = essential.some((child) => isBad(of(child)))
      const done =
        essential.every((child) => of(child) === "succeeded") &&
        advisories.every((child) => of(child) === "some" || of(child) === "none")
      if (decision === undefined && Decision.isActive(state, node) && failed) wrong("an essential child has failed")
      if (decision === undefined && Decision.isActive(state, node) && done) wrong("all children are done")
      if (decision === "succeeded" && !done) wrong("not all children are done")
      if (decision === "failed" && !failed) wrong("no essential child has failed")
      return
    }
    case "advisory": {
      const child = of(children[0]!)
      if (decision === undefined && Decision.isActive(state, node) && child !== undefined) wrong("its child is decided")
      if (decision === "some" && child !== "succeeded") wrong("its child has not succeeded")
      if (decision === "failed" || decision === "succeeded") wrong("an advisory is some or none")
      return
    }
    case "quorum": {
      const size = program.nodes[node]!.agree ? largestAgreement(program, node, successes) : successes.length
      const open = children.filter((child) => of(child) === undefined).length
      if (decision === undefined && Decision.isActive(state, node)) {
        if (size >= need) wrong("enough have succeeded")
        if (size + open < need) wrong("it can be reached no more")
      }
      if (decision === "succeeded") {
        if (typeof by === "string" || by.length !== need) wrong(`it counted ${String(by)}, and needs ${need}`)
        else if (by.some((child) => of(child) !== "succeeded")) wrong("it counted one that has not succeeded")
      }
      // when it failed, those that were open then have been stopped
      if (isNew && decision === "failed") {
        const stopped = children.filter(
          (child) => of(child) === "stopped" || (of(child) === "skipped" && !bad.includes(child))
        ).length
        if (size + stopped >= need) wrong("it could still be reached")
      }
      return
    }
    case "firstSuccess":
      if (decision === undefined && Decision.isActive(state, node)) {
        if (successes.length > 0) wrong("one has succeeded")
        if (bad.length === children.length) wrong("all have failed")
        const alive = children.filter((child) => Decision.isActive(state, child)).length
        if (stagger === "timed" && alive === 0) wrong("nothing of it runs, and the next was not started")
        if (stagger === "infinite" && alive > 1) wrong("two of it run at once")
      }
      if (decision === "succeeded" && (typeof by === "string" || by.length !== 1 || of(by[0]!) !== "succeeded")) {
        wrong(`its winner is ${String(by)}`)
      }
      if (decision === "failed" && successes.length > 0) wrong("one has succeeded")
      if (decision === "failed" && bad.length === 0) wrong("none has failed")
      return
    case "settled":
    case "deadline": {
      const child = of(children[0]!)
      if (decision === undefined && Decision.isActive(state, node) && child !== undefined) wrong("its child is decided")
      if (decision === undefined) return
      if (policy === "settled" ? decision !== "succeeded" : decision !== child) wrong(`its child is ${child}`)
    }
  }
}

const largestAgreement = (program: Decision.Program, quorum: number, successes: ReadonlyArray<number>): number =>
  Math.max(0, ...successes.map((a) => successes.filter((b) => a === b || program.agrees(quorum, a, b)).length))
