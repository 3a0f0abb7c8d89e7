/**
 * The meaning of an instant, read from the design a second time. It goes through the whole tree for every event, keeps no counters
 * and shares nothing with the core. The explorer steps it beside the core and compares the two after every instant.
 *
 * The order inside an instant: ends are recorded, nodes decide (children before their parents), retries are due, timers elapse (inner
 * first, later in the plan first, each followed by decisions), a stop from above, what is to be undone, and last the starts.
 */
import type * as Decision from "@toolscope/core/Decision"
import { Orders } from "./orders.ts"
import { type Rules, ruleOf } from "./rules.ts"
import { bad, by, deeds, findScopes, isChosenFrom, isDecided, kept, phases, status } from "./words.ts"

type Ended = Extract<Decision.Event, { readonly type: "ended" | "leftBehind" }>
type Undone = Extract<Decision.Event, { readonly type: "undone" }>

const isEnd = (event: Decision.Event): event is Ended => event.type === "ended" || event.type === "leftBehind"
const isTimer = ({ type }: Decision.Event): boolean =>
  type === "timeout" || type === "grace" || type === "stagger" || type === "deadline"

export class Meaning implements Rules {
  readonly program: Decision.Program
  /** Per node: is it undone as a whole? */
  readonly isScope: ReadonlyArray<boolean>
  /** Everything that changes, to be copied and put back. */
  readonly memory: Uint8Array
  /** Per node: where it is, `status` in words.ts. */
  readonly status: Uint8Array
  /** Per node: what decided it. */
  readonly by: Uint8Array
  /** Per node: the instant of its decision. */
  readonly since: Uint8Array
  /** Per node: it is one of those that the decision of its parent rests on. */
  readonly counted: Uint8Array
  /** Per call: its phase. */
  readonly phase: Uint8Array
  /** Per call: what it did, and what of it is still there. */
  readonly did: Uint8Array
  /** Per call: what it did is being undone together with everything below this node, plus one; or 0. */
  readonly undoneWith: Uint8Array
  /** Per child of a race: its failure has started another. Per `all`: the graces of its advisories run. */
  readonly answered: Uint8Array
  /** Per deadline: it does not run. */
  private readonly held: Uint8Array
  /** Calls that wait, in the order in which they began to; then how many, and the instant. */
  private readonly queue: Uint8Array
  private readonly scalars: Uint8Array
  /** What the core has to ask for in this instant. */
  readonly orders = new Orders()

  constructor(program: Decision.Program) {
    const n = program.nodes.length
    this.program = program
    this.isScope = findScopes(program)
    this.memory = new Uint8Array(10 * n + 2)
    const view = (i: number): Uint8Array => this.memory.subarray(i * n, (i + 1) * n)
    this.status = view(0)
    this.by = view(1)
    this.since = view(2)
    this.counted = view(3)
    this.phase = view(4)
    this.did = view(5)
    this.undoneWith = view(6)
    this.answered = view(7)
    this.queue = view(8)
    this.held = view(9)
    this.scalars = this.memory.subarray(10 * n)
  }

  get instant(): number {
    return this.scalars[1]!
  }

  open(): void {
    this.orders.clear()
    this.activate(0)
    this.decide(-1)
    this.admit()
  }

  step(events: ReadonlyArray<Decision.Event>): void {
    this.orders.clear()
    this.scalars[1] = this.scalars[1]! + 1
    for (const event of events) {
      if (event.type === "asks" && this.phase[event.node] === phases.running) this.phase[event.node] = phases.waiting
    }
    for (const event of events) {
      if (isEnd(event)) this.end(event)
      else if (event.type === "undone") this.recordUndone(event)
    }
    this.decide(-1)
    for (const { node, type } of events) {
      if (type === "retryDue" && this.phase[node] === phases.backoff) this.wait(node, phases.queued)
      if (type === "answered" && this.phase[node] === phases.waiting) this.wait(node, phases.returning)
    }
    // events come in plan order
    for (let i = events.length - 1; i >= 0; i--) if (isTimer(events[i]!)) this.elapse(events[i]!)
    if (events.some(({ type }) => type === "stop")) this.stop()
    this.undo()
    this.admit()
    this.holdDeadlines()
  }

