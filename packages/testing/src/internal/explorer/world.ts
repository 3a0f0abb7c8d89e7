/**
 * What may happen next: the part of the world that the decision core does not hold. Which timers run, how many attempts a call has had,
 * and whether somebody has asked for a stop.
 */
import * as Decision from "@toolscope/core/Decision"
import type { Orders } from "./orders.ts"

export interface Alphabet {
  /** Attempts that a call may have, 1 or 2. */
  readonly attempts: number
  /** Do calls act? Then a failure, or an end after a stop, may leave something that cannot be undone. */
  readonly effects: boolean
  /** Do attempts time out? */
  readonly timeouts: boolean
  /** May several events fall into one instant? */
  readonly together: boolean
  /**
   * Does what comes too late come all the same? Timers of nodes that have been decided, timers that elapse together with the end they
   * were for, a second answer, a second stop, attempts that are left behind.
   */
  readonly late: boolean
}

/** Everything that a running fan-out can tell the core, as long as each event is still awaited. */
export const everything: Alphabet = { attempts: 2, effects: true, timeouts: true, together: true, late: false }

/** Verdicts, timers of policies, and stops from above, one at a time. */
export const verdicts: Alphabet = { attempts: 1, effects: false, timeouts: false, together: false, late: false }

const bits = { grace: 16, stagger: 32, deadline: 64, timeout: 16, retryDue: 32, again: 64 } as const
const attemptsMask = 15

/** The world around one program; `memory` is all that changes: attempts and armed timers per node, and the stops. */
export class World {
  readonly memory: Uint8Array
  /** Slots of the present instant, in plan order: each may contribute one of its events, or none. */
  readonly slots: Array<Array<Decision.Event>> = []

  private readonly program: Decision.Program
  private readonly alphabet: Alphabet

  constructor(program: Decision.Program, alphabet: Alphabet) {
    this.program = program
    this.alphabet = alphabet
    this.memory = new Uint8Array(program.nodes.length + 1)
  }

  started(call: number): void {
    this.memory[call] = this.memory[call]! + 1
    if (this.alphabet.late) this.memory[call] = this.memory[call] | bits.timeout
  }

  armed(timer: "grace" | "stagger" | "deadline", node: number): void {
    this.memory[node] = this.memory[node]! | bits[timer]
  }

  /** These events happen in this state: what they use up is gone. */
  consume(state: Decision.State, events: ReadonlyArray<Decision.Event>): void {
    for (const event of events) {
      const { node, type } = event
      if (type === "stop") this.memory[this.memory.length - 1] = this.memory[this.memory.length - 1]! + 1
      else if (type !== "ended" && type !== "leftBehind") this.memory[node] = this.memory[node]! & ~bits[type]
      else if (this.alphabet.late && event.result === "retry") this.memory[node] = this.memory[node]! | bits.retryDue
      else if (!isLive(state, node)) this.memory[node] = this.memory[node]! | bits.again
    }
  }

  /** What of the world the future can depend on, beside the key of the state. */
  key(state: Decision.State): string {
    const { nodes } = this.program
    const { late } = this.alphabet
    let out = ""
    for (let i = 0; i < nodes.length; i++) {
      out += late || Decision.isActive(state, i) ? String.fromCharCode(48 + this.memory[i]!) : "-"
    }
    if (late) for (let i = 0; i < nodes.length; i++) out += Decision.phase(state, i).slice(0, 2)
    return late || Decision.decision(state, 0) === undefined ? out + this.memory[nodes.length]! : out
  }

  /** Fills `slots` with what may happen in this state. */
  enable(state: Decision.State): void {
    const { nodes } = this.program
    const { late } = this.alphabet
    this.slots.length = 0
    for (let i = 0; i < nodes.length; i++) {
      const options = nodes[i]!.policy === "call" ? this.ofCall(state, i) : this.ofTimer(state, i)
      if (options.length > 0) this.slots.push(options)
      if (late && nodes[i]!.policy === "call") this.addLate(state, i)
    }
    const stops = this.memory[nodes.length]!
    if (late ? stops < 2 : stops === 0 && Decision.decision(state, 0) === undefined)
      this.slots.push([{ type: "stop", node: 0 }])
  }

  private ofCall(state: Decision.State, node: number): Array<Decision.Event> {
    const { attempts, effects, late, timeouts } = this.alphabet
    const active = Decision.isActive(state, node)
    const phase = Decision.phase(state, node)
    if (phase === "backoff") return [{ type: "retryDue", node }]
    if (phase !== "running" && phase !== "stopping") return []
    // what a call did matters to a race above it that is still open, and to nothing else
    const acted: ReadonlyArray<Decision.Acted> = effects && this.isInOpenRace(state, node) ? ["no", "stuck"] : ["no"]
    const out: Array<Decision.Event> = acted.map((acted) => ({ type: "ended", node, result: "failure", acted }))
    if (active && phase === "running") {
      for (const a of acted) out.push({ type: "ended", node, result: "success", acted: a })
      if (timeouts && !late) out.push({ type: "timeout", node })
    }
    if (active && (this.memory[node]! & attemptsMask) < attempts)
      out.push({ type: "ended", node, result: "retry", acted: "no" })
    if (late) for (const a of acted) out.push({ type: "leftBehind", node, result: "failure", acted: a })
    return out
  }

  /** Each in a slot of its own, so that it can fall into one instant with what it is too late for. */
  private addLate(state: Decision.State, node: number): void {
    const memory = this.memory[node]!
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
      if ((this.memory[node]! & bits[type]) !== 0) out.push({ type, node })
    }
    return out
  }

  private isInOpenRace(state: Decision.State, node: number): boolean {
    for (let i = this.program.nodes[node]!.parent; i !== -1; i = this.program.nodes[i]!.parent) {
      if (this.program.nodes[i]!.policy === "firstSuccess" && Decision.isActive(state, i)) return true
    }
    return false
  }
}

const isLive = (state: Decision.State, call: number): boolean => {
  const phase = Decision.phase(state, call)
  return phase === "running" || phase === "stopping"
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
  start(call: number): void {
    this.world.started(call)
    this.orders.add("start", call)
  }
}
