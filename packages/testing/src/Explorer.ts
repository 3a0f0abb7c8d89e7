/**
 * The **explorer** walks through every reachable state of the decision core for a plan: every verdict, every timer, several events of
 * one instant, a second attempt, effects, undos that succeed or fail, and a stop from above at every position. In each state it checks
 * what must hold, by rules of its own.
 *
 * States that can only behave alike (`Decision.key`) are visited once. It explores decisions, not fibers: for those see the simulation.
 *
 * @since 0.1.0
 */
import * as Decision from "@toolscope/core/Decision"
import { compare } from "./internal/explorer/compare.ts"
import { type Before, before, canGoOn, check } from "./internal/explorer/invariants.ts"
import { Meaning } from "./internal/explorer/meaning.ts"
import { Orders } from "./internal/explorer/orders.ts"
import { flat, type Shapes, show, toProgram, type Tree, treesOf, withEmpty } from "./internal/explorer/trees.ts"
import { type Alphabet, everything, verdicts, Watching, World } from "./internal/explorer/world.ts"

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
  /** What can be read of it there: what has just been decided, and by what; what is provisional; is it closed? */
  readonly seen: string
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
  /** Called for every violation, also for those that are not kept. */
  readonly onViolation?: (violation: Violation) => void
  /** Called for every transition. */
  readonly onTransition?: (transition: Transition) => void
  /** Called now and then, with what has been done so far. */
  readonly onProgress?: (sofar: Progress) => void
}

/**
 * How far it has come.
 *
 * @since 0.1.0
 */
export interface Progress {
  /** Programs that have been explored. */
  readonly programs: number
  readonly states: number
  readonly transitions: number
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
  private readonly meaning: Meaning
  private readonly asked = new Orders()
  private readonly commands: Decision.Commands
  private readonly program: Decision.Program
  private readonly options: Options
  private readonly name: string

  constructor(program: Decision.Program, options: Options, name: string) {
    this.program = program
    this.options = options
    this.name = name
    this.state = Decision.make(program)
    this.world = new World(program, options.alphabet)
    this.meaning = new Meaning(program)
    this.commands = new Watching(this.world, this.asked)
  }

  run(): Result {
    const fresh = before(this.state, this.program)
    Decision.open(this.state, this.commands)
    this.meaning.open()
    this.checkStep(fresh)
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
    const isClosed = Decision.isClosed(this.state)
    if (isClosed && slots.length > 0 && !this.options.alphabet.late)
      this.complain("something can still happen after the close")
    if (!isClosed && !canGoOn(slots)) this.complain("nothing can happen any more, and it is not closed")
    if (slots.length === 0) {
      this.known.set(id, 1)
      return 1
    }
    const memory = Decision.snapshot(this.state)
    const world = this.world.memory.slice()
    const meaning = this.meaning.memory.slice()
    const was = before(this.state, this.program)
    const from = this.options.onTransition === undefined ? "" : Decision.key(this.state) + this.world.key(this.state)
    let schedules = isClosed ? 1 : 0
    for (const events of choices(slots, this.options.alphabet.together)) {
      Decision.restore(this.state, memory)
      this.world.memory.set(world)
      this.meaning.memory.set(meaning)
      this.asked.clear()
      this.path.push(events)
      this.transitions++
      if (this.transitions % 50_000 === 0)
        this.options.onProgress?.({ programs: 0, states: this.states, transitions: this.transitions })
      this.world.consume(this.state, events)
      // the order in which the events of one instant are listed means nothing
      const listed = events.slice()
      if (this.transitions % 2 === 0) listed.reverse()
      try {
        Decision.step(this.state, listed, this.commands)
        this.meaning.step(events)
        this.checkStep(was)
      } catch (error) {
        this.complain(`the core threw: ${String(error)}`)
      }
      const id = this.identity()
      this.options.onTransition?.({
        from,
        events,
        asked: this.asked.text(),
        to: Decision.key(this.state) + this.world.key(this.state),
        seen: this.seen(was)
      })
      schedules += this.visit(id)
      this.path.pop()
    }
    this.known.set(id, schedules)
    return schedules
  }

  private seen(was: Before): string {
    const { state } = this
    let out = Decision.isClosed(state) ? "closed" : "open"
    for (let i = 0; i < was.length; i++) {
      if (Decision.isProvisional(state, i)) out += ` ${i} provisional`
      const decision = Decision.decision(state, i)
      if (decision !== was[i]) out += ` ${i} ${decision} by ${String(Decision.decidedBy(state, i))}`
    }
    return out
  }

  private checkStep(was: Before): void {
    check(this.program, this.state, was, this.asked, this.world, this.complain)
    compare(this.state, this.meaning, this.asked, this.complain)
  }

  private readonly complain = (message: string): void => {
    const violation = { plan: this.name, message, path: this.path.map((events) => events.slice()) }
    if (this.violations.length < (this.options.keep ?? 10)) this.violations.push(violation)
    this.options.onViolation?.(violation)
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
  options: Options & { readonly concurrency: ReadonlyArray<number> }
): Result => {
  let sum: Result = { programs: 0, states: 0, transitions: 0, schedules: 0, violations: [] }
  const onProgress = ({ states, transitions }: Progress): void =>
    options.onProgress?.({
      programs: sum.programs,
      states: sum.states + states,
      transitions: sum.transitions + transitions
    })
  for (const tree of trees) {
    for (const concurrency of options.concurrency) {
      const one = explore(
        toProgram(tree, concurrency),
        { ...options, onProgress },
        `${show(tree)}, concurrency ${concurrency}`
      )
      sum = {
        programs: sum.programs + 1,
        states: sum.states + one.states,
        transitions: sum.transitions + one.transitions,
        schedules: sum.schedules + one.schedules,
        violations: [...sum.violations, ...one.violations].slice(0, options.keep ?? 10)
      }
    }
    options.onProgress?.(sum)
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

const word = (event: Decision.Event): string => {
  switch (event.type) {
    case "stop":
      return "stop from above"
    case "ended":
    case "leftBehind":
      return `${event.node} ${event.result}${deeds[event.acted]}${event.type === "leftBehind" ? " (left behind)" : ""}`
    case "undone":
      return `undo of ${event.node} ${event.result}`
    default:
      return `${event.type} of ${event.node}`
  }
}

const deeds = { no: "", undoable: " (acted)", stuck: " (acted for good)" } as const

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
   * Of which policies trees are made.
   *
   * @since 0.1.0
   */
  type Shapes,
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
  verdicts,
  /**
   * Every tree that comes of one when an empty group takes the place of one of its calls.
   *
   * @since 0.1.0
   */
  withEmpty
}
