/**
 * langchain's `createAgent`, with its middleware for people in the loop.
 */
import { Command } from "@langchain/langgraph"
import { make, type Question, type Returned, versionOf } from "./common.ts"
import { agentOf, config, run } from "./langchain-agent.ts"
import { claimsOf, waiting } from "./langchain-shared.ts"

const returned = (found: any, thread: string): Returned => {
  const requests: ReadonlyArray<any> = found.__interrupt__?.[0]?.value.actionRequests ?? []
  const questions: ReadonlyArray<Question> = requests.map(({ name }) => ({ id: name, call: name }))
  return {
    claims: [...claimsOf(found.messages ?? []), ...waiting(questions)],
    questions,
    state: { thread, order: questions.map(({ id }) => id) }
  }
}

export default make({
  name: "langchain createAgent",
  version: versionOf("langchain"),
  settings:
    "a checkpointer, signal, toolErrorMiddleware, toolRetryMiddleware, humanInTheLoopMiddleware; toolCallLimitMiddleware for the budget, and a signal for its time; after a throw its claims are those of the checkpoint",
  can: ["retry", "questions", "partialAnswers", "budget"],
  turn: (turn) => run(turn, false, returned),
  resume: async (turn, state, answers) => {
    const { order, thread } = state as { readonly order: ReadonlyArray<string>; readonly thread: string }
    const stranger = [...answers.keys()].find((id) => !order.includes(id))
    if (stranger !== undefined) throw new Error(`nobody has asked ${stranger}`)
    // one decision per request, in their order
    const decisions = order
      .filter((id) => answers.has(id))
      .map((id) => (answers.get(id) === true ? { type: "approve" } : { type: "reject", message: "rejected" }))
    const command = new Command({ resume: { decisions } })
    return returned(await agentOf(turn, false).invoke(command as never, config(turn, thread)), thread)
  },
  loop: (turn) => run(turn, false, returned, turn.budget!.attempts)
})
