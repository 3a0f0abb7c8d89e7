/**
 * The **explorer** walks through every reachable state of the decision core for a plan: every verdict, every timer, several events of
 * one instant, a second attempt, effects that cannot be undone, and a stop from above at every position. In each state it checks
 * what must hold, by rules of its own.
 *
 * States that can only behave alike (`Decision.key`) are visited once. It explores decisions, not fibers: for those see the simulation.
 *
 * @since 0.1.0
 */
import * as Decision from "@toolscope/core/Decision"
import { type Asked, type Before, before, canGoOn, check } from "./internal/explorer/invariants.ts"
import { flat, show, toProgram, type Tree, treesOf } from "./internal/explorer/trees.ts"
import { type Alphabet, everything, verdicts, World } from "./internal/explorer/world.ts"

/**
 * What was found for one program, or for many.
 *
 * @since 0.1.0
 */
export interface Result {
  readonly programs: number
  readonly states: number
  readonly transitions: number
  /** The event sequences that the visited states stand for. */
  readonly schedules: number
  readonly violations: ReadonlyArray<Violation>
}

/**
 * @since 0.1.0
 */
export interface Violation {
  readonly plan: string
  readonly message: string
  /** The events that lead there, one list per instant. */
  readonly path: ReadonlyArray<ReadonlyArray<Decision.Event>>
}

/**
 * One transition: from a state with this key, on these events, the core asked for this, and came to a state with that key.
 *
 * @since 0.1.0
 */
export interface Transition {
  readonly from: string
  readonly events: ReadonlyArray<Decision.Event>
  readonly asked: string
  readonly to: string
}

/**
 * @since 0.1.0
 */
export interface Options {
  readonly alphabet: Alphabet
  /** What identifies a state. Default: `Decision.key`. `"whole"` tells apart everything, for the proof that the key suffices. */
  readonly identity?: "key" | "whole"
  /** At most this many violations are kept. Default 10. */
  readonly keep?: number
  /** Called for every transition. */
  readonly onTransition?: (transition: Transition) => void
}

class Recording implements Decision.Commands {
  starts: Array<number> = []
  stops: Array<number> = []
  drops: Array<number> = []
  decisions: Array<number> = []
  startBeforeStop = false
  private readonly world: World
  constructor(world: World) {
    this.world = world
  }
  reset(): void {
    this.starts.length = this.stops.length = this.drops.length = this.decisions.length = 0
    this.startBeforeStop = false
  }
  activated(node: number): void {
    this.world.armed("deadline", node)
  }
  queued(): void {}
  arm(timer: "grace" | "stagger", node: number): void {
    this.world.armed(timer, node)
  }
  decided(node: number): void {
    this.decisions.push(node)
  }
  stop(call: number): void {
    if (this.starts.length > 0) this.startBeforeStop = true
    this.stops.push(call)
  }
  drop(call: number): void {
    if (this.starts.length > 0) this.startBeforeStop = true
    this.drops.push(call)
  }
  start(call: number): void {
    this.starts.push(call)
    this.world.started(call)
  }
  asked(): Asked {
    const { decisions: decided, drops, startBeforeStop, starts, stops } = this
    return { decided, drops, startBeforeStop, starts, stops }
  }
}

/**
 * Explores one program.
 *
 * @since 0.1.0
 */
export const explore = (program: Decision.Program, options: Options, name = "plan"): Result =>
  new Walk(program, options, name).run()

class Walk {
  private states = 0
  private transitions = 0
  private readonly violations: Array<Violation> = []
  private readonly path: Array<ReadonlyArray<Decision.Event>> = []
  /** Schedules from a state to a close, by the state's identity. */
  private readonly known = new Map<string, number>()
  private readonly state: Decision.State
  private readonly world: World
  private readonly commands: Recording
  private readonly program: Decision.Program
  private readonly options: Options
  private readonly name: string

  constructor(program: Decision.Program, options: Options, name: string) {
    this.program = program
    this.options = options
    this.name = name
    this.state = Decision.make(program)
    this.world = new World(program, options.alphabet)
    this.commands = new Recording(this.world)
  }

  run(): Result {
    const fresh = before(this.state, this.program)
    Decision.open(this.state, this.commands)
    this.checkStep(fresh, [])
    const schedules = this.visit(this.identity())
    return { programs: 1, states: this.states, transitions: this.transitions, schedules, violations: this.violations }
  }

  private identity(): string {
    if (this.options.identity !== "whole") return Decision.key(this.state) + this.world.key(this.state)
    return Decision.wholeKey(this.state) + this.world.memory.join()
  }

