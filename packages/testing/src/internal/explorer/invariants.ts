/**
 * What must hold after every step of the core, whatever came before, said without looking at the history: one statement per rule. The
 * meaning of an instant (meaning.ts) says more, and could share a mistake with the core; these are short enough to be read.
 */
import * as Decision from "@toolscope/core/Decision"
import type { Orders } from "./orders.ts"
import { deeds, isChosenFrom } from "./words.ts"
import type { World } from "./world.ts"

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
  world: World,
  complain: Complain
): void => {
  const { nodes } = program
  let live = 0
  let queued = false
  let asking = false
  let undoing = false
  if (!asked.isInOrder()) complain(`not stops, then undos, then starts: ${asked.text()}`)
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
      if (phase === "queued" || phase === "returning") queued = true
      if (phase === "waiting" || phase === "returning" || phase === "leaving") asking = true
      if (decision !== undefined && goesOn(phase)) complain(`call ${i} is decided (${decision}) and ${phase}`)
    } else if (decision !== "stopped" && decision !== "skipped") checkNode(program, state, i, decision, complain)
    if (policy === "firstSuccess" && decision === undefined) checkRace(program, state, i, world, complain)
    if (world.isScope[i]! && Decision.isLost(state, i)) checkLost(program, state, i, asked, world, complain)
    if (world.isScope[i]! && world.isUndoing(i)) undoing = true
  }
  checkUndos(program, state, asked, world, complain)
  if (live !== Decision.live(state)) complain(`${live} attempts run, and the core counts ${Decision.live(state)}`)
  if (live > program.concurrency) complain(`${live} attempts run, and ${program.concurrency} may`)
  if (queued && live < program.concurrency) complain("a call waits, and a permit is free")
  const isClosed = Decision.isClosed(state)
  if (isClosed !== (live === 0 && !asking && !undoing && Decision.decision(state, 0) !== undefined))
    complain("closed is: the root is decided, nothing runs, nobody is asked, and nothing is being undone")
  if (isClosed)
    for (let i = 0; i < nodes.length; i++)
      if (Decision.isProvisional(state, i)) complain(`it is closed, and what ${i} did is not certain`)
}

const goesOn = (phase: Decision.Phase): boolean =>
  phase === "queued" || phase === "running" || phase === "backoff" || phase === "waiting" || phase === "returning"

/** Below a scope that is lost nothing begins any more, and at the end of a step nothing is left that could be undone at once. */
const checkLost = (
  { nodes }: Decision.Program,
  state: Decision.State,
  scope: number,
  asked: Orders,
  world: World,
  complain: Complain
): void => {
  let atRest = true
  let left = false
  for (let i = scope; i < nodes[scope]!.end; i++) {
    if (nodes[i]!.policy !== "call") continue
    const phase = Decision.phase(state, i)
    if (phase === "stopping" || phase === "leaving") atRest = false
    else if (phase !== "ended" && phase !== "skipped") complain(`call ${i} is ${phase}, and scope ${scope} is lost`)
    if (world.did[i] === deeds.undoable && world.undoneWith[i] === 0) left = true
  }
  for (const call of asked.starts())
    if (call >= scope && call < nodes[scope]!.end) complain(`call ${call} is started, and scope ${scope} is lost`)
  if (atRest && left) complain(`scope ${scope} is lost and at rest, and the rest of it is not being undone`)
}

/** Only what is lost is undone, as a whole, when nothing in it runs, and once. */
const checkUndos = (
  { nodes }: Decision.Program,
  state: Decision.State,
  asked: Orders,
  world: World,
  complain: Complain
): void => {
  for (const scope of world.vain) complain(`nothing is left to be undone in ${scope}, and it is asked for`)
  for (const scope of asked.undos()) {
    const { end, parent, policy } = nodes[scope]!
    if (!Decision.isLost(state, scope)) complain(`${scope} is undone, and not lost`)
    if (Decision.decision(state, scope) === "succeeded") {
      const isDropped = isChosenFrom(nodes[parent]) && !Decision.isCounted(state, scope)
      if (!isDropped || Decision.decision(state, parent) === undefined)
        complain(`${policy} ${scope} has succeeded, and is undone`)
    }
    for (let i = scope; i < end; i++) {
      const phase = nodes[i]!.policy === "call" ? Decision.phase(state, i) : "ended"
      if (phase !== "ended" && phase !== "skipped") complain(`${scope} is undone, and call ${i} in it is ${phase}`)
    }
  }
}

/** While a race is open: what its failed children did can be undone; and where one comes after the other, it is. */
const checkRace = (
  { nodes }: Decision.Program,
  state: Decision.State,
  race: number,
  world: World,
  complain: Complain
): void => {
  const { children, stagger } = nodes[race]!
  let busy = 0
  for (const child of children) {
    let isBusy = Decision.isActive(state, child)
    for (let i = child; i < nodes[child]!.end; i++) {
      if (nodes[i]!.policy !== "call") continue
      const phase = Decision.phase(state, i)
      if (world.did[i] === deeds.stuck && isBad(Decision.decision(state, child)))
        complain(`race ${race} goes on, and what call ${i} did cannot be undone`)
      if (phase === "stopping" || phase === "leaving" || world.did[i] === deeds.undoable) isBusy = true
    }
    if (isBusy) busy++
  }
  if (stagger === "infinite" && busy > 1) complain(`race ${race} goes on, and what went before is not over`)
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
    case "atomic":
    case "deadline": {
      const child = Decision.decision(state, children[0]!)
      if (decision === undefined && open === 0) wrong("its child is decided")
      if (decision === undefined) return
      if (policy === "settled" && decision !== "succeeded") wrong("it never fails")
      if ((policy === "deadline" || policy === "atomic") && decision !== child) wrong(`its child is ${child}`)
      if (policy === "advisory" && decision !== "none" && (decision !== "some" || child !== "succeeded"))
        wrong(`its child is ${child}`)
    }
  }
}
