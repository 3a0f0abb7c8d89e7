/**
 * Google's ADK for JavaScript: an `LlmAgent` under an `InMemoryRunner`.
 */
import { BaseLlm, FunctionTool, InMemoryRunner, LlmAgent } from "@google/adk"
import * as z from "zod"
import { Claims, describe, make, type Question, type Returned, type Turn, versionOf, withinBudget } from "./common.ts"

class Scripted extends BaseLlm {
  readonly #turn: Turn
  #round = 0
  readonly #forEver: boolean
  constructor(turn: Turn, forEver: boolean) {
    super({ model: "scripted" })
    this.#turn = turn
    this.#forEver = forEver
  }
  override async *generateContentAsync(): AsyncGenerator<any, void> {
    const round = ++this.#round
    const asks = this.#forEver || round === 1
    yield {
      content: {
        role: "model",
        parts: asks
          ? this.#turn.calls.map(({ id, tool }) => ({ functionCall: { id: `${id}.${round}`, name: tool, args: {} } }))
          : [{ text: "done" }]
      }
    }
  }
  override connect(): never {
    throw new Error("not live")
  }
}

const confirmation = "adk_request_confirmation"

const agentOf = (turn: Turn, forEver: boolean) =>
  new LlmAgent({
    name: "eval",
    model: new Scripted(turn, forEver),
    tools: turn.tools.map(
      (fixture) =>
        new FunctionTool({
          name: fixture.name,
          description: fixture.description,
          parameters: z.object({}) as never,
          requireConfirmation: fixture.asks,
          execute: async (params: unknown, context: any) => {
            try {
              return (await fixture.execute(params, { signal: context?.abortSignal })) as never
            } catch (error) {
              return { error: describe(error) } as never
            }
          }
        } as never)
    )
  })

interface State {
  readonly runner: InMemoryRunner
  readonly sessionId: string
}

const play = async (turn: Turn, { runner, sessionId }: State, newMessage: object, most?: number): Promise<Returned> => {
  const claims = new Claims()
  const questions: Array<Question> = []
  let error: string | undefined
  const runConfig = most === undefined ? {} : { runConfig: { maxLlmCalls: most } }
  try {
    for await (const event of runner.runAsync({
      userId: "user",
      sessionId,
      newMessage: newMessage as never,
      abortSignal: withinBudget(turn),
      ...(runConfig as object)
    })) {
      for (const part of event.content?.parts ?? []) {
        const { functionCall, functionResponse } = part
        if (functionCall?.name === confirmation) {
          const { originalFunctionCall } = functionCall.args as any
          const call = String(originalFunctionCall.id).split(".")[0]!
          questions.push({ id: functionCall.id!, call })
          claims.add({ call, status: "waiting" })
        }
        if (functionResponse !== undefined && functionResponse.name !== confirmation) {
          const call = String(functionResponse.id).split(".")[0]!
          const value: any = functionResponse.response
          const text = JSON.stringify(value ?? null)
          if (text.includes("requires confirmation")) continue
          if (text.includes("reject")) claims.add({ call, status: "denied" })
          else if (value?.error !== undefined) claims.add({ call, status: "failed", error: text })
          else claims.add({ call, status: "succeeded", value: value?.result ?? value })
        }
      }
    }
  } catch (failed) {
    error = describe(failed)
  }
  return { claims: claims.all, questions, state: { runner, sessionId } satisfies State, error }
}

const begin = async (turn: Turn, most?: number): Promise<Returned> => {
  const runner = new InMemoryRunner({ agent: agentOf(turn, most !== undefined), appName: "eval" })
  const session = await runner.sessionService.createSession({ appName: "eval", userId: "user" })
  return play(turn, { runner, sessionId: session.id }, { role: "user", parts: [{ text: "go" }] }, most)
}

export default make({
  name: "ADK JS",
  version: versionOf("@google/adk"),
  settings:
    "abortSignal, given on to each tool; requireConfirmation; maxLlmCalls for the budget, and a signal for its time",
  can: ["questions", "partialAnswers", "budget"],
  turn: (turn) => begin(turn),
  resume: (turn, state, answers) =>
    play(turn, state as State, {
      role: "user",
      parts: [...answers].map(([id, confirmed]) => ({
        functionResponse: { id, name: confirmation, response: { confirmed } }
      }))
    }),
  loop: (turn) => begin(turn, Math.floor(turn.budget!.attempts / turn.calls.length))
})
