/**
 * What must hold after every step of the core, whatever came before, said without looking at the history: one statement per rule. The
 * meaning of an instant (meaning.ts) says more, and could share a mistake with the core; these are short enough to be read.
 */
import * as Decision from "@toolscope/core/Decision"
import type { Orders } from "./orders.ts"

/** The decisions before a step, to compare with. */
export type Before = ReadonlyArray<Decision.Decision | undefined>

export const before = (state: Decision.State, program: Decision.Program): Before =>
  program.nodes.map((_, i) => Decision.decision(state, i))

type Complain = (message: string) => void

export const check = (
  program: Decision.Program,
  state: Decision.State,
  was: Before,
  asked: Orders,
  complain: Complain
): void => {
  const { nodes } = program
  let live = 0
  let waiting = false
  if (!asked.startsAreLast()) complain("a start was asked for before a stop")
  if (!asked.stopsFollow((cause) => isDecisive(program, state, was, cause)))
    complain(`a stop came before the decision that asks for it: ${asked.text()}`)
  for (let i = 0; i < nodes.length; i++) {
    const decision = Decision.decision(state, i)
    const { parent, policy } = nodes[i]!
    if (was[i] !== undefined && decision !== was[i]) complain(`node ${i} was ${was[i]}, and is ${decision}`)
    if (decision === undefined && parent !== -1 && Decision.decision(state, parent) !== undefined)
      complain(`node ${i} is undecided under a decided parent`)
    if (policy === "call") {
      const phase = Decision.phase(state, i)
      if (phase === "running" || phase === "stopping") live++
      if (phase === "queued") waiting = true
      if (decision !== undefined && (phase === "queued" || phase === "running" || phase === "backoff"))
        complain(`call ${i} is decided (${decision}) and ${phase}`)
    } else if (decision !== "stopped" && decision !== "skipped") checkNode(program, state, i, decision, complain)
  }
  if (live !== Decision.live(state)) complain(`${live} attempts run, and the core counts ${Decision.live(state)}`)
  if (live > program.concurrency) complain(`${live} attempts run, and ${program.concurrency} may`)
  if (waiting && live < program.concurrency) complain("a call waits, and a permit is free")
  if (Decision.isClosed(state) !== (live === 0 && Decision.decision(state, 0) !== undefined))
    complain("closed is: the root is decided, and nothing runs")
}

/** Progress: in a state that is not closed something can still happen without a stop from above. */
export const canGoOn = (slots: ReadonlyArray<ReadonlyArray<Decision.Event>>): boolean =>
  slots.some((options) => options.some((event) => event.type !== "stop"))

/** A node that was decided in this step, by its children or its grace. A deadline stops before its nodes decide. */
const isDecisive = (program: Decision.Program, state: Decision.State, was: Before, cause: number): boolean =>
  cause !== -1 &&
  program.nodes[cause]!.policy !== "call" &&
  program.nodes[cause]!.policy !== "deadline" &&
  was[cause] === undefined &&
  Decision.decision(state, cause) !== undefined

const isBad = (d: Decision.Decision | undefined): boolean => d === "failed" || d === "skipped"

/** The rule of a policy, as a statement about its children's decisions. */
const checkNode = (
  program: Decision.Program,
  state: Decision.State,
  node: number,
  decision: Decision.Decision | undefined,
  complain: Complain
): void => {
  if (decision === undefined && !Decision.isActive(state, node)) return
  const { children, need, policy, stagger } = program.nodes[node]!
  const wrong = (what: string) => complain(`${policy} ${node} is ${decision ?? "undecided"}: ${what}`)
  let good = 0
  let bad = 0
  let open = 0
  let active = 0
  for (const child of children) {
    const d = Decision.decision(state, child)
    if (d === undefined) open++
    else if (d === "succeeded" || d === "some" || d === "none") good++
    else if (isBad(d)) bad++
    if (Decision.isActive(state, child)) active++
  }
  switch (policy) {
    case "all":
      if (decision === undefined && bad > 0) wrong("an essential child has failed")
      if (decision === undefined && open === 0) wrong("all children are done")
      if (decision === "succeeded" && good < children.length) wrong("not all children are done")
      if (decision === "failed" && bad === 0) wrong("no essential child has failed")
      return
    case "quorum": {
      // of those that agree there can be fewer, never more
      if (decision === undefined && good + open < need) wrong("it can be reached no more")
      if (program.nodes[node]!.agree) {
        if (decision === "succeeded" && good < need) wrong("too few have succeeded")
        return
      }
      if (decision === undefined && good >= need) wrong("enough have succeeded")
      if (decision === "succeeded" && good < need) wrong("too few have succeeded")
      if (decision === "failed" && children.length - bad >= need) wrong("it could still be reached")
      return
    }
    case "firstSuccess":
      if (decision === undefined && good > 0) wrong("one has succeeded")
      if (decision === undefined && bad === children.length) wrong("all have failed")
      if (decision === undefined && stagger === "timed" && active === 0) wrong("the next was not started")
      if (decision === undefined && stagger === "infinite" && active > 1) wrong("two of it run at once")
      if (decision === "succeeded" && good === 0) wrong("none has succeeded")
      if (decision === "failed" && (good > 0 || bad === 0)) wrong("one has succeeded, or none has failed")
      return
    case "advisory":
    case "settled":
    case "deadline": {
      const child = Decision.decision(state, children[0]!)
      if (decision === undefined && open === 0) wrong("its child is decided")
      if (decision === undefined) return
      if (policy === "settled" && decision !== "succeeded") wrong("it never fails")
      if (policy === "deadline" && decision !== child) wrong(`its child is ${child}`)
      if (policy === "advisory" && decision !== "none" && (decision !== "some" || child !== "succeeded"))
        wrong(`its child is ${child}`)
    }
  }
}
