/**
 * Types of the promise entry: the value has the shape of the plan, what is wrong does not compile, and the plain types agree with the
 * core's.
 */
import * as z from "zod"
import type * as Contract from "@toolscope/core/Contract"
import type * as Journal from "@toolscope/core/Journal"
import {
  advisory,
  all,
  call,
  type CallReport,
  contract,
  type Contract as PlainContract,
  deadline,
  firstSuccess,
  type Outcome,
  type Plan,
  quorum,
  type Report,
  run,
  type RunEvent,
  settled,
  tool,
  type Tool
} from "@toolscope/core/promise"
import type * as CoreReport from "@toolscope/core/Report"

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const check = <_ extends true>(): void => {}
/** The value has exactly this type. */
const is =
  <T>() =>
  <U>(_: U, ..._wrong: Equal<T, U> extends true ? [] : [never]): void => {}
/** The value of the plan has exactly this type. */
const gives =
  <T>() =>
  <A>(_: Plan<A>, ..._wrong: Equal<T, A> extends true ? [] : [never]): void => {}

const { readOnly } = contract
const length = tool({
  name: "length",
  parameters: z.object({ text: z.string(), unit: z.string().default("char") }),
  result: z.string().transform((text) => text.length),
  contract: readOnly,
  execute: async ({ text, unit }) => {
    is<string>()(unit)
    return text
  }
})
const answer = tool({ name: "answer", contract: readOnly, execute: () => 42 as const })
const text = tool({ name: "text", contract: readOnly, execute: async () => String(1) })
const later = tool({
  name: "later",
  contract: { effect: "mutating", repeat: "keyed", failure: { SoldOut: "nothing" } },
  execute: async (params, { attempt, call, idempotencyKey, runId, signal }) => {
    is<{}>()(params)
    is<AbortSignal>()(signal)
    return { attempt, call, idempotencyKey, runId }
  }
})

is<Tool<"length", { text: string; unit?: string | undefined }, number>>()(length)
is<Tool<"answer", {}, 42>>()(answer)
gives<{ attempt: number; call: string; idempotencyKey: string; runId: string }>()(call(later))

const one = call(length, { text: "a" })
is<Plan<number, Outcome<number>>>()(one)
const record = all({ a: one, b: advisory(call(answer)) })
gives<{ readonly a: number; readonly b: 42 | null }>()(record)
const list = all([one, call(answer)])
gives<readonly [number, 42]>()(list)
gives<ReadonlyArray<string | number>>()(quorum(1, [one, call(text)]))
gives<{ readonly a?: number; readonly b?: 42 }>()(quorum(1, { a: one, b: call(answer) }))
gives<readonly [number, 42] | string>()(firstSuccess({ a: list, b: call(text) }))
gives<{
  readonly a: Outcome<number>
  readonly b: readonly [Outcome<number>, Outcome<42>]
  readonly c: Outcome<42>
}>()(settled(all({ a: one, b: deadline(list, "1 second"), c: advisory(call(answer)) })))

const tools = [length, answer, later]
export const reports = async (): Promise<void> => {
  const report = await run(record, { tools })
  is<Report<{ readonly a: number; readonly b: 42 | null }>>()(report)
  if (report.status === "succeeded") is<number>()(report.value.a)
  if (report.status === "failed") is<string>()(report.reason._tag)
  if (report.status === "refused") is<string | undefined>()(report.faults[0]?.pointer)
  const parsed: unknown = JSON.parse("{}")
  is<Report>()(await run(parsed, { tools }))

  // @ts-expect-error the parameters are those of the schema
  call(length, { text: 1 })
  // @ts-expect-error they are required
  call(length)
  // @ts-expect-error a contract is required
  tool({ name: "none", execute: () => 1 })
  // @ts-expect-error a contract says what it does to the world
  tool({ name: "none", contract: { repeat: "never" }, execute: () => 1 })
  // @ts-expect-error a tool that only reads needs no word on repetition
  tool({ name: "none", contract: { effect: "none", repeat: "never" }, execute: () => 1 })
  // @ts-expect-error an advisory stands directly under all
  quorum(1, [advisory(one)])
  // @ts-expect-error and not at the root: there it is just data
  const root: Plan = advisory(one)
  // @ts-expect-error a duration has a unit
  deadline(one, "1")
  // @ts-expect-error plans do not say which tools they need: they are given
  await run(one, {})
  return root as never
}

// The plain types say what the core's say.
const common = (json: CoreReport.Json): Omit<Report, "status" | "value" | "reason" | "faults"> => json
const calls = (call: CoreReport.Json["calls"][number]): Omit<CallReport, "contract"> => call
const events = (
  event: Exclude<Journal.Event, { type: "journal.dropped" | "fanout.opened" | "stop.requested" }>
): RunEvent => event
type Stop = Extract<Journal.Event, { type: "stop.requested" }>
check<Equal<keyof Stop, keyof Extract<RunEvent, { type: "stop.requested" }>>>()
const contracts = (own: Contract.Contract): Contract.Contract =>
  own satisfies { readonly effect: PlainContract["effect"] }
check<Equal<RunEvent["type"] | "journal.dropped", Journal.Event["type"]>>()
check<Equal<Report["status"], CoreReport.Json["status"]>>()
check<Equal<Exclude<keyof CoreReport.Json["calls"][number], keyof CallReport>, never>>()
check<Equal<Exclude<keyof CallReport, keyof CoreReport.Json["calls"][number]>, never>>()
export const agreements = [common, calls, events, contracts]
