/**
 * The example layer against a server on this machine that speaks the wire format: parallel calls, refusals, streams that are cut.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@toolscope/agent"
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { layer } from "../src/agent/openai.ts"

type Answer = (response: ServerResponse, body: any, request: IncomingMessage) => void

interface Server {
  readonly baseUrl: string
  readonly requests: ReadonlyArray<any>
}

/** A server that answers one request after the other; the last answer again and again. */
const serving = (...answers: ReadonlyArray<Answer>): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<any> = []
    const server = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const made = createServer((request, response) => {
          let text = ""
          request.on("data", (chunk: Buffer) => (text += chunk.toString()))
          request.on("end", () => {
            const body: unknown = JSON.parse(text)
            requests.push(body)
            const answer = answers[requests.length - 1] ?? answers.at(-1)!
            answer(response, body, request)
          })
        }).listen(0, "127.0.0.1", () => {
          resume(Effect.succeed(made))
        })
      }),
      (made) =>
        Effect.callback<void>((resume) => {
          made.closeAllConnections()
          made.close(() => {
            resume(Effect.void)
          })
        })
    )
    return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests }
  })

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
const toolCall = (id: string, name: string, args: string, index?: number) => ({
  ...(index === undefined ? {} : { index }),
  id,
  type: "function",
  function: { name, arguments: args }
})
const json =
  (message: object, finish = "stop", status = 200): Answer =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json" })
    response.end(JSON.stringify({ id: "c1", choices: [{ index: 0, message, finish_reason: finish }], usage }))
  }
const refusing =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers)
    response.end(JSON.stringify({ error: { message: "not now" } }))
  }
const sse = (chunks: ReadonlyArray<object>, { cut = false } = {}): Answer => {
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("")
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(text.slice(0, 40))
    // in pieces that know nothing of lines
    response.write(text.slice(40), () => {
      if (cut) response.destroy()
      else response.end("data: [DONE]\n\n")
    })
  }
}
const delta = (content: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta: content, finish_reason: finish }]
})

const Weather = Tool.make("weather", {
  description: "Looks the weather up",
  parameters: Schema.Struct({ city: Schema.String, day: Schema.optionalKey(Schema.String) }),
  success: Schema.String,
  contract: Contract.readOnly,
  handler: ({ city }) => Effect.succeed(`rain in ${city}`)
})
const tools = [Weather]
const modelOf = ({ baseUrl }: Server) => layer({ baseUrl, model: "small", apiKey: Redacted.make("key") })
const run = (server: Server, options: Partial<Agent.Options<typeof tools>> = {}) =>
  Agent.run({ prompt: "How is it in Rome and Oslo?", tools, ...options }).pipe(Effect.provide(modelOf(server)))

const both = {
  role: "assistant",
  content: null,
  tool_calls: [
    toolCall("a", "weather", '{"city":"Rome","day":null,"toolscope_policy":null}'),
    toolCall("b", "weather", '{"city":"Oslo","day":null,"toolscope_policy":null}'),
    toolCall("c", "weather", '{"city":'),
    toolCall("d", "snow", "{}")
  ]
}

