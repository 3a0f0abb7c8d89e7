/**
 * The cells of the scoreboard that tell more than a check does, and what each was found to be by hand, before there was an eval. Where a cell
 * comes out differently, `why` says what explains it.
 */
import type { Result } from "../src/Eval.ts"
import type { Check, Return } from "../src/Score.ts"

/** The results of one runner, by scenario. */
export type Own = ReadonlyMap<string, Result>

export interface Row {
  readonly title: string
  /** `undefined`: not applicable. */
  readonly cell: (own: Own) => string | undefined
  /** By the name of the runner. A list: any of them. */
  readonly found: { readonly [runner: string]: string | ReadonlyArray<string> }
  readonly why?: { readonly [runner: string]: string }
}

const scoreOf = (own: Own, scenario: string) => own.get(scenario)?.score
const failedCalls = (own: Own, scenario: string, check: Check): ReadonlyArray<string> | undefined => {
  const mark = scoreOf(own, scenario)?.marks.find((each) => each.check === check)
  return mark?.verdict === "passed" ? [] : mark?.calls
}
const failed = (own: Own, scenario: string, check: Check): boolean | undefined => {
  const mark = scoreOf(own, scenario)?.marks.find((each) => each.check === check)
  return mark === undefined ? undefined : mark.verdict === "failed"
}
const yesNo = (is: boolean | undefined) => (is === undefined ? undefined : is ? "yes" : "no")
const first = (own: Own, scenario: string): Return | undefined => scoreOf(own, scenario)?.returns[0]

/** Roughly: what a busy machine adds is no difference. */
const when = (found: Return | undefined): string | undefined => {
  if (found === undefined) return undefined
  if (found.after === undefined) return "never"
  const how = found.threw || found.error !== undefined ? "throws" : "returns"
  if (found.afterAbort === undefined) return `${how} before the abort`
  if (found.afterAbort < 600) return `${how} at once`
  return `${how} after ${found.afterAbort < 1_500 ? "1 s" : "2 s"}`
}

const lg = "LangGraph ToolNode"
const agent = "langchain createAgent"
const interrupts = "langchain createAgent, interrupt"
const generate = "AI SDK generateText"
const stream = "AI SDK streamText"
const openai = "OpenAI Agents JS"
const mastra = "Mastra"
const adk = "ADK JS"
const effectAi = "effect/ai"
const all = "Promise.all"
const allSettled = "Promise.allSettled"

