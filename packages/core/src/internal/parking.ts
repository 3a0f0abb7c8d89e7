/**
 * Where the driver of a fan-out waits until something has happened. A wake that comes between its last look and its parking is not lost.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

export class Parking {
  /** The fiber that parks here; until it is known, nobody has to be woken. */
  driver: Fiber.Fiber<unknown, unknown> | undefined
  private parked: ((effect: Effect.Effect<void>) => void) | undefined
  private wakeIsScheduled = false
  private wakeWasMissed = false
  private readonly hasNews: () => boolean

  /** `hasNews`: is there something to do already? */
  constructor(hasNews: () => boolean) {
    this.hasNews = hasNews
  }

  readonly park: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.wakeWasMissed || this.hasNews()) {
      this.wakeWasMissed = false
      resume(Effect.void)
      return
    }
    this.parked = resume
    return Effect.sync(() => {
      this.parked = undefined
    })
  })

  wake(): void {
    const resume = this.parked
    this.parked = undefined
    // the driver may have to wait for its turn between its last look at the timers and its parking
    if (resume === undefined) this.wakeWasMissed = true
    else resume(Effect.void)
  }

  /** Behind everything that is ready now: ends of the same tick are decided together. */
  scheduleWake(): void {
    if (this.wakeIsScheduled || this.driver === undefined) return
    this.wakeIsScheduled = true
    this.driver.currentDispatcher.scheduleTask(() => {
      this.wakeIsScheduled = false
      this.wake()
    }, 10)
  }
}
