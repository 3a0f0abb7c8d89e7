/**
 * What may happen next: the part of the world that the decision core does not hold. Which timers run, how many attempts a call has had,
 * what it has done and who is undoing it, and whether somebody has asked for a stop.
 */
import * as Decision from "@toolscope/core/Decision"
import type { Orders } from "./orders.ts"
import { deeds, findScopes, isChosenFrom } from "./words.ts"

export interface Alphabet {
  /** Attempts that a call may have, 1 or 2. */
  readonly attempts: number
  /** Do calls act? Then the end of an attempt may leave something that cannot be undone. */
  readonly effects: boolean
  /** Is there something that can be undone, too? Then every undo that is asked for may succeed or fail. */
  readonly undo: boolean
  /** Do attempts time out? */
  readonly timeouts: boolean
  /** May each call ask somebody, once? */
  readonly questions: boolean
  /** May several events fall into one instant? */
  readonly together: boolean
  /**
   * Does what comes too late come all the same? Timers of nodes that have been decided, timers that elapse together with the end they
   * were for, a second answer, a second stop, attempts that are left behind, undos that nobody asked for.
   */
  readonly late: boolean
}

/** Everything that a running fan-out can tell the core, as long as each event is still awaited. */
export const everything: Alphabet = {
  attempts: 2,
  effects: true,
  undo: true,
  timeouts: true,
  questions: true,
  together: true,
  late: false
}

/** Verdicts, timers of policies, and stops from above, one at a time. */
export const verdicts: Alphabet = {
  attempts: 1,
  effects: false,
  undo: false,
  timeouts: false,
  questions: false,
  together: false,
  late: false
}

const bits = { grace: 16, stagger: 32, deadline: 64, timeout: 16, retryDue: 32, again: 64, asked: 128 } as const
const attemptsMask = 15
/** Of a scope: its undo runs; the last one failed. */
const undoBits = { runs: 1, failed: 2 } as const

/** The world around one program; `memory` is all that changes. */
export class World {
  readonly memory: Uint8Array
  /** Per call: what it did, and what of it is still there: `deeds` in words.ts. */
  readonly did: Uint8Array
  /** Per call: the scope with which it is being undone, plus one; or 0. */
  readonly undoneWith: Uint8Array
  /** Undos of the present instant that found nothing to undo. */
  readonly vain: Array<number> = []
  /** Slots of the present instant, in plan order: each may contribute one of its events, or none. */
  readonly slots: Array<Array<Decision.Event>> = []

  /** Per node: is it undone as a whole? */
  readonly isScope: ReadonlyArray<boolean>

  private readonly program: Decision.Program
  private readonly alphabet: Alphabet
  /** Per node: attempts and armed timers. */
  private readonly tells: Uint8Array
  private readonly undos: Uint8Array
  /** Stops from above; undos that were over and did not run. */
  private readonly once: Uint8Array

  constructor(program: Decision.Program, alphabet: Alphabet) {
    const n = program.nodes.length
    this.program = program
    this.alphabet = alphabet
    this.isScope = findScopes(program)
    this.memory = new Uint8Array(4 * n + 2)
    const view = (i: number): Uint8Array => this.memory.subarray(i * n, (i + 1) * n)
    this.tells = view(0)
    this.did = view(1)
    this.undoneWith = view(2)
    this.undos = view(3)
    this.once = this.memory.subarray(4 * n)
  }

  started(call: number): void {
    this.tells[call] = this.tells[call]! + 1
    if (this.alphabet.late) this.tells[call] = this.tells[call] | bits.timeout
  }

  paused(deadline: number): void {
    this.tells[deadline] = this.tells[deadline]! & ~bits.deadline
  }

  armed(timer: "grace" | "stagger" | "deadline", node: number): void {
    this.tells[node] = this.tells[node]! | bits[timer]
  }

  /** Everything below that can be undone, and that nobody is undoing. */
  undoing(scope: number): void {
    let found = false
    for (let i = scope; i < this.program.nodes[scope]!.end; i++) {
      if (this.did[i] !== deeds.undoable || this.undoneWith[i] !== 0) continue
      this.undoneWith[i] = scope + 1
      found = true
    }
    if (!found) this.vain.push(scope)
    this.undos[scope] = this.undos[scope]! | undoBits.runs
  }

  isUndoing(scope: number): boolean {
    return (this.undos[scope]! & undoBits.runs) !== 0
  }

