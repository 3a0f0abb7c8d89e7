/**
 * The **ledger**: what tools did, written down by the tools themselves, outside of the runtime. A journal says what Toolscope believes;
 * a ledger says what happened. Laws compare the two.
 *
 * A record is appended synchronously, or the append throws: no fiber, no queue and no stop stands between an act and its record.
 * A ledger never changes a record, and never takes part in a decision.
 *
 * @since 0.1.0
 */
import { Attempt } from "@toolscope/core"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { appendFileSync, existsSync, readFileSync } from "node:fs"

/**
 * What happened.
 *
 * - `began`: the handler was entered
 * - `committed`: the world was changed
 * - `ended`: the handler ended by itself; with `error`, as it failed or died
 * - `aborted`: the handler ended because it was stopped
 * - `cleaned`: its cleanup ended; with `error`, as it failed
 *
 * At the gate (`Commit.run`), of one effect, by its key:
 *
 * - `committing`: it has passed, and begins · `concluded`: it has ended, however · `cut`: it was interrupted before its own time was up
 *
 * Of its undo, by the same key:
 *
 * - `undoing`: it begins · `undone`: the world is as if the effect had not happened · `undoFailed`: it did not succeed; with `error`
 * - `refused`: the effect came after its undo, and the world refused it: nothing was changed
 *
 * @since 0.1.0
 */
export const What = Schema.Literals([
  "began",
  "committing",
  "committed",
  "concluded",
  "cut",
  "ended",
  "aborted",
  "cleaned",
  "undoing",
  "undone",
  "undoFailed",
  "refused"
])

/**
 * @since 0.1.0
 */
export type What = typeof What.Type

/**
 * One line of a ledger. `at` is in milliseconds since the epoch, by the clock of the tool. `key` is the idempotency key of the effect, or of
 * the attempt where it is no effect. `detached`: it was done by something that the handler had let go, so that nobody could wait for it.
 * `stopped`: the attempt had been told to stop by then.
 *
 * @since 0.1.0
 */
export const Record = Schema.Struct({
  run: Schema.optionalKey(Schema.String),
  call: Schema.String,
  attempt: Schema.Int,
  key: Schema.optionalKey(Schema.String),
  at: Schema.Number,
  what: What,
  error: Schema.optionalKey(Schema.String),
  detached: Schema.optionalKey(Schema.Literal(true)),
  stopped: Schema.optionalKey(Schema.Literal(true))
})

/**
 * @since 0.1.0
 */
export type Record = typeof Record.Type

/**
 * @since 0.1.0
 */
export interface Ledger {
  /** What it holds so far, in the order of its making. */
  readonly records: ReadonlyArray<Record>
  readonly append: (record: Record) => void
}

/**
 * A new ledger in memory.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan } from "@toolscope/core"
 * import { Ledger } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const ledger = Ledger.memory()
 * const pay = Effect.andThen(Ledger.write("committed"), Effect.succeed("paid"))
 * const run = Fanout.run(Plan.effect(pay, Contract.irreversible), { runId: "r" })
 * await Effect.runPromise(Effect.provideService(run, Ledger.Current, ledger))
 * const { at: _, ...record } = ledger.records[0]!
 * console.log(record) // => { run: 'r', call: '/', attempt: 1, key: 'r/#0', what: 'committed' }
 * ```
 *
 * @since 0.1.0
 */
export const memory = (): Ledger => {
  const records: Array<Record> = []
  return { records, append: (record) => void records.push(record) }
}

/**
 * A ledger in a file: NDJSON, only ever appended to, and written before the tool goes on. It outlives the process, a crash included
 * (not a loss of power). What the file holds already belongs to it. `records` reads the file.
 *
 * @since 0.1.0
 */
export const file = (path: string): Ledger => ({
  get records() {
    return existsSync(path) ? parse(readFileSync(path, "utf8")) : []
  },
  append: (record) => {
    appendFileSync(path, `${JSON.stringify(record)}\n`)
  }
})

/**
 * What the world is like, by a ledger.
 *
 * @since 0.1.0
 */
export interface World {
  /** The keys of the effects that happened and were not undone. */
  readonly holds: ReadonlySet<string>
  /** The keys that were undone: what comes under such a key from then on is refused, also if nothing had happened before. */
  readonly tombstones: ReadonlySet<string>
}

