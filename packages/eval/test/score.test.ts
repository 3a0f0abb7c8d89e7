/**
 * The score as a function of a ledger: an honest one passes, and each way to be wrong is found by the check that is for it.
 */
import { describe, expect, it } from "vitest"
import { type Ledger, Render, Scenario, Score } from "../src/index.ts"
import type { Claim, Question } from "../src/Runner.ts"

const scenario: Scenario.Scenario = {
  eval: 1,
  name: "test",
  title: "a test",
  needs: [],
  tools: {
    a: { after: 50, then: "malformed" },
    b: { after: "never", hears: true, cleanup: 100 },
    c: { after: 500, acts: true },
    q: { after: 10, acts: true, asks: true }
  },
  steps: [{ turn: ["a", "b", "c", "q"], abortAt: 200 }, { answer: { q: true } }],
  drain: 1000,
  budget: { attempts: 5, millis: 10_000 },
  within: 1500,
  watch: 0,
  watchdog: 5000
}

const at = (time: number, line: object): Ledger.Line => ({ turn: 1, at: time, ...line }) as never
const tool = (time: number, call: string, what: string, how?: string, attempt = 1) =>
  at(time, { what, call, attempt, ...(how === undefined ? {} : { how }) })
const claim = (call: string, status: Claim["status"], value?: unknown): Claim => ({ call, status, value })
const returned = (time: number, claims: ReadonlyArray<Claim>, questions: ReadonlyArray<Question> = []) =>
  at(time, { what: "returned", claims, questions, threw: false })

const claims = {
  a: claim("a", "failed"),
  b: claim("b", "cancelled"),
  c: claim("c", "succeeded", { text: "c" }),
  q: claim("q", "waiting")
}
const done = claim("q", "succeeded", { text: "q" })

/** An honest run: aborted at 200, returned at 510, answered at 600, over at 620. */
const honest = (): Array<Ledger.Line> => [
  at(0, { what: "turn", calls: ["a", "b", "c", "q"] }),
  tool(1, "a", "started"),
  tool(1, "b", "started"),
  tool(1, "c", "started"),
  tool(50, "a", "ended", "malformed"),
  at(200, { what: "aborted" }),
  tool(200, "b", "signalled"),
  tool(200, "b", "cleaning"),
  tool(300, "b", "cleaned"),
  tool(300, "b", "ended", "aborted"),
  tool(500, "c", "effect"),
  tool(500, "c", "ended", "answered"),
  returned(510, Object.values(claims), [{ id: "1", call: "q" }]),
  at(600, { what: "answered", answers: { q: true }, again: false }),
  tool(601, "q", "started"),
  tool(611, "q", "effect"),
  tool(611, "q", "ended", "answered"),
  returned(620, [claims.a, claims.b, claims.c, done]),
  at(700, { what: "watched" })
]

const withMore = (more: Claim): Array<Ledger.Line> =>
  honest().map((line) => (line.what === "returned" ? { ...line, claims: [...line.claims, more] } : line))

const failedOf = (lines: ReadonlyArray<Ledger.Line>): ReadonlyArray<Score.Check> =>
  Score.score(scenario, lines)
    .marks.filter(({ verdict }) => verdict === "failed")
    .map(({ check }) => check)

const isTool = (call: string, what: string) => (line: Ledger.Line) =>
  "call" in line && line.call === call && line.what === what
/** The honest ledger with its lines replaced, and in order. */
const changed = (change: (line: Ledger.Line) => Ledger.Line | ReadonlyArray<Ledger.Line>) => honest().flatMap(change)
const withClaims = (over: { readonly [call: string]: Claim | undefined }) =>
  changed((line) =>
    line.what === "returned"
      ? {
          ...line,
          claims: line.claims.flatMap((each) => (each.call in over ? (over[each.call] ?? []) : [each]))
        }
      : line
  )