export const rows: ReadonlyArray<Row> = [
  {
    title: "calls of a turn run at the same time",
    cell: (own) => yesNo((scoreOf(own, "failures")?.concurrent ?? 0) > 1),
    found: {
      [lg]: "yes",
      [agent]: "yes",
      [generate]: "yes",
      [openai]: "yes",
      [mastra]: "yes",
      [adk]: "no",
      [effectAi]: "yes"
    }
  },
  {
    title: "`adversarial`: after the abort at 3 s it",
    cell: (own) => when(first(own, "adversarial")),
    found: {
      [lg]: "throws at once",
      [agent]: "throws at once",
      [generate]: "throws at once",
      [openai]: ["throws at once", "returns at once"],
      [mastra]: "returns at once",
      [adk]: "returns after 2 s",
      [effectAi]: "throws before the abort",
      [all]: "throws before the abort"
    }
  },
  {
    title: "`cancel`: after the abort at 0.7 s it",
    cell: (own) => when(first(own, "cancel")),
    found: {
      [lg]: "throws at once",
      [agent]: "throws at once",
      [generate]: "throws after 1 s",
      [stream]: ["throws at once", "returns at once"],
      [openai]: ["throws after 1 s", "returns after 1 s"],
      [mastra]: "returns after 1 s",
      [adk]: "returns after 2 s",
      [effectAi]: "throws at once"
    },
    why: {
      [effectAi]:
        "the observation left the malformed tool out; with it the turn has failed before the abort, as in `adversarial`: a result that does not fit its schema is an `AiError` of the whole turn (effect 4.1.0, `dist/ai/Toolkit.js:168`)"
    }
  },
  {
    title: "`cancel`: an effect lands after the return",
    cell: (own) => yesNo(failedCalls(own, "cancel", "late")?.includes("c")),
    found: {
      [lg]: "yes",
      [agent]: "yes",
      [generate]: "no",
      [stream]: "yes",
      [openai]: "no",
      [mastra]: "no",
      [adk]: "no",
      [effectAi]: "yes"
    }
  },
  {
    title: "`cancel`: the cleanup of a call is awaited",
    cell: (own) => {
      const calls = failedCalls(own, "cancel", "cleanup")
      return calls === undefined ? undefined : yesNo(!calls.includes("b"))
    },
    found: {
      [lg]: "no",
      [agent]: "no",
      [generate]: "yes",
      [stream]: "no",
      [openai]: "yes",
      [mastra]: "yes",
      [adk]: "yes",
      [effectAi]: "no"
    }
  },
  {
    title: "`cancel`: calls start after the abort",
    cell: (own) => yesNo(failed(own, "cancel", "afterAbort")),
    found: { [adk]: "yes" }
  },
  {
    title: "`deaf`: it returns",
    cell: (own) => yesNo(first(own, "deaf")?.after !== undefined),
    found: {
      [lg]: "yes",
      [agent]: "yes",
      [generate]: "no",
      [openai]: "no",
      [mastra]: "no",
      [adk]: "no",
      [effectAi]: "yes"
    }
  },
  {
    title: "`adversarial`: calls of five that the caller is told of",
    cell: (own) => {
      const claims = first(own, "adversarial")?.claims
      return claims === undefined ? undefined : String(new Set(claims.map(({ call }) => call)).size)
    },
    found: { [lg]: "0", [openai]: "5", [mastra]: "4", [adk]: "0", [effectAi]: "0" }
  },
  {
    title: "`failures`: both failures are told",
    cell: (own) => {
      const claims = first(own, "failures")?.claims
      return claims === undefined
        ? undefined
        : yesNo(["e", "f"].every((call) => claims.some((each) => each.call === call && each.status === "failed")))
    },
    found: {
      [lg]: "yes",
      [agent]: "yes",
      [generate]: "yes",
      [openai]: "yes",
      [mastra]: "yes",
      [adk]: "yes",
      [effectAi]: "yes",
      [allSettled]: "yes"
    },
    why: {
      [effectAi]:
        'with `failureMode: "return"` both are told, unless another call answers nonsense: that fails the whole turn, and both are lost with it (effect 4.1.0, `dist/ai/Toolkit.js:168`)'
    }
  },
  {
    title: "`failures`: nonsense is passed on as a success",
    cell: (own) => yesNo(failed(own, "failures", "malformed")),
    found: {
      [lg]: "yes",
      [agent]: "yes",
      [generate]: "yes",
      [openai]: "no",
      [mastra]: "no",
      [adk]: "yes",
      [effectAi]: "no"
    }
  },
  {
    title: "`retry`: the effect lands twice",
    cell: (own) => yesNo(failed(own, "retry", "twice")),
    found: { [lg]: "yes" }
  },
  {
    title: "`partial`: questions of three shown at once",
    cell: (own) => {
      const found = first(own, "partial")
      return found === undefined ? undefined : String(found.questions.length)
    },
    found: {
      [lg]: "1",
      [agent]: "3",
      [interrupts]: "3",
      [generate]: "3",
      [openai]: "3",
      [mastra]: "1",
      [adk]: "3",
      [effectAi]: "3"
    }
  },
  {
    title: "`partial`: a call that needs no answer runs so many times",
    cell: (own) => {
      const starts = scoreOf(own, "partial")?.starts
      return starts === undefined ? undefined : String(starts.auto ?? 0)
    },
    found: { [lg]: "4", [interrupts]: "1", [generate]: "1", [openai]: "1", [mastra]: "1", [adk]: "1", [effectAi]: "1" }
  },
  {
    title: "`partial`: one answer of three is",
    cell: (own) => {
      const score = scoreOf(own, "partial")
      if (score === undefined) return undefined
      const [before, after] = score.returns
      if (before === undefined || after === undefined || before.questions.length < 2) return undefined
      const answered = "q1"
      const others = before.questions.filter((call) => call !== answered)
      if (after.threw) return (score.starts[answered] ?? 0) > 0 ? "executed, then it throws" : "refused"
      return others.every((call) => after.questions.includes(call)) ? "taken" : "taken; the others are forgotten"
    },
    found: {
      [interrupts]: "taken",
      [generate]: "executed, then it throws",
      [openai]: "taken",
      [adk]: "taken; the others are forgotten",
      [effectAi]: "taken; the others are forgotten"
    }
  },
  {
    title: "`rejected`: the approved calls run",
    cell: (own) => {
      const calls = failedCalls(own, "rejected", "answers")
      return calls === undefined ? undefined : yesNo(calls.length === 0)
    },
    found: { [agent]: "no", [generate]: "yes", [openai]: "yes", [mastra]: "yes", [adk]: "yes", [effectAi]: "yes" }
  },
  {
    title: "`repeated`, `doubled`: the same answers twice act twice",
    cell: (own) => {
      const both = [failedCalls(own, "repeated", "twice"), failedCalls(own, "doubled", "twice")]
      const seen = both.filter((calls) => calls !== undefined)
      return seen.length === 0 ? undefined : yesNo(seen.some((calls) => calls.some((call) => call.startsWith("q"))))
    },
    found: { [agent]: "yes", [interrupts]: "yes", [generate]: "yes", [openai]: "yes" }
  },
  {
    title: "`survive`: the questions survive a sibling that fails",
    cell: (own) => {
      const found = first(own, "survive")
      return found === undefined ? undefined : yesNo(found.questions.length > 0)
    },
    found: { [generate]: "yes", [openai]: "yes", [adk]: "yes" }
  }
]
