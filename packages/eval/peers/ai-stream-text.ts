/**
 * The AI SDK's `streamText`, its stream read to the end.
 */
import { stepCountIs, streamText } from "ai"
import { answered, begin, model, onToolExecutionEnd, returnedOf, type State, timeoutOf, toolsOf } from "./ai-sdk.ts"
import { make, type Returned, type Turn, versionOf } from "./common.ts"

const run = async (
  turn: Turn,
  state: State,
  answers?: ReadonlyMap<string, boolean>,
  steps?: number
): Promise<Returned> => {
  let error: unknown
  const result = streamText({
    model: model(turn, steps !== undefined),
    messages: state.messages,
    tools: toolsOf(turn),
    stopWhen: stepCountIs(steps ?? 2),
    abortSignal: turn.signal,
    ...(turn.concurrency === undefined ? {} : { toolCallConcurrency: turn.concurrency }),
    ...timeoutOf(turn),
    onToolExecutionEnd: onToolExecutionEnd(state.claims),
    onError: (event) => {
      error = event.error
    }
  })
  await result.consumeStream()
  try {
    const [done, response] = await Promise.all([result.steps, result.response])
    return returnedOf(
      state,
      done.flatMap(({ content }) => content),
      response.messages,
      answers
    )
  } catch (failure) {
    if (answers !== undefined) throw error ?? failure
    return { claims: state.claims.all, error: String(error ?? failure) }
  }
}

export default make({
  name: "AI SDK streamText",
  version: versionOf("ai"),
  settings:
    "abortSignal, timeout per tool, toolCallConcurrency, needsApproval, stopWhen: stepCountIs for the budget; consumeStream, then its claims are those of onToolExecutionEnd",
  can: ["timeout", "concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => run(turn, begin()),
  resume: (turn, state, answers) => run(turn, answered(state as State, answers), answers),
  loop: (turn) => run(turn, begin(), undefined, Math.floor(turn.budget!.attempts / turn.calls.length))
})
