/**
 * `npm run demo:agent`: an agent plans a weekend in three turns. The model is scripted, so it runs anywhere; with `OPENAI_BASE_URL` (and
 * `OPENAI_API_KEY`, `OPENAI_MODEL`) in the environment it is a real one, and the rest of the code is the same. On a terminal you are asked
 * before anything is booked; elsewhere a script says yes. Ends with 1 where the model did not come to an answer.
 */
import { Agent, ScriptedModel } from "@toolscope/agent"
import { Questions } from "@toolscope/node"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import process from "node:process"
import * as openai from "./openai.ts"
import { prompt, script } from "./script.ts"
import { show } from "./show.ts"
import { tools } from "./tools.ts"

const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl, OPENAI_MODEL: name = "gpt-4.1-mini" } = process.env
const model =
  baseUrl === undefined
    ? ScriptedModel.layer(script)
    : openai.layer({ baseUrl, model: name, ...(key === undefined ? {} : { apiKey: Redacted.make(key) }) })

const scripted = Questions.answering(({ id, params, tool }, { answer }) =>
  Effect.gen(function* () {
    yield* Effect.sleep(200)
    process.stdout.write(`  ${tool.padEnd(14)}  may it, with ${JSON.stringify(params)}? A script says yes\n`)
    yield* answer(id, true, { by: "a script" })
  })
)
const people = process.stdin.isTTY && process.stderr.isTTY ? Questions.terminal() : scripted

const events = Agent.stream({
  prompt,
  tools,
  maxTurns: 8,
  session: { budget: { costs: { tokens: 50_000 }, calls: 40 } },
  fanout: { timeout: "1 minute" },
  model: { ceiling: { tokens: 2_000 } }
})

const end = await events.pipe(
  Stream.tap((event) => Effect.sync(() => process.stdout.write(show(event)))),
  Stream.runLast,
  Effect.provide([model, people]),
  Effect.runPromise
)
process.exitCode = end._tag === "Some" && end.value._tag === "Ended" && end.value.end._tag === "Answered" ? 0 : 1