  /** These events happen in this state: what they use up is gone. */
  consume(state: Decision.State, events: ReadonlyArray<Decision.Event>): void {
    this.vain.length = 0
    for (const event of events) {
      const { node } = event
      switch (event.type) {
        case "stop":
          this.once[0] = this.once[0]! + 1
          break
        case "asks":
          this.tells[node] = this.tells[node]! | bits.asked
          break
        case "answered":
          break
        case "ended":
        case "leftBehind":
          if (!isLive(state, node)) this.tells[node] = this.tells[node]! | bits.again
          else {
            this.did[node] = deeds[event.acted]
            if (this.alphabet.late && event.result === "retry") this.tells[node] = this.tells[node]! | bits.retryDue
          }
          break
        case "undone":
          this.consumeUndone(node, event.result)
          break
        default:
          this.tells[node] = this.tells[node]! & ~bits[event.type]
      }
    }
  }

  private consumeUndone(scope: number, result: "success" | "failure"): void {
    if (!this.isUndoing(scope)) {
      this.once[1] = 1
      return
    }
    this.undos[scope] = result === "failure" ? undoBits.failed : 0
    for (let i = 0; i < this.undoneWith.length; i++) {
      if (this.undoneWith[i] !== scope + 1) continue
      this.undoneWith[i] = 0
      this.did[i] = result === "success" ? deeds.no : deeds.stuck
    }
  }

  /** What of the world the future can depend on, beside the key of the state. */
  key(state: Decision.State): string {
    const { nodes } = this.program
    const { attempts, effects, late, undo } = this.alphabet
    let out = ""
    for (let i = 0; i < nodes.length; i++) {
      out += late || Decision.isActive(state, i) ? String.fromCharCode(48 + this.tells[i]!) : "-"
    }
    if (late) {
      for (let i = 0; i < nodes.length; i++) out += Decision.phase(state, i).slice(0, 2)
      if (undo) out += `${this.undos.join("")}${this.once[1]!}`
    }
    if (attempts > 1 && (effects || undo)) {
      // what an earlier attempt did, the next one has done, too
      for (let i = 0; i < nodes.length; i++) if (mayGoOn(state, i) && this.isTouchy(state, i)) out += this.did[i]!
    }
    return late || Decision.decision(state, 0) === undefined ? out + this.once[0]! : out
  }

  /** Fills `slots` with what may happen in this state. */
  enable(state: Decision.State): void {
    const { nodes } = this.program
    const { late, undo } = this.alphabet
    this.slots.length = 0
    for (let i = 0; i < nodes.length; i++) {
      const options = nodes[i]!.policy === "call" ? this.ofCall(state, i) : this.ofTimer(state, i)
      if (options.length > 0) this.slots.push(options)
      if (undo && this.isScope[i]!) this.addUndone(i)
      if (late && nodes[i]!.policy === "call") this.addLate(state, i)
    }
    const stops = this.once[0]!
    if (late ? stops < 2 : stops === 0 && Decision.decision(state, 0) === undefined)
      this.slots.push([{ type: "stop", node: 0 }])
  }

  private ofCall(state: Decision.State, node: number): Array<Decision.Event> {
    const { attempts, late, questions, timeouts } = this.alphabet
    const active = Decision.isActive(state, node)
    const phase = Decision.phase(state, node)
    if (phase === "backoff") return [{ type: "retryDue", node }]
    if (!isLive(state, node)) return []
    const acted = this.deedsOf(state, node)
    const out: Array<Decision.Event> = acted.map((acted) => ({ type: "ended", node, result: "failure", acted }))
    if (phase === "waiting") out.push({ type: "answered", node })
    if (active && phase === "running") {
      for (const a of acted) out.push({ type: "ended", node, result: "success", acted: a })
      if (timeouts && !late) out.push({ type: "timeout", node })
      if (questions && (this.tells[node]! & bits.asked) === 0) out.push({ type: "asks", node })
    }
    if (active && (this.tells[node]! & attemptsMask) < attempts)
      for (const a of acted) out.push({ type: "ended", node, result: "retry", acted: a })
    if (late) for (const a of acted) out.push({ type: "leftBehind", node, result: "failure", acted: a })
    return out
  }

