/**
 * Counts the moments at which another fiber could interrupt a program, and tells when the one is there that it was asked for: before each
 * operation of each fiber, and each time that all of them wait for the next task or the next instant.
 */
import type { Strategy } from "./strategy.ts"

export interface Watch {
  /** The step that is waited for; half steps lie inside of an operation. */
  readonly target: number
  /** `operation`: a fiber is about to run one; it can be made to wait. `inside`: it is running one. `wait`: none runs. */
  readonly reached: (where: "operation" | "inside" | "wait") => void
}

export class Steps {
  /** Counts only while this is set. */
  armed = false
  count = 0
  readonly strategy: Strategy
  readonly onTurn: () => void

  constructor(strategy: Strategy, { reached, target }: Watch) {
    this.strategy = {
      pick: strategy.pick,
      shouldYield: (fiber) => {
        if (this.armed) {
          this.count++
          if (this.count + 0.5 === target) reached("inside")
          if (this.count === target) {
            reached("operation")
            return true
          }
        }
        return strategy.shouldYield(fiber)
      }
    }
    this.onTurn = () => {
      if (this.armed && ++this.count === target) reached("wait")
    }
  }
}
