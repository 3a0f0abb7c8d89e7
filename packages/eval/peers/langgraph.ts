/**
 * LangGraph's `ToolNode` in a graph with a checkpointer; a tool that asks calls `interrupt`.
 */
import { AIMessage } from "@langchain/core/messages"
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph"
import { ToolNode } from "@langchain/langgraph/prebuilt"
import { make, type Returned, type Turn, versionOf } from "./common.ts"
import { claimsOf, questionsOf, resumeWith, toolCalls, toolOf, waiting } from "./langchain-shared.ts"

const checkpointer = new MemorySaver()

const graphOf = (turn: Turn) => {
  // both are of a node, not of a call
  const timeouts = turn.tools.flatMap(({ timeout }) => (timeout === undefined ? [] : [timeout]))
  const retries = Math.max(0, ...turn.tools.map(({ retries }) => retries))
  const options = {
    ...(timeouts.length === 0 ? {} : { timeout: Math.max(...timeouts) }),
    ...(retries === 0 || timeouts.length === 0
      ? {}
      : { retryPolicy: { maxAttempts: retries + 1, retryOn: () => true } })
  }
  return new StateGraph(MessagesAnnotation)
    .addNode("tools", new ToolNode(turn.tools.map((fixture) => toolOf(fixture, true))), options as never)
    .addEdge(START, "tools")
    .addEdge("tools", END)
    .compile({ checkpointer })
}

const config = (turn: Turn, thread: string) => ({ configurable: { thread_id: thread }, signal: turn.signal })

const returned = (found: any, thread: string): Returned => {
  const questions = questionsOf(found.__interrupt__)
  return { claims: [...claimsOf(found.messages ?? []), ...waiting(questions)], questions, state: thread }
}

let threads = 0

export default make({
  name: "LangGraph ToolNode",
  version: versionOf("@langchain/langgraph"),
  settings:
    "a graph with a checkpointer, signal, handleToolErrors (default), interrupt in the tool, answers by interrupt id; timeout and retryPolicy are of the node",
  can: ["timeout", "retry", "questions", "partialAnswers"],
  turn: async (turn) => {
    const thread = String(++threads)
    const input = { messages: [new AIMessage({ content: "", tool_calls: toolCalls(turn) })] }
    return returned(await graphOf(turn).invoke(input, config(turn, thread)), thread)
  },
  resume: async (turn, state, answers) =>
    returned(await graphOf(turn).invoke(resumeWith(answers) as never, config(turn, state as string)), state as string)
})
