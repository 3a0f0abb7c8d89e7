/**
 * All timers of a fan-out on one sleeping fiber. A timer that has become pointless stays in the heap and is ignored when it elapses:
 * nearly all of them do (a timeout of 30 seconds per attempt), and to remove them would cost more.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

interface Entry<T> {
  readonly due: number
  readonly order: number
  readonly timer: T
}

export class Timers<T> {
  private readonly heap: Array<Entry<T>> = []
  private order = 0
  private sleeper: Fiber.Fiber<void> | undefined
  private sleepsUntil = Infinity
  private elapsed = false

  private readonly clock: Clock
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly wake: () => void

  /** `wake` is called when timers have elapsed: {@link takeDue} then has them. */
  constructor(clock: Clock, fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>, wake: () => void) {
    this.clock = clock
    this.fork = fork
    this.wake = wake
  }

  /** Monotonic: a correction of the wall clock neither shortens nor lengthens a bound. */
  now(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() / 1_000n) / 1_000
  }

  arm(timer: T, millis: number): void {
    if (!Number.isFinite(millis)) return
    // whole microseconds, as the clock has them: what is left of one could not be slept for
    const due = Math.round((this.now() + millis) * 1_000) / 1_000
    this.insert({ due, order: this.order++, timer })
    this.sleep()
  }

  /** The timers that have elapsed, in the order of their times. */
  takeDue(): ReadonlyArray<T> {
    // not before the clock has said so: what ends at the same time may still be about to
    if (!this.elapsed) return []
    this.elapsed = false
    const now = this.now()
    const due: Array<T> = []
    while (this.heap.length > 0 && this.heap[0]!.due <= now) due.push(this.removeFirst())
    this.sleep()
    return due
  }

  close(): void {
    this.heap.length = 0
    this.sleepsUntil = -Infinity
    this.sleeper?.interruptUnsafe()
  }

  private sleep(): void {
    const next = this.heap[0]?.due
    if (next === undefined || next >= this.sleepsUntil) return
    const previous = this.sleeper
    this.sleepsUntil = next
    const millis = Math.max(0, next - this.now())
    const sleeper = this.fork(this.clock.sleep(Duration.millis(millis)))
    // an earlier one was armed, or all were closed, while it fell asleep
    if (this.sleepsUntil !== next) {
      sleeper.interruptUnsafe()
      return
    }
    this.sleeper = sleeper
    previous?.interruptUnsafe()
    sleeper.addObserver(() => {
      if (this.sleeper !== sleeper || this.sleepsUntil === -Infinity) return
      this.sleepsUntil = Infinity
      // a clock may wake a little early: then sleep again
      if (this.heap.length > 0 && this.heap[0]!.due > this.now()) this.sleep()
      else {
        this.elapsed = true
        this.wake()
      }
    })
  }

  private insert(entry: Entry<T>): void {
    const { heap } = this
    let i = heap.push(entry) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      if (before(heap[up]!, entry)) break
      heap[i] = heap[up]!
      i = up
    }
    heap[i] = entry
  }

  private removeFirst(): T {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
        if (before(last, heap[child]!)) break
        heap[i] = heap[child]!
        i = child
      }
      heap[i] = last
    }
    return first.timer
  }
}

const before = <T>(a: Entry<T>, b: Entry<T>): boolean => a.due < b.due || (a.due === b.due && a.order < b.order)
