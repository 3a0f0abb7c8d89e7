import { assert, describe, it } from "@effect/vitest"
import { PlanDocument } from "@toolscope/core"
import { Arbitraries, Laws, Simulation } from "@toolscope/testing"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { smaller } from "../src/internal/simulation/shrink.ts"

const text = (run: Simulation.Run) => run.events.map((event) => JSON.stringify(event)).join("\n")

describe("simulation", () => {
  it.effect("300 seeds: whole fan-outs under any order of fibers keep every law", () =>
    Effect.gen(function* () {
      const { failures, ...summary } = yield* Simulation.runSeeds(300)
      for (const { replay, smallest } of failures) {
        assert.fail(`${smallest.violations.map(Laws.show).join("\n\n")}\n${replay}`)
      }
      // they are worth something: calls run, and owners end them early
      assert.isAbove(summary.attempts, 500)
      assert.isAbove(summary.interrupted, 50)
    })
  )

  it.effect(
    "200 seeds that ask: answered, denied, expired, stopped, suspended and resumed, they keep every law",
    () =>
      Effect.gen(function* () {
        const { failures, ...summary } = yield* Simulation.runSeeds(200, { questions: true })
        for (const { replay, smallest } of failures) {
          assert.fail(`${smallest.violations.map(Laws.show).join("\n\n")}\n${replay}`)
        }
        assert.isAbove(summary.asked, 200)
        assert.isAbove(summary.resumed, 10)
      }),
    120_000
  )

  it.effect(
    "60 sessions: planners that change their minds keep every law, within small budgets and few permits",
    () =>
      Effect.gen(function* () {
        const { failures, ...summary } = yield* Simulation.runSessions(60)
        for (const { replay, smallest } of failures) {
          assert.fail(`${smallest.violations.map(Laws.show).join("\n\n")}\n${replay}`)
        }
        // they are worth something: plans are superseded, and sub-agents run plans of their own
        for (const [name, least] of Object.entries({ cohorts: 90, nested: 40, replans: 20, drains: 50, unpaid: 20 }))
          assert.isAbove(summary[name as keyof typeof summary], least, name)
      }),
    120_000
  )

  it.effect("a call that times out in the instant in which its time is up anyway breaks no law", () =>
    Effect.gen(function* () {
      const reads = { toolscope: 1, plan: { call: "reads", params: { after: 10, then: "throw" } } }
      const acting = { call: "acting", params: { does: "fanout", plan: reads }, timeout: 10 }
      const inner = { toolscope: 1, plan: acting, budget: { wallClock: 10 } }
      const plan = { toolscope: 1, plan: { call: "steadfast", params: { does: "fanout", plan: inner } } }
      const { events, violations } = yield* Simulation.runSession({
        tools: { reads: { contract: "readOnly" } },
        session: {},
        planner: [{ when: { outcomes: 1 }, does: "fanout", plan }],
        schedule: { order: "plain", seed: 0 }
      })
      assert.deepStrictEqual(violations.map(Laws.show), [])
      const reasons = events.flatMap((event) => (event.type === "fanout.closed" ? [event.report.reason?._tag] : []))
      assert.deepStrictEqual(reasons, ["Stopped", "BudgetExceeded", undefined])
    })
  )

  it.effect("a question inside of a handler is withdrawn where the run is stopped after all, and not suspended", () =>
    Effect.gen(function* () {
      const inside = (plan: unknown) => ({ call: "agent", params: { does: "fanout", plan: { toolscope: 1, plan } } })
      const commits = { then: "gate", onStop: { after: 50, then: "end" }, next: { then: "ask" } }
      const asks = { id: "c", ...inside(inside({ call: "reads", params: { then: "ask" } })) }
      const contract = { effect: "additive", repeat: "never", commit: "marked", compensate: "custom" }
      const { events, violations } = yield* Simulation.run({
        questions: { when: "suspend", seed: 1122 },
        plan: { toolscope: 1, plan: { atomic: { all: [{ id: "a", call: "t1", params: commits }, asks] } }, drain: 15 },
        schedule: { order: "plain", seed: 0 },
        tools: { reads: { contract: "readOnly" }, t1: { contract } }
      } as Arbitraries.Scenario)
      assert.deepStrictEqual(violations.map(Laws.show), [])
      const withdrawn = events.flatMap((event) => (event.type === "question.withdrawn" ? [event.question] : []))
      assert.deepStrictEqual(withdrawn, ["run/a?0", "run///c?0"])
    })
  )

  it.effect("nothing begins inside of a call that was left behind before it has heard of that", () =>
    Effect.gen(function* () {
      const one = (plan: unknown) => ({ toolscope: 1, plan })
      const acting = { call: "acting", params: { does: "session", plan: one({ call: "reads", params: {} }) } }
      const goes = { call: "acting", params: { does: "letsGo", plan: one({ deadline: 10, of: acting }) } }
      const reads = { id: "c", call: "reads", params: { then: "answer" } }
      const { violations } = yield* Simulation.run({
        tools: { reads: { contract: "readOnly" } },
        plan: { ...one({ all: [{ id: "a", ...goes }, reads] }), drain: 0, concurrency: 1 },
        questions: { when: "suspend", seed: 260_752 },
        schedule: { order: "any", seed: 2, yields: 30 }
      } as Arbitraries.Scenario)
      assert.deepStrictEqual(violations.map(Laws.show), [])
    })
  )

  it.effect("what was undone late is not undone again by the fan-out around it", () =>
    Effect.gen(function* () {
      const one = (plan: unknown) => ({ toolscope: 1, plan })
      const commits = one({ call: "t1", params: { then: "gate", does: { after: 10, then: "commit" } } })
      const a = { id: "a", call: "agent", params: { does: "fanout", plan: commits } }
      const b = { id: "b", call: "t0", params: { after: 10, then: "commit", undo: { after: 10, then: "die" } } }
      const inner = { ...one({ firstSuccess: [a, b] }), drain: 0 }
      const outer = { id: "a", call: "agent", params: { does: "session", plan: inner }, timeout: 10 }
      const undone = { effect: "additive", compensate: "custom" } as const
      const { events, violations } = yield* Simulation.run({
        tools: {
          t0: { contract: { ...undone, repeat: "natural", failure: "maybe" } },
          t1: { contract: { ...undone, repeat: "keyed", interruption: "anywhere", commit: "marked" } }
        },
        plan: one({ firstSuccess: [outer] }),
        questions: { when: "wait", seed: 144_048 },
        schedule: { order: "plain", seed: 0 }
      } as unknown as Arbitraries.Scenario)
      assert.deepStrictEqual(violations.map(Laws.show), [])
      const compensated = events.flatMap((event) => (event.type === "effect.compensated" ? [event.key] : []))
      assert.deepStrictEqual(compensated, ["run/a#1.session.1//a#0"])
    })
  )

  it.effect("a call that is left behind says what goes on inside of it", () =>
    Effect.gen(function* () {
      const reads = {
        toolscope: 1,
        plan: { call: "reads", params: { after: 10, then: "die" } },
        budget: { attempts: 10 }
      }
      const acting = (plan: unknown) => ({ call: "acting", params: { does: "fanout", plan } })
      const inner = { toolscope: 1, plan: acting(reads), budget: {} }
      const plan = { toolscope: 1, plan: { ...acting(inner), timeout: 10 }, drain: 0 }
      const { events, violations } = yield* Simulation.runSession({
        tools: { reads: { contract: "readOnly" } },
        session: {},
        planner: [{ when: { outcomes: 2 }, does: "replan", plan }],
        schedule: { order: "ranked", seed: 303_423, yields: 30, changes: 5 }
      } as Arbitraries.SessionScenario)
      assert.deepStrictEqual(violations.map(Laws.show), [])
      // the first to close is the outermost; the law sees whether it says so
      const journal = JSON.parse(JSON.stringify(events)) as Array<any>
      const closed = journal.find(({ type }) => type === "fanout.closed")
      assert.strictEqual(closed.run, "session.1")
      closed.report.calls[0].effects.pop()
      const broken = Laws.check(journal, { laws: ["G6"] }).map(({ message }) => message)
      assert.isTrue(
        broken.some((message) => message.includes("was left behind while")),
        broken.join("\n")
      )
    })
  )

  it.effect("the same seed leaves the same session, and each says how to replay it", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 15; seed++) {
        const scenario = yield* Simulation.sessionOf(seed)
        const [a, b] = [yield* Simulation.runSession(scenario), yield* Simulation.runSession(scenario)]
        assert.strictEqual(JSON.stringify(a.events), JSON.stringify(b.events))
        const line = Simulation.replayLine(scenario)
        const text = line.slice(line.indexOf("'") + 1, -1)
        assert.deepStrictEqual(Schema.decodeUnknownSync(Arbitraries.SessionScenario)(JSON.parse(text)), scenario)
      }
    })
  )

  it.effect("larger plans, by rank", () =>
    Effect.gen(function* () {
      const { failures } = yield* Simulation.runSeeds(15, { depth: 4, width: 5, from: 1_000_000 })
      assert.deepStrictEqual(
        failures.map(({ replay }) => replay),
        []
      )
    })
  )

  it.effect("the same seed leaves the same journal and the same ledger, byte for byte", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 40; seed++) {
        const scenario = yield* Simulation.scenarioOf(seed)
        assert.deepStrictEqual(yield* Simulation.scenarioOf(seed), scenario)
        const [a, b] = [yield* Simulation.run(scenario), yield* Simulation.run(scenario)]
        assert.strictEqual(text(a), text(b))
        assert.deepStrictEqual(a.ledger.records, b.ledger.records)
      }
    })
  )

  it.effect("other seeds let other fibers go first", () =>
    Effect.gen(function* () {
      const call = (id: string) => ({ id, call: "reads", params: { after: 10, then: "answer" } })
      const firsts = new Set<string>()
      for (let seed = 0; seed < 30; seed++) {
        for (const order of ["any", "ranked"] as const) {
          const { events } = yield* Simulation.run({
            tools: { reads: { contract: "readOnly" } },
            plan: { toolscope: 1, plan: { all: ["a", "b", "c"].map(call) } },
            schedule: { order, seed }
          })
          const first = events.find(({ type }) => type === "attempt.ended")
          if (first?.type === "attempt.ended") firsts.add(first.call)
        }
      }
      assert.deepStrictEqual([...firsts].sort(), ["/a", "/b", "/c"])
    })
  )

  it.effect("sees what comes long after the return: a deaf promise that acts late is in the ledger", () =>
    Effect.gen(function* () {
      const { events, ledger, violations } = yield* Simulation.run({
        tools: { acts: { contract: "irreversible", drives: "promise" } },
        plan: { toolscope: 1, plan: { call: "acts", params: { after: 9000, then: "commit", deaf: true } }, drain: 20 },
        interruption: { by: "interrupt", at: { millis: 5 } },
        schedule: { order: "any", seed: 0 }
      })
      assert.deepStrictEqual(violations, [])
      const closed = events.find(({ type }) => type === "fanout.closed")
      assert.strictEqual(closed?.time, 25)
      assert.deepInclude(ledger.records.at(-2), { what: "committed", at: 9000 })
    })
  )

  it.effect("finds a tool that lies, shrinks to it, and says how to replay it", () =>
    Effect.gen(function* () {
      // a generator of honest tools cannot find one, so the lie is put into a scenario of its own
      const run = yield* Simulation.run({
        tools: { liar: { contract: "readOnly" } },
        plan: { toolscope: 1, plan: { call: "liar", params: { then: "commit" } } },
        schedule: { order: "plain", seed: 0 }
      })
      assert.deepStrictEqual([...new Set(run.violations.map(({ law }) => law))].includes("C1"), true)
      const line = Simulation.replayLine(run.scenario)
      assert.include(line, "npm run simulate -- --replay '{")
      const json = JSON.parse(line.slice(line.indexOf("'") + 1, -1)) as Arbitraries.Scenario
      assert.deepStrictEqual(json, run.scenario)
    })
  )

  it.effect("refuses a scenario whose plan is faulty", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Simulation.run({
          tools: {},
          plan: { toolscope: 1, plan: { call: "nobody" } },
          schedule: { order: "plain", seed: 0 }
        })
      )
      assert.strictEqual(error._tag, "PlanError")
    })
  )

  it.effect("shrinks a scenario to what matters, and never into one that lies", () =>
    Effect.gen(function* () {
      let from = 0
      for (let seed = 0; seed < 60; seed++) {
        let scenario = yield* Simulation.scenarioOf(seed)
        const acts = (scenario: Arbitraries.Scenario) => JSON.stringify(scenario.plan).includes('"commit"')
        if (!acts(scenario)) continue
        from++
        for (let next: Arbitraries.Scenario | undefined = scenario; next !== undefined;) {
          scenario = next
          next = undefined
          for (const candidate of smaller(scenario)) {
            const isValid = yield* Effect.isSuccess(
              PlanDocument.decode(candidate.plan, Arbitraries.toolsOf(candidate.tools))
            )
            if (!isValid || !acts(candidate)) continue
            next = candidate
            break
          }
        }
        // one call, which commits, of the one tool that is left; nobody interrupts it
        const { call, params, ...rest } = (scenario.plan as unknown as { readonly plan: Record<string, unknown> }).plan
        assert.deepStrictEqual(rest, {})
        assert.include(JSON.stringify(params), '"then":"commit"')
        assert.deepStrictEqual(Object.keys(scenario.tools), [call])
        assert.notStrictEqual(scenario.tools[call as string]!.contract, "readOnly")
        assert.isUndefined(scenario.interruption)
      }
      assert.isAbove(from, 20)
    })
  )
})
