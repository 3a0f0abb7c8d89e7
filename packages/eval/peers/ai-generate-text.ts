/**
 * The AI SDK's `generateText`.
 */
import { generateText, stepCountIs } from "ai"
import { answered, begin, model, onToolExecutionEnd, returnedOf, type State, timeoutOf, toolsOf } from "./ai-sdk.ts"
import { make, type Returned, type Turn, versionOf } from "./common.ts"

const run = async (
  turn: Turn,
  state: State,
  answers?: ReadonlyMap<string, boolean>,
  steps?: number
): Promise<Returned> => {
  try {
    const { response, steps: done } = await generateText({
      model: model(turn, steps !== undefined),
      messages: state.messages,
      tools: toolsOf(turn),
      stopWhen: stepCountIs(steps ?? 2),
      abortSignal: turn.signal,
      ...(turn.concurrency === undefined ? {} : { toolCallConcurrency: turn.concurrency }),
      ...timeoutOf(turn),
      onToolExecutionEnd: onToolExecutionEnd(state.claims)
    })
    return returnedOf(
      state,
      done.flatMap(({ content }) => content),
      response.messages,
      answers
    )
  } catch (error) {
    // its result has gone; what its callbacks have told by now has not
    if (answers !== undefined) throw error
    return { claims: state.claims.all, error: String(error) }
  }
}

export default make({
  name: "AI SDK generateText",
  version: versionOf("ai"),
  settings:
    "abortSignal, timeout per tool, toolCallConcurrency, needsApproval, stopWhen: stepCountIs for the budget; after a throw its claims are those of onToolExecutionEnd",
  can: ["timeout", "concurrency", "questions", "partialAnswers", "budget"],
  turn: (turn) => run(turn, begin()),
  resume: (turn, state, answers) => run(turn, answered(state as State, answers), answers),
  loop: (turn) => run(turn, begin(), undefined, Math.floor(turn.budget!.attempts / turn.calls.length))
})
