/**
 * A **world** in which fibers run: its own scheduler, whose order a {@link Strategy} decides, and its own clock, which moves only when
 * nothing is ready, and then at once to the next sleeper. Nothing in it takes real time, and nothing in it depends on real time.
 *
 * - The scheduler puts every ready task of every fiber into one bag; {@link World.run} takes them out one by one.
 * - When the bag is empty, promises get a turn of the event loop; if none of them made a task, time moves.
 * - The clock is a `TestClock` too: what calls `TestClock.adjust` inside sleeps that long.
 *
 * It never sees what waits for real input and output. With a live clock it waits for that, at most as long as its patience.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import type { TestClock } from "effect/testing/TestClock"
import type { Strategy, Task } from "./strategy.ts"

/** Why a run ended before its effect did: nothing could ever wake it, or it never rested. */
export type Hang = "stuck" | "endless"

export interface Options {
  readonly strategy: Strategy
  /** Those who wake at the same instant become ready together. Default `false`: one by one, as under a `TestClock`. */
  readonly together?: boolean
  /** Default `"virtual"`. */
  readonly clock?: "virtual" | "live"
  /** How long to wait, in real milliseconds, for what the world does not see, when nothing is ready. Default 200, live 10,000. */
  readonly patience?: number
  /** Tasks that one run may take. Default 200,000. */
  readonly maxTasks?: number
  /** Called between two tasks, and before time moves. */
  readonly onTurn?: () => void
  /** Ends every run, as `"stuck"`. */
  readonly signal?: AbortSignal
}

interface Sleeper {
  readonly due: number
  readonly dispatcher: Scheduler.SchedulerDispatcher
  readonly wake: () => void
}

/** An effect that runs: its fiber, for those who want to interrupt it, and its exit. */
export interface Running<A, E> {
  fiber: Fiber.Fiber<A, E> | undefined
  exit: Exit.Exit<A, E> | undefined
}

const turn = setImmediate

export class World {
  readonly scheduler: Scheduler.Scheduler
  readonly clock: TestClock
  /** Milliseconds of virtual time. */
  now = 0
  /** How many tasks have run. */
  tasksRun = 0

  private readonly options: Options
  private readonly tasks: Array<Task> = []
  private sleepers: Array<Sleeper> = []
  private dispatchers = 0