  /** The root is decided, nothing runs, and nothing is being undone. */
  get isOver(): boolean {
    return isDecided(this.status[0]!) && !this.isLive(0) && this.undoneWith.every((by) => by === 0)
  }

  /** An end fixes the verdict of an undecided call, unless another attempt is to follow. */
  private end({ acted, node, result }: Ended): void {
    if (!isUnderWay(this.phase[node]!)) return
    this.did[node] = deeds[acted]
    this.phase[node] = phases.ended
    if (isDecided(this.status[node]!)) return
    if (result === "retry") this.phase[node] = phases.backoff
    else this.fix(node, result === "success" ? status.succeeded : status.failed, by.children)
  }

  /** What was to be undone is gone, or stays for good. */
  private recordUndone({ node, result }: Undone): void {
    for (let i = 0; i < this.undoneWith.length; i++) {
      if (this.undoneWith[i] !== node + 1) continue
      this.undoneWith[i] = 0
      this.did[i] = result === "success" ? deeds.no : deeds.stuck
    }
  }

  /** Whatever a call did is undone as part of the largest subtree around it that is not wanted, and at rest. */
  private undo(): void {
    let last = -1
    for (let call = 0; call < this.did.length; call++) {
      if (this.did[call] !== deeds.undoable || this.undoneWith[call] !== 0) continue
      let largest = -1
      for (let i = call; i !== -1; i = this.program.nodes[i]!.parent) {
        if (this.isScope[i] && this.isUnwanted(i) && !this.isLive(i)) largest = i
      }
      if (largest === -1) continue
      this.undoneWith[call] = largest + 1
      if (largest !== last) this.orders.add("undo", largest)
      last = largest
    }
  }

  /** An `atomic` that came to nothing; in a race, who cannot win any more; what a quorum that undoes its surplus did without. */
  isUnwanted(node: number): boolean {
    const { parent, policy } = this.program.nodes[node]!
    const mine = this.status[node]!
    const cameToNothing = mine === status.failed || mine === status.stopped
    if (cameToNothing && policy === "atomic") return true
    const above = this.program.nodes[parent]
    if (above === undefined || !isChosenFrom(above)) return false
    const isChosen = kept(this.status[parent]!) && this.counted[node] === 1
    if (above.policy === "quorum") return kept(this.status[parent]!) && !isChosen
    return cameToNothing || (isDecided(this.status[parent]!) && !isChosen)
  }

  /** What a call did is there, and may not be for long: something around it is not wanted, or may come to be unwanted. */
  isProvisional(call: number): boolean {
    if (this.did[call] !== deeds.undoable) return false
    for (let i = call; i !== -1; i = this.program.nodes[i]!.parent) {
      const { parent, policy } = this.program.nodes[i]!
      if (!this.isScope[i]) continue
      if (this.isUnwanted(i)) return true
      if (policy === "atomic" && !isDecided(this.status[i]!)) return true
      if (isChosenFrom(this.program.nodes[parent]) && !isDecided(this.status[parent]!)) return true
    }
    return false
  }

  private elapse({ node, type }: Decision.Event): void {
    if (this.status[node] !== status.active) return
    switch (type) {
      case "timeout":
        if (this.phase[node] === phases.running) this.over(node, node)
        return
      case "grace":
        this.fix(node, status.none, by.grace)
        this.close(node, node)
        return this.decide(-1)
      case "stagger":
        this.startAnother(node)
        return this.decide(-1)
      case "deadline":
        return this.held[node] === 1 ? undefined : this.expire(node)
    }
  }

