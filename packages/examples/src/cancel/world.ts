/**
 * The world of the demo: five tools that are hard to stop, and the ledger that they write. The ledger is a file: no runtime that runs
 * the tools knows of it. Each runner gets a world of its own, and the same five functions.
 */
import * as Effect from "effect/Effect"
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"

export const names = ["mail", "pay", "search", "order", "book"] as const
export type Name = (typeof names)[number]

/** `effect`: it changed the world; `undo`: it took that back; `note`: anything else. */
export interface Entry {
  readonly tool: Name
  readonly kind: "effect" | "undo" | "note"
  readonly what: string
  /** Milliseconds since the world began. */
  readonly at: number
}

export class World {
  private readonly began = performance.now()
  private readonly folder = mkdtempSync(join(tmpdir(), "toolscope-cancel-"))
  private readonly running = new Set<Promise<unknown>>()

  now(): number {
    return performance.now() - this.began
  }

  write(tool: Name, kind: Entry["kind"], what: string): void {
    appendFileSync(join(this.folder, "ledger"), `${JSON.stringify({ tool, kind, what, at: this.now() })}\n`)
  }

  /** Remembers what a runner may forget: the demo waits for it, so that the ledger is complete. */
  keep<A>(promise: Promise<A>): Promise<A> {
    const kept = promise.then(
      () => {},
      () => {}
    )
    this.running.add(kept)
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

/** What stands between a tool and the world, and how an effect is undone: for runners that have such a thing. */
export type Gate = <A>(effect: () => A, options?: { readonly compensate: () => void }) => Promise<A>

/** For those that have none. */
export const open: Gate = (effect) => Promise.resolve(effect())

/** Pays no heed to anybody: sends an e-mail after 3 s. */
export const mail = (world: World): Promise<void> =>
  world.keep(
    setTimeout(3_000).then(() => {
      world.write("mail", "effect", "e-mail sent")
    })
  )

/** Charges a card, then throws: after half a second everything has failed because of it. */
export const pay = (world: World, gate: Gate): Promise<void> =>
  world.keep(
    (async () => {
      await setTimeout(400)
      await gate(() => {
        world.write("pay", "effect", "card charged")
      })
      await setTimeout(100)
      throw new Error("connection reset")
    })()
  )

/** Only reads. Told to stop, it takes a second to clean up. */
export const search = (world: World): Effect.Effect<void> =>
  Effect.onExit(Effect.sleep("2500 millis"), (exit) =>
    exit._tag === "Success"
      ? Effect.sync(() => {
          world.write("search", "note", "went on to its end")
        })
      : Effect.andThen(
          Effect.promise(() => world.keep(setTimeout(1_000))),
          Effect.sync(() => {
            world.write("search", "note", "cleaned up for a second")
          })
        )
  )

/** Has 400 ms for an attempt, and two attempts; takes 2 s for each. */
export const order = (world: World, gate: Gate): Promise<void> =>
  world.keep(
    (async () => {
      await setTimeout(2_000)
      try {
        await gate(() => {
          world.write("order", "effect", "order placed")
        })
      } catch (reason) {
        world.write("order", "note", "turned away at its gate")
        throw reason
      }
    })()
  )
export const orderTimeout = 400

/** Books a room at once, and waits for a confirmation; ends when it is told to. */
export const book = (world: World, gate: Gate, signal?: AbortSignal): Promise<void> =>
  world.keep(
    (async () => {
      await gate(
        () => {
          world.write("book", "effect", "room booked")
        },
        {
          compensate: () => {
            world.write("book", "undo", "room freed")
          }
        }
      )
      await setTimeout(2_500, undefined, signal === undefined ? {} : { signal })
    })()
  )