describe("the layer for OpenAI-compatible servers", () => {
  it.live("takes parallel calls, and answers each with a message of its own", () =>
    Effect.gen(function* () {
      let authorization: string | undefined
      const server = yield* serving(
        (response, body, request) => {
          authorization = request.headers.authorization
          json(both, "tool_calls")(response, body, request)
        },
        json({ role: "assistant", content: "Rain." })
      )
      const end = yield* run(server)
      assert.strictEqual(end._tag === "Answered" && end.text, "Rain.")
      assert.deepStrictEqual(end.tokens, { input: 22, output: 14 })
      assert.strictEqual(authorization, "Bearer key")
      const [first, second] = server.requests
      assert.strictEqual(first.model, "small")
      assert.isTrue(first.parallel_tool_calls)
      const offered = first.tools.find((tool: any) => tool.function.name === "weather").function
      assert.isTrue(offered.strict)
      assert.deepStrictEqual(offered.parameters.required, ["city", "day", "toolscope_policy"])
      const told = second.messages.filter(({ role }: any) => role === "tool")
      assert.deepStrictEqual(
        told.map(({ tool_call_id }: any) => tool_call_id),
        ["a", "b", "c", "d"]
      )
      assert.deepStrictEqual(JSON.parse(told[1].content), "rain in Oslo")
      assert.include(told[2].content, "not run")
      assert.include(told[3].content, "no tool is named")
      const asked = second.messages.find(({ role }: any) => role === "assistant")
      assert.deepStrictEqual(asked.tool_calls[0], both.tool_calls[0])
      assert.strictEqual(asked.tool_calls[2].function.arguments, '{"city":')
    })
  )

  it.live("tries again after 429 and 500, and not after 401", () =>
    Effect.gen(function* () {
      const server = yield* serving(refusing(429, { "retry-after": "0" }), refusing(500), json({ content: "There." }))
      const end = yield* run(server)
      assert.strictEqual(end._tag === "Answered" && end.text, "There.")
      assert.strictEqual(server.requests.length, 3)

      const closed = yield* serving(refusing(401))
      const refused = yield* run(closed)
      assert.strictEqual(refused._tag === "ModelFailed" && refused.error.message.includes("not now"), true)
      assert.strictEqual(closed.requests.length, 1)

      const broken = yield* serving(refusing(500))
      const failed = yield* run(broken, { model: { retries: 1 } })
      assert.strictEqual(failed._tag, "ModelFailed")
      assert.strictEqual(broken.requests.length, 2)
    })
  )

  it.live("puts a stream together: text as it comes, calls from their pieces", () =>
    Effect.gen(function* () {
      const server = yield* serving(
        sse([
          delta({ role: "assistant", content: "Let me " }),
          delta({ content: "look." }),
          delta({ tool_calls: [toolCall("a", "weather", '{"city":"Ro', 0)] }),
          delta({ tool_calls: [toolCall("b", "weather", '{"city":"Oslo","day":null,"toolscope_policy":null}', 1)] }),
          delta({ tool_calls: [{ index: 0, function: { arguments: 'me","day":null,"toolscope_policy":null}' } }] }),
          delta({}, "tool_calls"),
          { choices: [], usage }
        ]),
        sse([delta({ content: "Rain." }, "stop"), { choices: [], usage }])
      )
      const events = yield* Agent.stream({ prompt: "?", tools }).pipe(
        Stream.runCollect,
        Effect.provide(modelOf(server))
      )
      const text = events.flatMap((event) => (event._tag === "Text" ? [event.delta] : []))
      assert.deepStrictEqual(text, ["Let me ", "look.", "Rain."])
      const told = events.find((event) => event._tag === "Told")
      assert.deepStrictEqual(
        told?.results.map(({ id, result }) => [id, result]),
        [
          ["a", "rain in Rome"],
          ["b", "rain in Oslo"]
        ]
      )
      const end = events.at(-1)
      assert.deepStrictEqual(end?._tag === "Ended" && end.end.tokens, { input: 22, output: 14 })
    })
  )

  it.live("takes a stream that is cut for no answer: nothing of it is run", () =>
    Effect.gen(function* () {
      const cut = sse([delta({ tool_calls: [toolCall("a", "weather", '{"city":"Rome"}', 0)] })], { cut: true })
      const whole = sse([delta({ content: "There." }, "stop"), { choices: [], usage }])
      const recovered = yield* serving(cut, whole)
      const runs: Array<string> = []
      const end = yield* Agent.stream({ prompt: "?", tools }).pipe(
        Stream.tap((event) => Effect.sync(() => runs.push(event._tag))),
        Stream.runLast,
        Effect.provide(modelOf(recovered))
      )
      assert.strictEqual(end._tag === "Some" && end.value._tag === "Ended" && end.value.end._tag, "Answered")
      assert.notInclude(runs, "Called")

      const spoken = sse([delta({ content: "I was about to" })], { cut: true })
      const server = yield* serving(spoken)
      const failed = yield* Agent.stream({ prompt: "?", tools }).pipe(Stream.runLast, Effect.provide(modelOf(server)))
      assert.strictEqual(
        failed._tag === "Some" && failed.value._tag === "Ended" && failed.value.end._tag,
        "ModelFailed"
      )
      // what has been said cannot be taken back
      assert.strictEqual(server.requests.length, 1)

      const unfinished = yield* serving(sse([delta({ content: "half" })]))
      const end2 = yield* Agent.stream({ prompt: "?", tools, model: { retries: 0 } }).pipe(
        Stream.runLast,
        Effect.provide(modelOf(unfinished))
      )
      assert.strictEqual(end2._tag === "Some" && end2.value._tag === "Ended" && end2.value.end._tag, "ModelFailed")
    })
  )

  it.live("says that nobody is there", () =>
    Effect.gen(function* () {
      const model = layer({ baseUrl: "http://127.0.0.1:9/v1", model: "none" })
      const end = yield* Agent.run({ prompt: "?", tools, model: { retries: 0 } }).pipe(Effect.provide(model))
      assert.strictEqual(end._tag === "ModelFailed" && (end.error.reason as { _tag: string })._tag, "NetworkError")
    })
  )
})