  /** Undecided calls fail, what never came to life is skipped; then the nodes decide by their own rules. */
  private expire(deadline: number): void {
    for (let i = deadline + 1; i < this.program.nodes[deadline]!.end; i++) {
      const isCall = this.program.nodes[i]!.policy === "call"
      if (this.status[i] === status.idle) this.fix(i, status.skipped, by.deadline)
      else if (this.status[i] === status.active && isCall) this.fix(i, status.failed, by.deadline)
      else continue
      if (isCall) this.over(i, deadline)
    }
    this.decide(deadline)
  }

  private stop(): void {
    if (isDecided(this.status[0]!)) return
    this.fix(0, status.stopped, by.stop)
    if (this.program.nodes[0]!.policy === "call") this.over(0, -1)
    this.close(0, -1)
  }

  private activate(root: number): void {
    for (let i = root; i < this.program.nodes[root]!.end; i++) {
      const { parent, policy } = this.program.nodes[i]!
      if (i !== root && (this.status[parent] !== status.active || this.isLaterContender(i))) continue
      this.status[i] = status.active
      if (policy === "call") this.wait(i, phases.queued)
      else if (policy === "deadline") this.orders.add("activated", i)
      else this.runStagger(i)
    }
  }

  private isLaterContender(i: number): boolean {
    const race = this.program.nodes[this.program.nodes[i]!.parent]!
    return race.policy === "firstSuccess" && race.stagger !== "none" && race.children[0] !== i
  }

  /** The stagger of a race runs anew from each start, while there is another child to start. */
  private runStagger(race: number): void {
    const { children, stagger } = this.program.nodes[race]!
    if (stagger === "timed" && children.some((child) => this.status[child] === status.idle && child !== children[0]))
      this.orders.add("stagger", race)
  }

  private startAnother(race: number): void {
    const next = this.program.nodes[race]!.children.find((child) => this.status[child] === status.idle)
    if (next === undefined) return
    this.activate(next)
    this.runStagger(race)
  }

  /** Whatever has not been decided decides if it can, children before parents, until nothing changes. */
  private decide(deadline: number): void {
    const { nodes } = this.program
    for (let i = nodes.length - 1; i >= 0;) {
      const { policy } = nodes[i]!
      if (this.status[i] !== status.active || policy === "call") {
        i--
        continue
      }
      const decision = ruleOf(policy)(this, i)
      if (decision !== undefined) {
        const isLate = deadline !== -1 && i >= deadline && i < nodes[deadline]!.end && !kept(decision)
        this.fix(i, decision, isLate ? by.deadline : by.children)
        this.close(i, i)
      } else if (policy === "firstSuccess" && this.answerFailures(i)) {
        i = nodes.length
      } else if (policy === "all") this.runGraces(i)
      i--
    }
  }

  /** Each failed child of a staggered race starts one more; of an infinite one, once nothing of it runs any more, and all of it is undone. */
  private answerFailures(race: number): boolean {
    const { children, stagger } = this.program.nodes[race]!
    if (stagger === "none") return false
    let found = 0
    for (const child of children) {
      if (!bad(this.status[child]!) || this.answered[child] === 1) continue
      if (stagger === "infinite" && (this.isLive(child) || this.isLeftToUndo(child))) continue
      this.answered[child] = 1
      found++
    }
    for (let i = 0; i < found; i++) this.startAnother(race)
    return found > 0
  }

  private isLive(root: number): boolean {
    for (let i = root; i < this.program.nodes[root]!.end; i++) {
      if (isUnderWay(this.phase[i]!)) return true
    }
    return false
  }

  /** … by this undo or another. */
  private isLeftToUndo(root: number): boolean {
    for (let i = root; i < this.program.nodes[root]!.end; i++) if (this.did[i] === deeds.undoable) return true
    return false
  }

  /** The graces run from the success of the last essential child; without one, advisories run to their end. */
  private runGraces(node: number): void {
    const { children } = this.program.nodes[node]!
    const essential = children.filter((child) => this.program.nodes[child]!.policy !== "advisory")
    if (this.answered[node] === 1 || essential.length === 0) return
    if (essential.some((child) => this.status[child] !== status.succeeded)) return
    this.answered[node] = 1
    for (const child of children) if (!isDecided(this.status[child]!)) this.orders.add("grace", child)
  }