  private visit(id: string): number {
    const seen = this.known.get(id)
    if (seen !== undefined) return seen
    this.states++
    this.world.enable(this.state)
    const slots = this.world.slots.map((options) => options.slice())
    if (Decision.isClosed(this.state)) {
      if (slots.length > 0) this.complain("something can still happen after the close")
      this.known.set(id, 1)
      return 1
    }
    if (!canGoOn(slots)) this.complain("nothing can happen any more, and it is not closed")
    const memory = Decision.snapshot(this.state)
    const world = this.world.memory.slice()
    const was = before(this.state, this.program)
    const from = this.options.onTransition === undefined ? "" : Decision.key(this.state) + this.world.key(this.state)
    let schedules = 0
    for (const events of choices(slots, this.options.alphabet.together)) {
      Decision.restore(this.state, memory)
      this.world.memory.set(world)
      this.commands.reset()
      this.path.push(events)
      this.transitions++
      this.world.consume(events)
      try {
        Decision.step(this.state, events.slice(), this.commands)
        this.checkStep(was, events)
      } catch (error) {
        this.complain(`the core threw: ${String(error)}`)
      }
      const id = this.identity()
      this.options.onTransition?.({
        from,
        events,
        asked: this.askedFor(),
        to: Decision.key(this.state) + this.world.key(this.state)
      })
      schedules += this.visit(id)
      this.path.pop()
    }
    this.known.set(id, schedules)
    return schedules
  }

  private askedFor(): string {
    const { decisions, drops, starts, stops } = this.commands
    return JSON.stringify([starts, stops, drops, decisions.map((n) => [n, Decision.decision(this.state, n)])])
  }

  private checkStep(was: Before, events: ReadonlyArray<Decision.Event>): void {
    check(this.program, this.state, was, events, this.commands.asked(), (message) => {
      this.complain(message)
    })
  }

  private complain(message: string): void {
    if (this.violations.length < (this.options.keep ?? 10)) {
      this.violations.push({ plan: this.name, message, path: this.path.map((events) => events.slice()) })
    }
  }
}

/** Every non-empty choice of at most one event per slot; or every single event. */
function* choices(
  slots: ReadonlyArray<ReadonlyArray<Decision.Event>>,
  together: boolean
): Generator<ReadonlyArray<Decision.Event>> {
  if (!together) {
    for (const options of slots) for (const event of options) yield [event]
    return
  }
  const picked = slots.map(() => -1)
  for (;;) {
    let i = 0
    while (i < slots.length && picked[i] === slots[i]!.length - 1) picked[i++] = -1
    if (i === slots.length) return
    picked[i] = picked[i]! + 1
    const events: Array<Decision.Event> = []
    for (let k = 0; k < slots.length; k++) if (picked[k] !== -1) events.push(slots[k]![picked[k]!]!)
    yield events
  }
}

/**
 * Explores many trees one after the other.
 *
 * @since 0.1.0
 */
export const exploreAll = (
  trees: Iterable<Tree>,
  options: Options & { readonly concurrency: ReadonlyArray<number>; readonly onProgram?: (done: Result) => void }
): Result => {
  let sum: Result = { programs: 0, states: 0, transitions: 0, schedules: 0, violations: [] }
  for (const tree of trees) {
    for (const concurrency of options.concurrency) {
      const one = explore(toProgram(tree, concurrency), options, `${show(tree)}, concurrency ${concurrency}`)
      sum = {
        programs: sum.programs + 1,
        states: sum.states + one.states,
        transitions: sum.transitions + one.transitions,
        schedules: sum.schedules + one.schedules,
        violations: [...sum.violations, ...one.violations].slice(0, options.keep ?? 10)
      }
    }
    options.onProgram?.(sum)
  }
  return sum
}

/**
 * A violation in words: the plan, what is wrong, and the events that lead there.
 *
 * @since 0.1.0
 */
export const describe = ({ message, path, plan }: Violation): string =>
  [`${plan}: ${message}`, ...path.map((events, i) => `  ${i + 1}. ${events.map(word).join(", ")}`)].join("\n")

const word = (event: Decision.Event): string =>
  event.type === "stop"
    ? "stop from above"
    : "result" in event
      ? `${event.node} ${event.result}${event.acted === "stuck" ? " (acted)" : ""}`
      : `${event.type} of ${event.node}`

export {
  /**
   * @since 0.1.0
   */
  type Alphabet,
  /**
   * Everything that the core knows of.
   *
   * @since 0.1.0
   */
  everything,
  /**
   * Flat groups over so many calls.
   *
   * @since 0.1.0
   */
  flat,
  /**
   * A tree in one line.
   *
   * @since 0.1.0
   */
  show,
  /**
   * A tree as a program of the core.
   *
   * @since 0.1.0
   */
  toProgram,
  /**
   * @since 0.1.0
   */
  type Tree,
  /**
   * All trees of exactly so many calls with at most so many wrappers.
   *
   * @since 0.1.0
   */
  treesOf,
  /**
   * Verdicts, timers and stops, one at a time.
   *
   * @since 0.1.0
   */
  verdicts
}