  constructor(options: Options) {
    this.options = options
    const { strategy } = options
    this.scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => strategy.shouldYield(fiber),
      makeDispatcher: () => {
        const dispatcher = this.dispatchers++
        return {
          scheduleTask: (run, priority) => void this.tasks.push({ run, dispatcher, priority }),
          flush: () => this.drain(() => false)
        }
      }
    }
    this.clock = this.makeClock()
  }

  /** The services of this world, over those of the caller. */
  context<R>(outer: Context.Context<R>): Context.Context<R> {
    const clock = this.options.clock === "live" ? liveClockOf(outer) : this.clock
    return Context.add(Context.add(outer, Clock.Clock, clock), Scheduler.Scheduler, this.scheduler)
  }

  /** Begins an effect as a fiber of this world, when {@link run} is called next. */
  spawn<A, E, R>(effect: Effect.Effect<A, E, R>, context: Context.Context<R>): Running<A, E> {
    const running: Running<A, E> = { fiber: undefined, exit: undefined }
    const begin = () => {
      const fiber = Effect.runForkWith(this.context(context))(effect)
      running.fiber = fiber
      fiber.addObserver((exit) => {
        running.exit = exit
      })
    }
    this.tasks.push({ run: begin, dispatcher: this.dispatchers++, priority: 0 })
    return running
  }

  /** Something to be done before any other task. */
  first(run: () => void): void {
    this.tasks.push({ run, dispatcher: -1, priority: -Infinity })
  }

  /** Lets everything run, and time pass, until `done`. Answers with `undefined`, or why that will not happen. */
  async run(done: () => boolean): Promise<Hang | undefined> {
    const { clock, maxTasks = 200_000, onTurn, signal } = this.options
    const end = this.tasksRun + maxTasks
    for (;;) {
      this.drain(() => done() || this.tasksRun > end)
      if (done()) return undefined
      if (this.tasksRun > end) return "endless"
      onTurn?.()
      if (this.tasks.length > 0) continue
      await new Promise<void>((resume) => void turn(resume))
      if (signal?.aborted === true) return "stuck"
      if (this.tasks.length > 0 || done()) continue
      if (clock !== "live" && this.advance()) {
        this.tasksRun++
        continue
      }
      if (!(await this.waitForOthers(done))) return "stuck"
    }
  }

  /** Runs an effect to its end. */
  async runToEnd<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    context: Context.Context<R>
  ): Promise<Exit.Exit<A, E> | Hang> {
    const running = this.spawn(effect, context)
    return (await this.run(() => running.exit !== undefined)) ?? running.exit!
  }

  /** Lets time pass until nothing sleeps any more up to `time`, nothing is ready, and no promise makes it so. */
  async runUntil(time: number): Promise<Hang | undefined> {
    const isIdle = () => this.tasks.length === 0 && !(this.nextSleeper() <= time)
    for (;;) {
      const hang = await this.run(isIdle)
      if (hang !== undefined) return hang
      await new Promise<void>((resume) => void turn(resume))
      if (isIdle()) return undefined
    }
  }

  private nextSleeper(): number {
    let next = NaN
    for (const { due } of this.sleepers) if (!(due >= next)) next = due
    return next
  }

  private drain(until: () => boolean): void {
    const { onTurn, strategy } = this.options
    const { tasks } = this
    while (tasks.length > 0 && !until()) {
      onTurn?.()
      const urgent = tasks.findIndex((task) => task.priority === -Infinity)
      const next = urgent !== -1 ? urgent : tasks.length === 1 ? 0 : strategy.pick(tasks)
      this.tasksRun++
      tasks.splice(next, 1)[0]!.run()
    }
  }

  /** To the next instant. */
  private advance(): boolean {
    const due = this.nextSleeper()
    if (Number.isNaN(due)) return false
    this.now = Math.max(this.now, due)
    // they stand in the order in which they fell asleep
    let awake = this.sleepers.filter((sleeper) => sleeper.due === due)
    if (this.options.together !== true) awake = awake.slice(0, 1)
    this.sleepers = this.sleepers.filter((sleeper) => !awake.includes(sleeper))
    for (const { dispatcher, wake } of awake) dispatcher.scheduleTask(wake, 0)
    return true
  }

  /** Something outside may still resume a fiber: input, output, a timer. */
  private async waitForOthers(done: () => boolean): Promise<boolean> {
    const { clock, patience = clock === "live" ? 10_000 : 200, signal } = this.options
    const until = performance.now() + patience
    while (performance.now() < until && signal?.aborted !== true) {
      await new Promise<void>((resume) => void setTimeout(resume, 1))
      if (this.tasks.length > 0 || done()) return true
    }
    return false
  }

  private makeClock(): TestClock {
    const millis = () => this.now
    const nanos = () => BigInt(Math.round(this.now * 1_000)) * 1_000n
    const sleep = (duration: Duration.Duration): Effect.Effect<void> =>
      Effect.withFiber((fiber) => this.sleep(Duration.toMillis(duration), fiber.currentDispatcher))
    return {
      currentTimeMillisUnsafe: millis,
      currentTimeNanosUnsafe: nanos,
      monotonicTimeNanosUnsafe: nanos,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanos: Effect.sync(nanos),
      sleep,
      adjust: (duration) => sleep(Duration.fromInputUnsafe(duration)),
      setTime: (timestamp) => Effect.suspend(() => sleep(Duration.millis(Math.max(0, timestamp - this.now)))),
      withLive: (effect) =>
        Effect.withFiber((fiber) => Effect.provideService(effect, Clock.Clock, liveClockOf(fiber.context)))
    }
  }

  private sleep(millis: number, dispatcher: Scheduler.SchedulerDispatcher): Effect.Effect<void> {
    if (millis <= 0) return Effect.yieldNow
    if (millis === Infinity) return Effect.never
    return Effect.callback<void>((resume) => {
      const wake = () => {
        resume(Effect.void)
      }
      const sleeper: Sleeper = { due: this.now + millis, dispatcher, wake }
      this.sleepers.push(sleeper)
      return Effect.sync(() => {
        const at = this.sleepers.indexOf(sleeper)
        if (at !== -1) this.sleepers.splice(at, 1)
      })
    })
  }
}

const theLiveClock = Context.get(Context.empty(), Clock.Clock)

/** Under a test clock: the clock that it stands in for. */
const liveClockOf = <R>(context: Context.Context<R>): Clock.Clock => {
  const clock = Context.get(context as Context.Context<never>, Clock.Clock)
  return "adjust" in clock ? theLiveClock : clock
}