  /** Decides a node, once and for all. */
  private fix(node: number, decision: number, why: number): void {
    this.status[node] = decision
    this.by[node] = why
    this.since[node] = this.instant
    if (this.program.nodes[node]!.policy !== "call") this.orders.add("decided", node)
  }

  /** What is undecided below a decided node is stopped; what never came to life is skipped. */
  private close(node: number, cause: number): void {
    for (let i = node + 1; i < this.program.nodes[node]!.end; i++) {
      if (isDecided(this.status[i]!)) continue
      this.fix(i, this.status[i] === status.idle ? status.skipped : status.stopped, by.stop)
      if (this.program.nodes[i]!.policy === "call") this.over(i, cause)
    }
  }

  /** A call has to end: told so if it runs; over, if it waits. One that was told already is not told again. */
  private over(call: number, cause: number): void {
    const phase = this.phase[call]!
    if (phase === phases.stopping || phase === phases.leaving || phase === phases.ended) return
    this.orders.add(isUnderWay(phase) ? "stop" : "drop", call, cause)
    if (isUnderWay(phase)) this.phase[call] = hasPermit(phase) ? phases.stopping : phases.leaving
    else this.phase[call] = phase === phases.backoff ? phases.ended : phases.skipped
  }

  private wait(call: number, phase: number): void {
    this.leaveQueue(call)
    this.phase[call] = phase
    this.queue[this.scalars[0]!] = call
    this.scalars[0] = this.scalars[0]! + 1
    this.orders.add("queued", call)
  }

  /** Whoever stood in line before, and has ended since, stands where it comes again. */
  private leaveQueue(call: number): void {
    let left = 0
    for (let k = 0; k < this.scalars[0]!; k++) if (this.queue[k] !== call) this.queue[left++] = this.queue[k]!
    this.scalars[0] = left
  }

  /** First come, first served, as far as permits go. */
  private admit(): void {
    let free = this.program.concurrency
    for (const phase of this.phase) if (hasPermit(phase)) free--
    let left = 0
    for (let k = 0; k < this.scalars[0]!; k++) {
      const call = this.queue[k]!
      const phase = this.phase[call]
      if (phase !== phases.queued && phase !== phases.returning) continue
      if (free > 0) {
        free--
        this.phase[call] = phases.running
        this.orders.add(phase === phases.queued ? "start" : "resume", call)
      } else this.queue[left++] = call
    }
    this.scalars[0] = left
  }

  /** Somebody is asked below, and nobody and nothing else is waited for. */
  isSuspended(root: number): boolean {
    let asks = false
    for (let i = root; i < this.program.nodes[root]!.end; i++) {
      const { children, policy, stagger } = this.program.nodes[i]!
      const phase = this.phase[i]!
      if (policy === "call") {
        if (phase === phases.waiting) asks = true
        else if (phase !== phases.idle && phase !== phases.ended && phase !== phases.skipped) return false
        if (this.undoneWith[i] !== 0) return false
      }
      if (this.status[i] !== status.active) continue
      if (policy === "all" && this.answered[i] === 1) return false
      const isLeft = children.some((child) => this.status[child] === status.idle)
      if (policy === "firstSuccess" && stagger === "timed" && isLeft) return false
    }
    return asks
  }

  /** A deadline does not run while its subtree is suspended. */
  private holdDeadlines(): void {
    for (let i = 0; i < this.status.length; i++) {
      if (this.program.nodes[i]!.policy !== "deadline" || this.status[i] !== status.active) continue
      const holds = this.isSuspended(i) ? 1 : 0
      if (holds === this.held[i]) continue
      this.held[i] = holds
      this.orders.add(holds === 1 ? "pause" : "proceed", i)
    }
  }
}

/** It has begun, and has not ended. */
const isUnderWay = (phase: number): boolean => hasPermit(phase) || (phase >= phases.waiting && phase <= phases.leaving)

const hasPermit = (phase: number): boolean => phase === phases.running || phase === phases.stopping
