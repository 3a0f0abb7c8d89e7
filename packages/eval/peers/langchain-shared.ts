/**
 * What the adapters of LangGraph and langchain share.
 */
import { tool } from "@langchain/core/tools"
import { Command, interrupt } from "@langchain/langgraph"
import * as z from "zod"
import { type Claim, Claims, type Fixture, type Question, type Turn } from "./common.ts"

export const toolOf = (fixture: Fixture, asks: boolean) =>
  tool(
    async (params, config) => {
      // what waits for an answer runs anew from its top when it comes
      if (asks && fixture.asks && interrupt({ call: fixture.name }) !== true) return "denied"
      return JSON.stringify(await fixture.execute(params, { signal: (config as any)?.signal }))
    },
    { name: fixture.name, description: fixture.description, schema: z.object({}) }
  )

export const toolCalls = (turn: Turn) =>
  turn.calls.map(({ id, tool }) => ({ type: "tool_call" as const, id, name: tool, args: {} }))

/** The last word on each call. */
export const claimsOf = (messages: ReadonlyArray<any>): ReadonlyArray<Claim> => {
  const claims = new Claims()
  for (const claim of wordsOf(messages)) claims.add(claim)
  return claims.all
}

const wordsOf = (messages: ReadonlyArray<any>): ReadonlyArray<Claim> =>
  messages
    .filter((message) => message.getType?.() === "tool")
    .map((message): Claim => {
      const call = String(message.tool_call_id).split(".")[0]!
      const text = typeof message.content === "string" ? message.content : JSON.stringify(message.content)
      if (text === "denied" || text.includes("rejected")) return { call, status: "denied" }
      return message.status === "error"
        ? { call, status: "failed", error: text }
        : { call, status: "succeeded", value: text }
    })

/** The interrupts of tools that ask for themselves. */
export const questionsOf = (interrupts: ReadonlyArray<any> = []): ReadonlyArray<Question> =>
  interrupts.map(({ id, value }) => ({ id, call: value.call }))

export const waiting = (questions: ReadonlyArray<Question>): ReadonlyArray<Claim> =>
  questions.map(({ call }) => ({ call, status: "waiting" }))

export const resumeWith = (answers: ReadonlyMap<string, boolean>) =>
  new Command({ resume: Object.fromEntries(answers) })
