/**
 * langchain's `createAgent`: what its two adapters share.
 */
import { MemorySaver } from "@langchain/langgraph"
import {
  AIMessage,
  createAgent,
  fakeModel,
  humanInTheLoopMiddleware,
  toolCallLimitMiddleware,
  toolErrorMiddleware,
  toolRetryMiddleware
} from "langchain"
import { describe, type Returned, type Turn, withinBudget } from "./common.ts"
import { claimsOf, toolCalls, toolOf } from "./langchain-shared.ts"

const checkpointer = new MemorySaver()

export const agentOf = (turn: Turn, asksItself: boolean, runs?: number) => {
  const asking = turn.tools.filter(({ asks }) => asks && !asksItself)
  const retried = turn.tools.filter(({ repeat, retries }) => retries > 0 && repeat === "safe")
  const model = fakeModel()
  const calls = (round: number) =>
    new AIMessage({ content: "", tool_calls: toolCalls(turn).map((each) => ({ ...each, id: `${each.id}.${round}` })) })
  if (runs === undefined) {
    // after a resume the first answer is not wanted any more
    model.respond((messages) => (messages.some((each) => each.getType() === "tool") ? new AIMessage("done") : calls(1)))
    model.respond(new AIMessage("done")).respond(new AIMessage("done"))
  } else for (let round = 1; round < 100; round++) model.respond(calls(round))
  return createAgent({
    model,
    tools: turn.tools.map((fixture) => toolOf(fixture, asksItself)),
    checkpointer,
    middleware: [
      toolErrorMiddleware({ onError: ({ error }: any) => describe(error) } as never),
      ...(retried.length === 0
        ? []
        : [
            toolRetryMiddleware({
              maxRetries: 1,
              tools: retried.map(({ name }) => name),
              initialDelayMs: 50,
              onFailure: "error"
            } as never)
          ]),
      ...(runs === undefined ? [] : [toolCallLimitMiddleware({ runLimit: runs, exitBehavior: "error" } as never)]),
      ...(asking.length === 0
        ? []
        : [
            humanInTheLoopMiddleware({
              interruptOn: Object.fromEntries(
                asking.map(({ name }) => [name, { allowedDecisions: ["approve", "reject"] }])
              )
            } as never)
          ])
    ] as never
  })
}

export const config = (turn: Turn, thread: string): any => ({
  configurable: { thread_id: thread },
  signal: withinBudget(turn)
})

type Read = (found: any, thread: string) => Returned

export const run = async (turn: Turn, asksItself: boolean, read: Read, runs?: number): Promise<Returned> => {
  const thread = String(++threads)
  const agent = agentOf(turn, asksItself, runs)
  try {
    return read(
      await agent.invoke({ messages: [{ role: "user", content: "go" }] } as never, config(turn, thread)),
      thread
    )
  } catch (error) {
    // its checkpoint knows more than the error that it throws
    const snapshot: any = await agent.graph.getState({ configurable: { thread_id: thread } })
    const kept = [
      ...(snapshot.values?.messages ?? []),
      ...(snapshot.tasks ?? []).flatMap((task: any) => task.result?.messages ?? [])
    ]
    return { claims: claimsOf(kept), error: describe(error) }
  }
}

let threads = 0