describe("an honest ledger", () => {
  it("passes every check", () => {
    const { attempts, concurrent, marks, returns } = Score.score(scenario, honest())
    expect(marks.map(({ check, verdict }) => `${check} ${verdict}`)).toEqual(
      Score.checks.map((check) => `${check} passed`)
    )
    expect({ attempts, concurrent }).toEqual({ attempts: 4, concurrent: 3 })
    expect(returns.map(({ after, afterAbort }) => [after, afterAbort])).toEqual([
      [510, 310],
      [20, undefined]
    ])
  })

  it("passes ten times as slow, but for the one bound on the return", () => {
    const slow = honest().map((line) => ({ ...line, at: line.at * 10 }))
    expect(failedOf(slow)).toEqual(["return"])
    expect(
      Score.score({ ...scenario, within: 4_000 }, slow).marks.filter(({ verdict }) => verdict === "failed")
    ).toEqual([])
  })

  it("passes where an answer is refused, and changes nothing", () => {
    const refused = at(650, { what: "returned", claims: [], questions: [], threw: true })
    const twice = at(640, { what: "answered", answers: { q: true }, again: true })
    expect(failedOf([...honest(), twice, refused])).toEqual([])
  })
})

describe("each way to be wrong", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<Score.Check>, () => ReadonlyArray<Ledger.Line>]> = [
    [
      "it never returns",
      ["return", "spend"],
      () => honest().filter(({ what }) => what === "turn" || what === "aborted")
    ],
    [
      "an effect lands after the return",
      ["late", "cleanup", "status"],
      () => [
        ...changed((line) => (isTool("c", "effect")(line) || isTool("c", "ended")(line) ? [] : line)),
        tool(900, "c", "effect"),
        tool(900, "c", "ended", "answered")
      ]
    ],
    [
      "a cleanup has not ended",
      ["cleanup"],
      () =>
        changed((line) => (isTool("b", "ended")(line) || isTool("b", "cleaned")(line) ? { ...line, at: 530 } : line))
    ],
    [
      "an attempt starts after the abort",
      ["afterAbort", "spend"],
      () =>
        changed((line) =>
          line.what === "aborted"
            ? [
                line,
                tool(200, "b", "started", undefined, 2),
                tool(201, "b", "ended", "aborted", 2),
                tool(201, "b", "started", undefined, 3),
                tool(202, "b", "ended", "aborted", 3)
              ]
            : line
        )
    ],
    ["a call is not mentioned", ["lost"], () => withClaims({ b: undefined })],
    ["one that acted is called cancelled", ["status"], () => withClaims({ c: claim("c", "cancelled") })],
    ["one that acted is called failed", ["status"], () => withClaims({ c: claim("c", "failed") })],
    ["one that started is called denied", ["status"], () => withClaims({ b: claim("b", "denied") })],
    ["one that was stopped is called succeeded", ["status"], () => withClaims({ b: claim("b", "succeeded") })],
    ["one that only reads is called unknown", ["status"], () => withClaims({ b: claim("b", "unknown") })],
    ["a value is not what was answered", ["status"], () => withClaims({ c: claim("c", "succeeded", { text: "d" }) })],
    ["nonsense is passed on", ["malformed"], () => withClaims({ a: claim("a", "succeeded", { text: 42 }) })],
    [
      "an effect lands twice",
      ["twice"],
      () =>
        changed((line) =>
          isTool("c", "ended")(line)
            ? [
                line,
                tool(501, "c", "started", undefined, 2),
                tool(502, "c", "effect", undefined, 2),
                tool(502, "c", "ended", "answered", 2)
              ]
            : line
        ).filter((line) => line.what !== "aborted")
    ],
    [
      "a question is not shown",
      ["questions"],
      () => changed((line) => (line.what === "returned" ? { ...line, questions: [] } : line))
    ],
    [
      "one runs before anybody has agreed",
      ["answers"],
      () =>
        changed((line) =>
          isTool("q", "started")(line) || isTool("q", "effect")(line) || isTool("q", "ended")(line) ? [] : line
        ).flatMap((line) =>
          isTool("c", "started")(line)
            ? [line, tool(2, "q", "started"), tool(12, "q", "effect"), tool(12, "q", "ended", "answered")]
            : line.what === "returned"
              ? { ...line, claims: [claims.a, claims.b, claims.c, done] }
              : line
        )
    ],
    [
      "one that was approved never runs",
      ["answers"],
      () =>
        changed((line) => ("call" in line && line.call === "q" ? [] : line)).map((line) =>
          line.what === "returned"
            ? { ...line, claims: [claims.a, claims.b, claims.c, claim("q", "notStarted")] }
            : line
        )
    ],
    [
      "a call never runs, and nobody had stopped it",
      ["lost"],
      () => changed((line) => ("call" in line && line.call === "b" ? [] : line))
    ],
    ["one call is claimed twice", ["status"], () => withMore({ ...claims.b, error: "again" })],
    ["a call is claimed that is not of the turn", ["status"], () => withMore(claim("constructor", "notStarted"))],
    ["a status is none that there is", ["status"], () => withClaims({ c: claim("c", "fine" as never) })],
    [
      "one is called denied, and nobody had said no",
      ["answers", "status"],
      () =>
        changed((line) => ("call" in line && line.call === "q" ? [] : line)).map((line) =>
          line.what === "returned" ? { ...line, claims: [claims.a, claims.b, claims.c, claim("q", "denied")] } : line
        )
    ],
    ["one that had ended is said to run on", ["status"], () => withClaims({ c: { ...claims.c, running: true } })],
    ["one that never started is said to run on", ["status"], () => withClaims({ q: { ...claims.q, running: true } })],
    [
      "one that would have ended in time is said to run on",
      ["cleanup"],
      () =>
        changed((line) =>
          line.what === "returned"
            ? { ...line, claims: line.claims.map((each) => (each.call === "b" ? { ...each, running: true } : each)) }
            : isTool("b", "ended")(line) || isTool("b", "cleaned")(line)
              ? { ...line, at: 650 }
              : line
        )
    ],
    [
      "one that hears is said to run on, and was not told",
      ["cleanup"],
      () =>
        withClaims({ b: { ...claims.b, running: true } }).filter(
          (line) => !("call" in line && line.call === "b") || line.what === "started"
        )
    ],
    ["an error is caught by nobody", ["crash"], () => [...honest(), at(700, { what: "uncaught", error: "Error: oh" })]]
  ]
  it.each(cases)("is found: %s", (_, expected, ledger) => {
    expect(new Set(failedOf(ledger()))).toEqual(new Set(expected))
  })
})

