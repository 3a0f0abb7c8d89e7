/**
 * langchain's `createAgent`, whose tools ask for themselves, with `interrupt`.
 */
import { make, type Returned, versionOf } from "./common.ts"
import { agentOf, config, run } from "./langchain-agent.ts"
import { claimsOf, questionsOf, resumeWith, waiting } from "./langchain-shared.ts"

const returned = (found: any, thread: string): Returned => {
  const questions = questionsOf(found.__interrupt__)
  return { claims: [...claimsOf(found.messages ?? []), ...waiting(questions)], questions, state: thread }
}

export default make({
  name: "langchain createAgent, interrupt",
  version: versionOf("langchain"),
  settings: "as createAgent; interrupt in the tool, answers by interrupt id",
  can: ["retry", "questions", "partialAnswers"],
  turn: (turn) => run(turn, true, returned),
  resume: async (turn, state, answers) => {
    const found = await agentOf(turn, true).invoke(resumeWith(answers) as never, config(turn, state as string))
    return returned(found, state as string)
  }
})
