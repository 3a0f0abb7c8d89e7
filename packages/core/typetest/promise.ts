/**
 * Types of the promise entry: the value has the shape of the plan, what is wrong does not compile, and the plain types agree with the
 * core's.
 */
import * as z from "zod"
import type * as Contract from "@toolscope/core/Contract"
import type * as Journal from "@toolscope/core/Journal"
import type * as CoreQuestion from "@toolscope/core/Question"
import type * as CoreQuestionError from "@toolscope/core/QuestionError"
import type * as CoreSnapshot from "@toolscope/core/Snapshot"
import {
  advisory,
  all,
  type AskResult,
  call,
  type CallReport,
  contract,
  type Contract as PlainContract,
  deadline,
  firstSuccess,
  type Outcome,
  type Plan,
  type Question,
  type QuestionRefusal,
  quorum,
  type Report,
  resume,
  run,
  type RunEvent,
  settled,
  type Snapshot,
  type SnapshotRefusal,
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

// An answer is what its schema makes of it.
const asks = tool({
  name: "asks",
  parameters: z.object({ to: z.string() }),
  contract: readOnly,
  approval: ({ to }, { effect }) => to !== "" && effect !== "none",
  execute: async (_params, { ask, askResult }) => {
    is<Date>()(await ask({ prompt: "When?", schema: z.coerce.date(), expires: "2 hours" }))
    is<AskResult<string>>()(await askResult({ prompt: "Who?", schema: z.string() }))
    // @ts-expect-error somebody has to be told what an answer is
    await ask({ prompt: "What?" })
    return ask({ prompt: "How many?", schema: z.string().transform(Number) })
  }
})
is<Tool<"asks", { to: string }, number>>()(asks)
// @ts-expect-error a rule sees the parameters of its tool
tool({ name: "asks", contract: readOnly, approval: ({ to }) => to === "", execute: () => 1 })
export const goesOn = async (): Promise<void> => {
  const plan = all({ a: call(asks, { to: "Ada" }) })
  const report = await run(plan, { tools: [asks], onQuestion: ({ id }, { answer }) => answer(id, 1, { by: "Ada" }) })
  // @ts-expect-error only a suspended run has a snapshot
  const { snapshot } = report
  if (report.status !== "suspended") return
  const resumed = await resume(plan, report.snapshot, { tools: [asks], answers: { [report.questions[0]!.id]: 1 } })
  if (resumed.status === "succeeded") is<{ readonly a: number }>()(resumed.value)
  return snapshot as never
}

// The plain types say what the core's say.
check<Equal<Question, CoreQuestion.Question>>()
check<Equal<QuestionRefusal["_tag"], CoreQuestionError.Reason["_tag"]>>()
check<Equal<SnapshotRefusal["_tag"], CoreSnapshot.Reason["_tag"]>>()
check<Equal<keyof Snapshot, keyof CoreSnapshot.Snapshot>>()
const questions = (refusal: CoreQuestionError.Reason): QuestionRefusal => refusal
const snapshots = (refusal: CoreSnapshot.Reason): SnapshotRefusal => refusal
const snapshot = (of: CoreSnapshot.Snapshot): Snapshot => of
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
export const agreements = [common, calls, events, contracts, questions, snapshots, snapshot]