describe("a call that outlives what it is given", () => {
  const late = [
    at(0, { what: "turn", calls: ["c"] }),
    tool(1, "c", "started"),
    at(200, { what: "aborted" }),
    tool(200, "c", "signalled")
  ]
  const effect = [tool(4_000, "c", "effect"), tool(4_000, "c", "ended", "answered")]
  const only = { ...scenario, tools: { c: scenario.tools.c! } }
  const failedWith = (own: Claim) =>
    Score.score(only, [...late, returned(1_250, [own]), ...effect])
      .marks.filter(({ verdict }) => verdict === "failed")
      .map(({ check }) => check)

  it("may act late where the runner has said that it may", () => {
    expect(failedWith({ ...claim("c", "unknown"), running: true })).toEqual([])
  })

  it("may not where nobody has said so", () => {
    expect(failedWith(claim("c", "unknown"))).toEqual(["late", "cleanup"])
    expect(failedWith(claim("c", "cancelled"))).toEqual(["late", "cleanup", "status"])
  })
})

describe("unknown", () => {
  it("may be said of what acts, was out of time, and answered after that", () => {
    const timed = { ...scenario, tools: { c: { ...scenario.tools.c!, timeout: 100 } } }
    const lines = (answeredAt: number) => [
      at(0, { what: "turn", calls: ["c"] }),
      tool(1, "c", "started"),
      tool(answeredAt, "c", "effect"),
      tool(answeredAt, "c", "ended", "answered"),
      returned(600, [claim("c", "unknown")])
    ]
    const failed = (answeredAt: number) =>
      Score.score(timed, lines(answeredAt)).marks.flatMap(({ detail, verdict }) => (verdict === "failed" ? detail : []))
    expect(failed(500)).toEqual([])
    expect(failed(90)).toEqual(["c is called unknown, but it answered before it was stopped"])
  })

  it("is full score in no scenario where it is said of every call", () => {
    for (const each of Scenario.all()) {
      const step = each.steps[0] as {
        readonly turn?: ReadonlyArray<string>
        readonly loop?: ReadonlyArray<string>
        readonly abortAt?: number
      }
      const calls = step.turn ?? step.loop!
      const started = calls.filter((call) => each.tools[call]!.asks !== true).slice(0, each.concurrency)
      const ends = started.flatMap((call) => {
        const { acts, after, then } = each.tools[call]!
        if (after === "never" || then !== undefined) return []
        return [...(acts === true ? [tool(after, call, "effect")] : []), tool(after, call, "ended", "answered")]
      })
      const aborts = step.abortAt === undefined ? [] : [at(step.abortAt, { what: "aborted" })]
      const lines = [
        at(0, { what: "turn", calls }),
        ...started.map((call) => tool(0, call, "started")),
        ...[...ends, ...aborts].sort((a, b) => a.at - b.at),
        returned(
          4_000,
          calls.map((call) => claim(call, "unknown"))
        )
      ]
      const { marks } = Score.score(each, lines)
      const status = marks.find(({ check }) => check === "status")
      expect([each.name, status?.verdict]).toEqual([each.name, "failed"])
    }
  })
})

