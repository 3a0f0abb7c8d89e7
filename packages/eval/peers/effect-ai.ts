/**
 * `effect/ai`: `LanguageModel.generateText` with a toolkit; `failureMode: "return"`, so that one failure does not end the turn.
 */
import * as Effect from "effect/Effect"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Claims, describe, make, type Question, type Returned, type Turn, versionOf } from "./common.ts"

const usage = {
  inputTokens: { uncached: 1, total: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 }
}

const modelOf = (turn: Turn) =>
  LanguageModel.make({
    generateText: ({ prompt }) =>
      Effect.succeed(
        (JSON.stringify(prompt).includes('"tool-call"')
          ? [
              { type: "text", text: "done" },
              { type: "finish", reason: "stop", usage, response: undefined }
            ]
          : [
              ...turn.calls.map(({ id, tool }) => ({ type: "tool-call", id, name: tool, params: {} })),
              { type: "finish", reason: "tool-calls", usage, response: undefined }
            ]) as never
      ),
    streamText: () => Stream.empty
  })

const toolkitOf = (turn: Turn, claims: Claims): any => {
  const tools = turn.tools.map(({ asks, description, name }) =>
    Tool.make(name, {
      description,
      parameters: Schema.Struct({}),
      success: Schema.Struct({ text: Schema.String }),
      failure: Schema.String,
      failureMode: "return",
      needsApproval: asks
    } as never)
  )
  const handlers = Object.fromEntries(
    turn.tools.map((fixture) => [
      fixture.name,
      (params: unknown) => Effect.tryPromise({ try: (signal) => fixture.execute(params, { signal }), catch: describe })
    ])
  )
  const toolkit: any = Toolkit.make(...(tools as any))
  void claims
  return Effect.provide(toolkit, toolkit.toLayer(handlers))
}

interface State {
  readonly prompt: ReadonlyArray<any>
  readonly claims: Claims
}

const play = async (turn: Turn, { claims, prompt }: State): Promise<Returned> => {
  const program: any = Effect.gen(function* () {
    const model = yield* modelOf(turn)
    const toolkit = yield* toolkitOf(turn, claims)
    return yield* model.generateText({
      prompt: prompt as never,
      toolkit: toolkit as never,
      concurrency: turn.concurrency ?? "unbounded"
    }) as any
  })
  const found: any = await Effect.runPromise(program, { signal: turn.signal })
  const questions: Array<Question> = []
  for (const part of found.content) {
    if (part.type === "tool-result") {
      const denied =
        part.isFailure === true &&
        JSON.stringify(part.result ?? null)
          .toLowerCase()
          .includes("denied")
      claims.add(
        denied
          ? { call: part.id, status: "denied" }
          : part.isFailure === true
            ? { call: part.id, status: "failed", error: String(part.result) }
            : { call: part.id, status: "succeeded", value: part.result }
      )
    }
    if (part.type === "tool-approval-request") {
      questions.push({ id: part.approvalId, call: part.toolCallId })
      claims.add({ call: part.toolCallId, status: "waiting" })
    }
  }
  const assistant = found.content
    .filter(({ type }: any) => type === "tool-call" || type === "tool-approval-request")
    .map((part: any) =>
      part.type === "tool-call"
        ? { type: part.type, id: part.id, name: part.name, params: part.params, providerExecuted: false }
        : { type: part.type, approvalId: part.approvalId, toolCallId: part.toolCallId }
    )
  const results = found.content
    .filter(({ type }: any) => type === "tool-result")
    .map((part: any) => ({
      type: part.type,
      id: part.id,
      name: part.name,
      isFailure: part.isFailure,
      result: part.encodedResult ?? part.result
    }))
  const added = [
    ...(assistant.length === 0 ? [] : [{ role: "assistant", content: assistant }]),
    ...(results.length === 0 ? [] : [{ role: "tool", content: results }])
  ]
  return { claims: claims.all, questions, state: { prompt: [...prompt, ...added], claims } satisfies State }
}

export default make({
  name: "effect/ai",
  version: versionOf("effect"),
  settings:
    'generateText, concurrency, failureMode: "return", needsApproval; a tool is Effect.tryPromise with its signal; the abort interrupts',
  can: ["concurrency", "questions", "partialAnswers"],
  turn: (turn) =>
    play(turn, { prompt: [{ role: "user", content: [{ type: "text", text: "go" }] }], claims: new Claims() }),
  resume: (turn, state, answers) => {
    const { claims, prompt } = state as State
    const own = new Claims()
    for (const claim of claims.all) {
      // who was told no gets no result of its own
      own.add(claim)
    }
    const asked = new Map(
      prompt.flatMap(({ content }) =>
        (content as Array<any>)
          .filter(({ type }) => type === "tool-approval-request")
          .map((part) => [part.approvalId, part.toolCallId])
      )
    )
    for (const [id, yes] of answers) if (!yes && asked.has(id)) own.add({ call: asked.get(id), status: "denied" })
    const content = [...answers].map(([approvalId, approved]) => ({
      type: "tool-approval-response",
      approvalId,
      approved
    }))
    return play(turn, { prompt: [...prompt, { role: "tool", content }], claims: own })
  }
})