/**
 * The world as these records leave it. It is one that keeps tombstones: an effect that arrives after its undo does not happen.
 *
 * @example
 * ```ts
 * import { Ledger } from "@toolscope/testing"
 *
 * const record = (what: Ledger.What, key: string): Ledger.Record => ({ call: "/a", attempt: 1, at: 0, what, key })
 * const { holds, tombstones } = Ledger.world([
 *   record("committed", "k1"),
 *   record("committed", "k2"),
 *   record("undone", "k2"),
 *   record("committed", "k2") // too late
 * ])
 * console.log([...holds], [...tombstones]) // => [ 'k1' ] [ 'k2' ]
 * ```
 *
 * @since 0.1.0
 */
export const world = (records: ReadonlyArray<Record>): World => {
  const holds = new Set<string>()
  const tombstones = new Set<string>()
  for (const { key, what } of records) {
    if (key === undefined) continue
    if (what === "committed" && !tombstones.has(key)) holds.add(key)
    if (what !== "undone") continue
    holds.delete(key)
    tombstones.add(key)
  }
  return { holds, tombstones }
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(Record))

/**
 * The records of a ledger's text. A last line without its end was cut off by a crash and is left out; any other line that is no record
 * throws, with its number.
 *
 * @since 0.1.0
 */
export const parse = (ndjson: string): ReadonlyArray<Record> => {
  const lines = ndjson.split("\n")
  lines.pop()
  return lines.map((line, i) => {
    const record = decode(line)
    if (Result.isFailure(record)) throw new Error(`line ${i + 1} of the ledger is no record: ${record.failure.message}`)
    return record.success
  })
}

/**
 * The ledger of the tools below. By default one for the whole process, in memory.
 *
 * @since 0.1.0
 */
export const Current: Context.Reference<Ledger> = Context.Reference<Ledger>("@toolscope/testing/Ledger", {
  defaultValue: memory
})

/**
 * The ledger of the present fiber; outside of every fiber the one that {@link Current} has by default.
 *
 * @since 0.1.0
 */
export const current = (): Ledger => Context.get(contextOfFiber(), Current)

const contextOfFiber = (): Context.Context<never> => Fiber.getCurrent()?.context ?? Context.empty()

/**
 * What a record can say beside what happened. `key`: default that of the attempt.
 *
 * @since 0.1.0
 */
export interface More {
  readonly key?: string
  readonly error?: string
  readonly detached?: true
  readonly stopped?: true
}

/**
 * Writes a record for one attempt.
 *
 * @since 0.1.0
 */
export type Writer = (what: What, more?: More) => void

/**
 * Writes for the attempt that the present fiber runs for, into {@link Current}. Dies outside of a handler.
 *
 * @since 0.1.0
 */
export const writer: Effect.Effect<Writer> = Effect.map(Attempt.current, (attempt) => writerFor(attempt))

/**
 * One record for the attempt that the present fiber runs for. Dies outside of a handler.
 *
 * @since 0.1.0
 */
export const write = (what: What, more?: More): Effect.Effect<void> => Effect.map(writer, (write) => write(what, more))

/**
 * Writes for an attempt, without Effect: for tools that are promises. Call it before the first `await`; the clock and the ledger are
 * then those of the fan-out. What it returns works at any time, also when the fan-out is long over.
 *
 * @example
 * ```ts
 * import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
 * import { Ledger } from "@toolscope/testing"
 * import * as Effect from "effect/Effect"
 *
 * const ledger = Ledger.memory()
 * const Send = Tool.fromPromise("send", {
 *   contract: Contract.irreversible,
 *   execute: async (_, context) => {
 *     const write = Ledger.writerFor(context)
 *     await Promise.resolve()
 *     write("committed")
 *     return "sent"
 *   }
 * })
 * await Effect.runPromise(Effect.provideService(Fanout.run(Plan.call(Send)), Ledger.Current, ledger))
 * console.log(ledger.records.map(({ call, what }) => `${call} ${what}`)) // => [ '/ committed' ]
 * ```
 *
 * @since 0.1.0
 */
export const writerFor = (
  attempt: Pick<Attempt.Attempt, "runId" | "call" | "attempt" | "idempotencyKey">,
  into?: Ledger
): Writer => {
  const context = contextOfFiber()
  const clock = Context.get(context, Clock.Clock)
  const ledger = into ?? Context.get(context, Current)
  const { attempt: number, call, idempotencyKey, runId } = attempt
  return (what, more) => {
    ledger.append({
      run: runId,
      call,
      attempt: number,
      key: idempotencyKey,
      at: clock.currentTimeMillisUnsafe(),
      what,
      ...more
    })
  }
}
