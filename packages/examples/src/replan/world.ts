/**
 * The world of the demo: a price list, a message to the sales team, a rate; and the ledger, a file that only the tools write. Each planner
 * gets a world of its own, and the same functions.
 */
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

export type Plan = "old" | "new"

/** `write`: it changed the world; `note`: anything else. */
export interface Entry {
  readonly plan: Plan
  readonly kind: "write" | "note"
  readonly what: string
  /** Milliseconds since the world began. */
  readonly at: number
}

export class World {
  private readonly began = performance.now()
  private readonly folder = mkdtempSync(join(tmpdir(), "toolscope-replan-"))
  private readonly running = new Set<Promise<unknown>>()

  write(plan: Plan, kind: Entry["kind"], what: string): void {
    const at = performance.now() - this.began
    appendFileSync(join(this.folder, "ledger"), `${JSON.stringify({ plan, kind, what, at })}\n`)
  }

  /** Remembers what a planner may forget: the demo waits for it, so that the ledger is complete. */
  keep<A>(promise: Promise<A>): Promise<A> {
    this.running.add(
      promise.then(
        () => {},
        () => {}
      )
    )
    return promise
  }

  /** When every tool has ended: everything that happened. */
  async end(): Promise<ReadonlyArray<Entry>> {
    await Promise.all(this.running)
    const lines = readFileSync(join(this.folder, "ledger"), "utf8").trimEnd().split("\n")
    rmSync(this.folder, { recursive: true })
    return lines.map((line) => JSON.parse(line) as Entry)
  }
}

/** What stands between a tool and the world, for planners that have such a thing. */
export type Gate = (effect: () => void) => Promise<void>

/** For those that have none. */
export const open: Gate = (effect) => Promise.resolve(effect())

/** Looks the price up: it is another one than the planner thought. */
export const rate = (world: World): Promise<number> =>
  world.keep(
    setTimeout(500).then(() => {
      world.write("old", "note", "the rate arrives: it is 120, not 100")
      return 120
    })
  )

/** Renders a price list, and then puts it up. It pays no heed to a signal: rendering cannot be interrupted. */
export const publish = (world: World, plan: Plan, price: number, gate: Gate): Promise<void> =>
  world.keep(
    (async () => {
      await setTimeout(plan === "old" ? 2_000 : 500)
      try {
        await gate(() => {
          world.write(plan, "write", `price list: ${price}`)
        })
      } catch (reason) {
        world.write(plan, "note", `turned away at its gate: price list: ${price}`)
        throw reason
      }
    })()
  )

/** Sends a message after a while. It has no gate, and pays no heed either. */
export const tell = (world: World, plan: Plan, price: number): Promise<void> =>
  world.keep(
    setTimeout(1_500).then(() => {
      world.write(plan, "write", `message: ${price}`)
    })
  )
