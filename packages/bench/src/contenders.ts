/**
 * Who runs N calls, and how. All run the same handlers on the same items, and all but `Promise.all` make the same two schema checks per
 * call: of the parameters, and of the result.
 */
import { Contract, Fanout, Plan, Tool } from "@toolscope/core"
import * as promise from "@toolscope/core/promise"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export interface Item {
  readonly n: number
  readonly text: string
}

export interface Answer {
  readonly sum: number
  readonly text: string
}

/** `sync`: the handler answers at once. `suspends`: it waits for a promise, once. */
export type Kind = "sync" | "suspends"
export const kinds: ReadonlyArray<Kind> = ["suspends", "sync"]

export type Name =
  "Promise.all" | "forEach, unbounded" | "forEach, 8" | "Toolscope, N" | "Toolscope, 8" | "Toolscope, promises, N"

export interface Contender {
  readonly name: Name
  /** Runs every item, and gives what came out, so that it can be checked. */
  readonly run: (items: ReadonlyArray<Item>) => Promise<ReadonlyArray<Answer>>
}

const Item = Schema.Struct({ n: Schema.Number, text: Schema.String })
const Answer = Schema.Struct({ sum: Schema.Number, text: Schema.String })

export const itemsOf = (size: number): ReadonlyArray<Item> =>
  Array.from({ length: size }, (_, n) => ({ n, text: `item ${n}` }))

export const answerTo = ({ n, text }: Item): Answer => ({ sum: n + 1, text })

const asynchronous = async (item: Item): Promise<Answer> => {
  await Promise.resolve()
  return answerTo(item)
}
// eslint-disable-next-line @typescript-eslint/require-await -- an async function that never waits is what is meant
const immediate = async (item: Item): Promise<Answer> => answerTo(item)

const timeout = "30 seconds"

export const contendersOf = (kind: Kind): ReadonlyArray<Contender> => {
  const execute = kind === "sync" ? immediate : asynchronous
  const handler = (item: Item): Effect.Effect<Answer> =>
    kind === "sync" ? Effect.sync(() => answerTo(item)) : Effect.promise(() => asynchronous(item))

  // B1: what one would write by hand to know how every call ended, with the codecs that the core uses
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(Item), { errors: "all" })
  const encode = Schema.encodeUnknownEffect(Schema.toCodecJson(Answer), { errors: "all" })
  const one = (item: Item) =>
    Effect.exit(Effect.timeout(Effect.flatMap(Effect.flatMap(decode(item), handler), encode), timeout))
  const forEach =
    (concurrency: number | "unbounded"): Contender["run"] =>
    async (items) => {
      const exits = await Effect.runPromise(Effect.forEach(items, one, { concurrency }))
      return exits.map((exit) => (exit._tag === "Success" ? (exit.value as never) : { sum: -1, text: "failed" }))
    }

  const tool = Tool.make("tool", { parameters: Item, success: Answer, contract: Contract.readOnly, handler })
  const fanout =
    (concurrency: (size: number) => number): Contender["run"] =>
    (items) => {
      const plan = Plan.all(items.map((item) => Plan.call(tool, item)))
      return Effect.runPromise(Fanout.run(plan, { concurrency: concurrency(items.length), timeout }))
    }

  const plain = promise.tool({
    name: "tool",
    parameters: Schema.toStandardSchemaV1(Item),
    result: Schema.toStandardSchemaV1(Answer),
    contract: promise.contract.readOnly,
    execute
  })

  return [
    { name: "Promise.all", run: (items) => Promise.all(items.map(execute)) },
    { name: "forEach, unbounded", run: forEach("unbounded") },
    { name: "forEach, 8", run: forEach(8) },
    { name: "Toolscope, N", run: fanout((size) => size) },
    { name: "Toolscope, 8", run: fanout(() => 8) },
    {
      name: "Toolscope, promises, N",
      run: async (items) => {
        const plan = promise.all(items.map((item) => promise.call(plain, item)))
        const report = await promise.run(plan, { tools: [plain], concurrency: items.length, timeout })
        return report.value ?? []
      }
    }
  ]
}
