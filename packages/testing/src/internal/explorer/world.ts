/**
 * What may happen next: the part of the world that the decision core does not hold. Which timers run, how many attempts a call has had,
 * and whether somebody has asked for a stop.
 */
import * as Decision from "@toolscope/core/Decision"

export interface Alphabet {
  /** Attempts that a call may have, 1 or 2. */
  readonly attempts: number
  /** Do calls act? Then a failure, or an end after a stop, may leave something that cannot be undone. */
  readonly effects: boolean
  /** Do attempts time out? */
  readonly timeouts: boolean
  /** May several events fall into one instant? */
  readonly together: boolean
}

/** Everything that the core knows of. */
export const everything: Alphabet = { attempts: 2, effects: true, timeouts: true, together: true }

/** Verdicts, timers of policies, and stops from above, one at a time. */
export const verdicts: Alphabet = { attempts: 1, effects: false, timeouts: false, together: false }

const graceBit = 1
const staggerBit = 2
const deadlineBit = 4

/** The world around one program; `memory` is all that changes: attempts and armed timers per node, and the stop. */
export class World {
  readonly memory: Uint8Array
  /** Slots of the present instant: each may contribute one of its events, or none. */
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
  }

  armed(timer: "grace" | "stagger" | "deadline", node: number): void {
    this.memory[node] = this.memory[node]! | bitOf(timer)
  }

  /** These events happen: what they use up is gone. */
  consume(events: ReadonlyArray<Decision.Event>): void {
    for (const { node, type } of events) {
      if (type === "grace" || type === "stagger" || type === "deadline")
        this.memory[node] = this.memory[node]! & ~bitOf(type)
      else if (type === "stop") this.memory[this.memory.length - 1] = 1
    }
  }

  /** What of the world the future can depend on, beside the key of the state. */
  key(state: Decision.State): string {
    const { nodes } = this.program
    let out = ""
    for (let i = 0; i < nodes.length; i++) {
      out += Decision.isActive(state, i) ? String.fromCharCode(48 + this.memory[i]!) : "-"
    }
    return Decision.decision(state, 0) === undefined ? out + this.memory[nodes.length]! : out
  }

  /** Fills `slots` with what may happen in this state. */
  enable(state: Decision.State): void {
    const { nodes } = this.program
    this.slots.length = 0
    for (let i = 0; i < nodes.length; i++) {
      const options = nodes[i]!.policy === "call" ? this.ofCall(state, i) : this.ofTimer(state, i)
      if (options.length > 0) this.slots.push(options)
    }
    if (Decision.decision(state, 0) === undefined && this.memory[nodes.length] === 0)
      this.slots.push([{ type: "stop", node: 0 }])
  }

  private ofCall(state: Decision.State, node: number): Array<Decision.Event> {
    const { attempts, effects, timeouts } = this.alphabet
    const active = Decision.isActive(state, node)
    const phase = Decision.phase(state, node)
    if (phase === "backoff") return [{ type: "retryDue", node }]
    if (phase !== "running" && phase !== "stopping") return []
    // what a call did matters to a race above it that is still open, and to nothing else
    const acted: ReadonlyArray<Decision.Acted> = effects && this.isInOpenRace(state, node) ? ["no", "stuck"] : ["no"]
    const out: Array<Decision.Event> = acted.map((acted) => ({ type: "ended", node, result: "failure", acted }))
    if (active && phase === "running") {
      for (const a of acted) out.push({ type: "ended", node, result: "success", acted: a })
      if (timeouts) out.push({ type: "timeout", node })
    }
    if (active && this.memory[node]! < attempts) out.push({ type: "ended", node, result: "retry", acted: "no" })
    return out
  }

  private ofTimer(state: Decision.State, node: number): Array<Decision.Event> {
    const out: Array<Decision.Event> = []
    if (!Decision.isActive(state, node)) return out
    for (const type of ["grace", "stagger", "deadline"] as const) {
      if ((this.memory[node]! & bitOf(type)) !== 0) out.push({ type, node })
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

const bitOf = (timer: "grace" | "stagger" | "deadline"): number =>
  timer === "grace" ? graceBit : timer === "stagger" ? staggerBit : deadlineBit