  /** What a call may have done when it ends: no less than it did before. It matters only where something can still come of it. */
  private deedsOf(state: Decision.State, node: number): ReadonlyArray<Decision.Acted> {
    const { effects, undo } = this.alphabet
    const before = this.did[node]!
    if (!(effects || undo) || !this.isTouchy(state, node)) return [allDeeds[before]!]
    return allDeeds.filter((_, i) => i === before || (i > before && (i === deeds.stuck ? effects : undo)))
  }

  private addUndone(node: number): void {
    const undos = this.undos[node]!
    if ((undos & undoBits.runs) !== 0) {
      this.slots.push([
        { type: "undone", node, result: "success" },
        { type: "undone", node, result: "failure" }
      ])
    } else if (this.alphabet.late && this.once[1] === 0) {
      // it contradicts the one before it
      this.slots.push([{ type: "undone", node, result: (undos & undoBits.failed) === 0 ? "failure" : "success" }])
    }
  }

  /** Each in a slot of its own, so that it can fall into one instant with what it is too late for. */
  private addLate(state: Decision.State, node: number): void {
    const memory = this.tells[node]!
    if ((memory & bits.timeout) !== 0) this.slots.push([{ type: "timeout", node }])
    if ((memory & bits.retryDue) !== 0 && Decision.phase(state, node) !== "backoff")
      this.slots.push([{ type: "retryDue", node }])
    if (!isLive(state, node) && (memory & attemptsMask) > 0 && (memory & bits.again) === 0)
      this.slots.push([{ type: "ended", node, result: "success", acted: "stuck" }])
  }

  private ofTimer(state: Decision.State, node: number): Array<Decision.Event> {
    const out: Array<Decision.Event> = []
    if (!this.alphabet.late && !Decision.isActive(state, node)) return out
    for (const type of ["grace", "stagger", "deadline"] as const) {
      if ((this.tells[node]! & bits[type]) !== 0) out.push({ type, node })
    }
    return out
  }

  /** Can it still matter what this call did? Without undo, to a race above that is undecided; with it, to all that is lost, or may be. */
  private isTouchy(state: Decision.State, node: number): boolean {
    const { nodes } = this.program
    for (let i = node; i !== -1; i = nodes[i]!.parent) {
      const { parent, policy } = nodes[i]!
      if (this.alphabet.undo) {
        if (!this.isScope[i]!) continue
        if (policy === "atomic" && Decision.decision(state, i) === undefined) return true
        if (isChosenFrom(nodes[parent]) && Decision.decision(state, parent) === undefined) return true
        if (Decision.isLost(state, i)) return true
      } else if (policy === "firstSuccess" && Decision.isActive(state, i)) return true
    }
    return false
  }
}

const allDeeds: ReadonlyArray<Decision.Acted> = ["no", "undoable", "stuck"]

/** May an attempt of this call still end? */
const mayGoOn = (state: Decision.State, call: number): boolean => {
  const phase = Decision.phase(state, call)
  return phase === "queued" || phase === "backoff" || isLive(state, call)
}

/** It has begun, and has not ended. */
const isLive = (state: Decision.State, call: number): boolean => {
  const phase = Decision.phase(state, call)
  return (
    phase === "running" || phase === "stopping" || phase === "waiting" || phase === "returning" || phase === "leaving"
  )
}

/** The commands of the core, as the world and a list of orders take them. */
export class Watching implements Decision.Commands {
  private readonly world: World
  private readonly orders: Orders
  constructor(world: World, orders: Orders) {
    this.world = world
    this.orders = orders
  }
  activated(node: number): void {
    this.world.armed("deadline", node)
    this.orders.add("activated", node)
  }
  queued(call: number): void {
    this.orders.add("queued", call)
  }
  arm(timer: "grace" | "stagger", node: number): void {
    this.world.armed(timer, node)
    this.orders.add(timer, node)
  }
  decided(node: number): void {
    this.orders.add("decided", node)
  }
  stop(call: number, cause: number): void {
    this.orders.add("stop", call, cause)
  }
  drop(call: number, cause: number): void {
    this.orders.add("drop", call, cause)
  }
  undo(scope: number): void {
    this.world.undoing(scope)
    this.orders.add("undo", scope)
  }
  start(call: number): void {
    this.world.started(call)
    this.orders.add("start", call)
  }
  resume(call: number): void {
    this.orders.add("resume", call)
  }
  pause(deadline: number): void {
    this.world.paused(deadline)
    this.orders.add("pause", deadline)
  }
  proceed(deadline: number): void {
    this.world.armed("deadline", deadline)
    this.orders.add("proceed", deadline)
  }
}