describe("a queue", () => {
  it("may leave calls behind that nobody started before the abort, but not all of them", () => {
    const queue = Scenario.all().find(({ name }) => name === "queue")!
    const calls = Object.keys(queue.tools)
    const failed = (started: ReadonlyArray<string>) =>
      Score.score(queue, [
        at(0, { what: "turn", calls }),
        ...started.map((call) => tool(1, call, "started")),
        at(501, { what: "aborted" }),
        ...started.flatMap((call) => [tool(800, call, "effect"), tool(800, call, "ended", "answered")]),
        returned(
          900,
          calls.map((call) => claim(call, started.includes(call) ? "succeeded" : "notStarted", { text: call }))
        )
      ]).marks.flatMap(({ check, verdict }) => (verdict === "failed" ? [check] : []))
    expect(failed(["q1", "q2"])).toEqual([])
    expect(failed([])).toEqual(["lost"])
  })
})

describe("scenarios", () => {
  it("are all read, and each has a name of its own", () => {
    const names = Scenario.all().map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.length).toBe(14)
  })

  it("are refused where a step names what is no tool, or a field is misspelt", () => {
    const text = (change: object) => JSON.stringify({ ...scenario, ...change })
    expect(() => Scenario.parse(text({ steps: [{ turn: ["zz"] }] }))).toThrow('"zz" is none of its tools')
    expect(() => Scenario.parse(text({ drian: 1 }))).toThrow("drian")
  })
})

describe("JUnit", () => {
  it("holds whatever a runner says, and stays XML", () => {
    const text = Render.junit([
      {
        runner: { module: "m", name: '<"&\u001b[31m', version: undefined, settings: undefined, can: [] },
        scenario: "cancel",
        verdict: "broken",
        score: undefined,
        killed: false,
        error: "a\nb"
      }
    ])
    expect(text).toContain('name="&lt;&quot;&amp;\\u001b[31m"')
    expect(text).toContain('<error message="cancel: a&#10;b"/>')
  })
})
