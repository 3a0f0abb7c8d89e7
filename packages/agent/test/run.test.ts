/**
 * The loop: results, turns, ends.
 */
import { assert, describe, it } from "@effect/vitest"
import { Agent, ScriptedModel } from "@toolscope/agent"
import { Attempt, Commit, Contract, Plan, Question, Questions, Session, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { AiError } from "effect/ai"
import * as TestClock from "effect/testing/TestClock"
import { calls, callsIn, resultsIn, resultsOf } from "./support.ts"

const Echo = Tool.make("echo", {
  parameters: Schema.Struct({ text: Schema.String, loud: Schema.optionalKey(Schema.Boolean) }),
  success: Schema.String,
  contract: Contract.readOnly,
  handler: ({ loud = false, text }) => Effect.succeed(loud ? text.toUpperCase() : text)
})
class SoldOut extends Schema.TaggedError<SoldOut>()("SoldOut", { left: Schema.Int }) {}
const Buy = Tool.make("buy", {
  success: Schema.String,
  failure: SoldOut,
  contract: Contract.make({ effect: "mutating", failure: { SoldOut: "nothing" } }),
  handler: () => Effect.fail(new SoldOut({ left: 0 }))
})
const Hang = Tool.make("hang", { contract: Contract.readOnly, handler: () => Effect.never })
const Mail = Tool.make("mail", {
  contract: Contract.irreversible,
  timeout: "1 second",
  handler: () => Effect.uninterruptible(Effect.never)
})

/** Runs to the end in virtual time. */
const ended = <A, E, R>(run: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(run)
    yield* TestClock.adjust("1 hour")
    return yield* Fiber.join(fiber)
  })

const runScript = <T extends Agent.Tools>(script: ScriptedModel.Script, options: Omit<Agent.Options<T>, "prompt">) => {
  const model = ScriptedModel.make(script)
  return ended(Agent.run({ prompt: "go", ...options }).pipe(Effect.provide(model.layer)))
}

describe("a turn", () => {
  it.effect("gives each call its one result: values, typed errors, what was refused, in the order of the calls", () =>
    Effect.gen(function* () {
      const turn = calls(
        ["1", "echo", { text: "a", loud: null, toolscope_policy: null }],
        ["2", "buy"],
        ["3", "ghost"],
        ["4", "echo", { txt: 1 }]
      )
      const end = yield* runScript([turn, "done"], { tools: [Echo, Buy] })
      assert.strictEqual(end._tag === "Answered" && end.text, "done")
      assert.deepStrictEqual(
        resultsIn(end.history).map(({ id, isFailure }) => [id, isFailure]),
        [
          ["1", false],
          ["2", true],
          ["3", true],
          ["4", true]
        ]
      )
      const results = resultsOf(end)
      assert.strictEqual(results["1"]?.result, "a")
      assert.deepInclude(results["2"]?.result, { outcome: "Failed" })
      assert.deepInclude(results["2"]?.result.error, { _tag: "SoldOut" })
      assert.include(results["2"]?.result.message, "Nothing of it happened")
      assert.strictEqual(results["3"]?.result.message, 'not run: no tool is named "ghost"; there is: echo, buy, fanout')
      assert.include(results["4"]?.result.message, "/text: ")
      assert.include(results["4"]?.result.message, "/txt: ")
    })
  )

  it.effect("stops the rest when what the model called essential fails, and says of each what became of it", () =>
    Effect.gen(function* () {
      const turn = calls(
        ["1", "hang", { toolscope_policy: null }],
        ["2", "buy", { toolscope_policy: "essential" }],
        ["3", "hang", { toolscope_policy: "advisory" }]
      )
      const end = yield* runScript([turn, "done"], { tools: [Hang, Buy], fanout: { concurrency: 2 } })
      const results = resultsOf(end)
      assert.deepStrictEqual(
        ["1", "2", "3"].map((id) => results[id]?.result.outcome),
        ["Cancelled", "Failed", "Skipped"]
      )
      assert.include(results["3"]?.result.message, "stopped before it started")
    })
  )

  it.effect(
    "says of what may have happened that nobody knows, with the key, and starts nothing before it has ended",
    () =>
      Effect.gen(function* () {
        const again = calls(["b", "buy"])
        const end = yield* runScript([calls(["a", "mail"]), again, again], {
          tools: [Mail, Buy],
          session: { id: "s" }
        })
        const first = resultsOf(end, 1).a?.result
        assert.strictEqual(first.outcome, "Unknown")
        assert.include(first.message, "Check before repeating")
        assert.include(first.message, "may still be running")
        assert.deepStrictEqual(first.idempotencyKeys, ["s.2/a#0"])
        assert.include(resultsOf(end, 2).b?.result.message, "mail (/a) of an earlier turn was stopped")
        assert.strictEqual(end._tag, "NotDrained")
        assert.deepStrictEqual(
          callsIn(end.history),
          resultsIn(end.history).map(({ id }) => id)
        )
      })
  )

  it.effect("runs the same call under one id once, and calls that differ under one id not at all", () =>
    Effect.gen(function* () {
      let runs = 0
      const Count = Tool.make("count", {
        parameters: Schema.Struct({ n: Schema.Int }),
        contract: Contract.readOnly,
        handler: () => Effect.sync(() => ++runs)
      })
      const turn = calls(
        ["x", "count", { n: 1 }],
        ["x", "count", { n: 1 }],
        ["y", "count", { n: 2 }],
        ["y", "count", { n: 3 }]
      )
      const end = yield* runScript([turn, "done"], { tools: [Count], strict: false })
      assert.strictEqual(runs, 1)
      assert.deepStrictEqual(
        resultsIn(end.history).map(({ id }) => id),
        ["x", "y"]
      )
      assert.deepStrictEqual(callsIn(end.history), ["x", "y"])
      assert.include(resultsOf(end).y?.result.message, "the same id")
    })
  )

  it.effect("runs nothing of an answer that was cut off", () =>
    Effect.gen(function* () {
      const end = yield* runScript(
        [{ calls: [{ call: "echo", id: "1", params: { text: "x" } }], finish: "length" }, "done"],
        {
          tools: [Echo]
        }
      )
      assert.include(resultsOf(end)["1"]?.result.message, "cut off (length)")
      assert.strictEqual(end._tag, "Answered")
      assert.strictEqual(end.reports.length, 0)
    })
  )

  it.effect("leaves to the provider what it has run itself", () =>
    Effect.gen(function* () {
      const turn = [
        { call: "web", id: "p", providerExecuted: true },
        { call: "echo", id: "1", params: { text: "x" } }
      ]
      const end = yield* runScript([turn, "done"], { tools: [Echo] })
      assert.deepStrictEqual(
        resultsIn(end.history).map(({ id }) => id),
        ["1"]
      )
    })
  )
})

describe("a policy of the application", () => {
  it.effect("decides what the calls of a turn need of each other", () =>
    Effect.gen(function* () {
      const turn = calls(
        ["1", "hang"],
        ["2", "echo", { text: "won", loud: null }],
        ["3", "echo", { text: "left out", loud: null }]
      )
      const end = yield* runScript([turn, "done"], {
        tools: [Hang, Echo],
        plan: ([a, b]) => Plan.firstSuccess([a!.plan, b!.plan])
      })
      const results = resultsOf(end)
      assert.strictEqual(results["1"]?.result.outcome, "Cancelled")
      assert.strictEqual(results["2"]?.result, "won")
      assert.include(results["3"]?.result.message, "left it out")
    })
  )

  it.effect("may make a call anew, and the result is still that of the call", () =>
    Effect.gen(function* () {
      const end = yield* runScript([calls(["1", "echo", { text: "x", loud: null }]), "done"], {
        tools: [Echo],
        plan: ([call]) => Plan.all({ other: Plan.call(call!.tool as typeof Echo, call!.params as { text: string }) })
      })
      assert.strictEqual(resultsOf(end)["1"]?.result, "x")
    })
  )

  it.effect("that throws, or makes a plan that is refused, costs the turn its calls and not the run", () =>
    Effect.gen(function* () {
      const turn = calls(["1", "echo", { text: "x", loud: null }])
      const promised = (() => Promise.resolve()) as never
      for (const plan of [() => assert.fail(), () => Plan.quorum(2, [Plan.settled(Plan.all([]))]), promised]) {
        const end = yield* runScript([turn, "done"], { tools: [Echo], plan })
        assert.strictEqual(end._tag, "Answered")
        assert.strictEqual(resultsOf(end)["1"]?.result.outcome, "Refused")
      }
    })
  )
})

describe("an end", () => {
  const turn = calls(["1", "echo", { text: "x", loud: null, toolscope_policy: null }])

  it.effect("comes when the turns are over, with every call answered", () =>
    Effect.gen(function* () {
      const end = yield* runScript([turn], { tools: [Echo], maxTurns: 3 })
      assert.strictEqual(end._tag, "TurnsExceeded")
      assert.strictEqual(end.turns, 3)
      assert.strictEqual(resultsIn(end.history).length, 3)
      assert.deepStrictEqual(end.tokens, { input: 30, output: 15 })
    })
  )

  it.effect("comes when the model's tokens have used up the budget", () =>
    Effect.gen(function* () {
      const end = yield* runScript([turn], { tools: [Echo], session: { budget: { costs: { tokens: 40 } } } })
      assert.strictEqual(end._tag, "BudgetExceeded")
      assert.strictEqual(end.turns, 3)
      assert.deepStrictEqual(end.usage.tokens, { limit: 40, used: 45, reserved: 0 })
    })
  )

  it.effect("comes too where no provider says how many tokens it used: what was reserved counts", () =>
    Effect.gen(function* () {
      const unmeasured = { calls: turn, tokens: { input: undefined, output: undefined } } as never
      const end = yield* runScript([unmeasured], {
        tools: [Echo],
        session: { budget: { costs: { tokens: 40 } } },
        model: { ceiling: { tokens: 20 } }
      })
      assert.strictEqual(end._tag, "BudgetExceeded")
      assert.strictEqual(end.turns, 2)
    })
  )

  it.effect("comes before a call of the model that could cost too much", () =>
    Effect.gen(function* () {
      const end = yield* runScript([turn], {
        tools: [Echo],
        session: { budget: { costs: { usd: 1 } } },
        model: { ceiling: { usd: 0.3 }, charge: () => ({ usd: 0.25 }) }
      })
      assert.strictEqual(end._tag, "BudgetExceeded")
      assert.strictEqual(end.usage.usd?.used, 0.75)
    })
  )

  it.effect("comes when the budget's time is up, while the model thinks", () =>
    Effect.gen(function* () {
      const end = yield* runScript([{ text: "late", after: "1 minute" }], {
        tools: [Echo],
        session: { budget: { wallClock: "10 seconds" } }
      })
      assert.strictEqual(end._tag, "BudgetExceeded")
    })
  )

  it.effect("comes when the model repeats what fails the same way", () =>
    Effect.gen(function* () {
      const end = yield* runScript([calls(["1", "buy"])], { tools: [Buy], session: { loop: 2 } })
      assert.strictEqual(end._tag, "LoopDetected")
      assert.strictEqual(end.turns, 4)
      assert.include(resultsOf(end, 3)["1"]?.result.message, "failed 2 times")
    })
  )

  it.effect("is not brought about by one call of a turn that loops: the others are run", () =>
    Effect.gen(function* () {
      const both = calls(["1", "buy"], ["2", "echo", { text: "x", loud: null }])
      const end = yield* runScript([both, both, both, "done"], { tools: [Buy, Echo], session: { loop: 2 } })
      assert.strictEqual(end._tag, "Answered")
      assert.include(resultsOf(end, 3)["1"]?.result.message, "Do something else")
      assert.strictEqual(resultsOf(end, 3)["2"]?.result, "x")
    })
  )

  it.effect("comes when the model fails, after the further attempts that its error allows", () =>
    Effect.gen(function* () {
      const fail = (reason: AiError.AiErrorReason) => ({ fail: AiError.make({ module: "t", method: "t", reason }) })
      const busy = fail(new AiError.RateLimitError({}))
      const recovered = yield* runScript([busy, busy, "there"], { tools: [Echo] })
      assert.strictEqual(recovered._tag === "Answered" && recovered.text, "there")
      const failed = yield* runScript([busy], { tools: [Echo] })
      assert.strictEqual(failed._tag, "ModelFailed")
      assert.strictEqual(failed._tag === "ModelFailed" && failed.error._tag, "AiError")
      const model = ScriptedModel.make([fail(new AiError.QuotaExhaustedError({}))])
      const end = yield* ended(Agent.run({ prompt: "go", tools: [Echo] }).pipe(Effect.provide(model.layer)))
      assert.strictEqual(end._tag, "ModelFailed")
      assert.strictEqual(model.prompts().length, 1)
    })
  )

  it.effect("comes when the model does not answer in time", () =>
    Effect.gen(function* () {
      const end = yield* runScript([{ text: "late", after: "10 minutes" }], { tools: [Echo] })
      assert.strictEqual(end._tag === "ModelFailed" && end.error.reason._tag, "TimedOut")
    })
  )

  it.effect("of one run does not end the next of the same session", () =>
    Effect.gen(function* () {
      const session = yield* Session.make({ loop: 2, budget: { costs: { tokens: 1_000 } } })
      const down = { fail: AiError.make({ module: "t", method: "t", reason: new AiError.QuotaExhaustedError({}) }) }
      for (let i = 0; i < 4; i++) {
        const end = yield* runScript([down], { tools: [Echo], session })
        assert.strictEqual(end._tag, "ModelFailed")
      }
      const end = yield* runScript([turn, "done"], { tools: [Echo], session })
      assert.strictEqual(end._tag, "Answered")
      // nobody knows what a call cost that gave no answer
      assert.strictEqual(end.usage.tokens?.used, 34)
    })
  )

  it.effect("comes when somebody cancels the session, with what had answered by then", () =>
    Effect.gen(function* () {
      const session = yield* Session.make()
      const model = ScriptedModel.layer([calls(["1", "echo", { text: "x", loud: null }], ["2", "hang"])])
      const fiber = yield* Effect.forkChild(
        Agent.run({ prompt: "go", tools: [Echo, Hang], session }).pipe(Effect.provide(model))
      )
      yield* TestClock.adjust("1 second")
      yield* session.cancel("enough")
      const end = yield* Fiber.join(fiber)
      assert.deepStrictEqual(end._tag === "Stopped" && end.by, { source: "user", reason: "enough" })
      assert.strictEqual(resultsOf(end)["1"]?.result, "x")
      assert.strictEqual(resultsOf(end)["2"]?.result.outcome, "Cancelled")
    })
  )

  it.effect("says of an answer without calls that it was cut off", () =>
    Effect.gen(function* () {
      const end = yield* runScript([{ text: "half", finish: "length" }], { tools: [Echo] })
      assert.deepStrictEqual(end._tag === "CutOff" && [end.reason, end.text], ["length", "half"])
    })
  )
})

describe("questions", () => {
  const Book = Tool.make("book", {
    contract: Contract.make({ effect: "additive", commit: "marked" }),
    handler: () =>
      Effect.gen(function* () {
        const key = yield* Commit.run((key) => Effect.succeed(key))
        const room = yield* Question.ask({ prompt: "Which room?", schema: Schema.Int })
        return `${room} ${key}`
      })
  })
  const Pay = Tool.make("pay", {
    contract: Contract.irreversible,
    approval: "always",
    handler: () => Effect.map(Attempt.current, ({ idempotencyKey }) => idempotencyKey)
  })
  const tools = [Book, Pay, Echo]
  const turn = calls(["1", "book"], ["2", "pay"], ["3", "echo", { text: "x", loud: null }])

  it.effect("are answered by a layer, and the run goes on", () =>
    Effect.gen(function* () {
      const answers = Questions.answering(({ id, kind }, { answer }) => answer(id, kind === "approval" ? true : 7))
      const end = yield* Effect.provide(runScript([turn, "done"], { tools, session: { id: "s" } }), answers)
      assert.strictEqual(end._tag, "Answered")
      assert.strictEqual(resultsOf(end)["1"]?.result, "7 s.2/call_1#0")
    })
  )

  it.effect("suspend the run as a value, which is resumed elsewhere with the answers", () =>
    Effect.gen(function* () {
      const end = yield* runScript([turn, "done"], { tools, session: { id: "s" } })
      assert.strictEqual(end._tag, "Suspended")
      if (end._tag !== "Suspended") return
      assert.deepStrictEqual(
        end.questions.map(({ id }) => id),
        ["s.2/call_1?0", "s.2/call_2?approval"]
      )
      const json: unknown = JSON.parse(JSON.stringify(end.state))
      const model = ScriptedModel.make(["done"])
      const resumed = yield* Agent.resume(json, {
        tools,
        answers: { "s.2/call_1?0": 7 },
        deny: ["s.2/call_2?approval"]
      }).pipe(Effect.provide(model.layer), ended)
      assert.strictEqual(resumed._tag, "Answered")
      assert.strictEqual(resumed.turns, 2)
      const results = resultsOf(resumed)
      assert.strictEqual(results["1"]?.result, "7 s.2/call_1#0")
      assert.strictEqual(results["2"]?.result.outcome, "Denied")
      assert.strictEqual(results["3"]?.result, "x")
      assert.deepStrictEqual(callsIn(resumed.history), ["1", "2", "3"])
      // once
      const again = yield* Effect.flip(Effect.provide(Agent.resume(json, { tools }), model.layer))
      assert.strictEqual(again._tag, "SnapshotError")
      const other = yield* Effect.flip(Effect.provide(Agent.resume({}, { tools }), model.layer))
      assert.strictEqual(other._tag === "AgentError" && other.reason._tag, "BadState")
    })
  )
})

describe("an agent inside of a tool", () => {
  it.effect("spends of the budget of the run around it, and stops with it", () =>
    Effect.gen(function* () {
      const inner = ScriptedModel.layer([calls(["i", "hang"]), "found"])
      const Research = Tool.make("research", {
        contract: Contract.readOnly,
        handler: () =>
          Effect.orDie(
            Effect.map(Effect.provide(Agent.run({ prompt: "look", tools: [Hang] }), inner), ({ _tag }) => _tag)
          )
      })
      const session = { budget: { costs: { tokens: 100 } } }
      const end = yield* runScript([calls(["1", "research"]), "done"], {
        tools: [Research],
        session,
        fanout: { timeout: "40 seconds" }
      })
      assert.strictEqual(resultsOf(end)["1"]?.result, "Answered")
      assert.strictEqual(end.usage.tokens?.used, 60)
    })
  )
})

describe("the stream", () => {
  it.effect("tells text, calls as they settle, and the end", () =>
    Effect.gen(function* () {
      const script = [
        {
          text: "Let me look. ",
          calls: [
            { id: "1", call: "echo", params: { text: "x", loud: null } },
            { id: "2", call: "buy" }
          ]
        },
        "All done."
      ]
      const events = yield* Agent.stream({ prompt: "go", tools: [Echo, Buy] }).pipe(
        Stream.runCollect,
        Effect.provide(ScriptedModel.layer(script)),
        ended
      )
      const seen = events.map((event) =>
        event._tag === "Text"
          ? event.delta
          : event._tag === "Settled"
            ? `${event.id} ${event.call.outcome._tag}`
            : event._tag
      )
      assert.deepStrictEqual(seen, [
        ...["Let ", "me ", "look. ", "Called", "1 Succeeded", "2 Failed", "Told", "All ", "done.", "Ended"]
      ])
    })
  )

  it.effect("stops the run when its reader is interrupted, and waits until it has drained", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const Wait = Tool.make("wait", {
        contract: Contract.readOnly,
        handler: () =>
          Effect.onInterrupt(Effect.never, () =>
            Effect.delay(
              Effect.sync(() => log.push("drained")),
              100
            )
          )
      })
      const fiber = yield* Agent.stream({ prompt: "go", tools: [Wait] }).pipe(
        Stream.runForEach(({ _tag }) => Effect.sync(() => log.push(_tag))),
        Effect.provide(ScriptedModel.layer([calls(["1", "wait"])])),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 second")
      const stopping = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopping)
      assert.deepStrictEqual(log, ["Called", "drained"])
    })
  )
})

describe("the tools", () => {
  it.effect("are refused before anything starts where a name is taken or reserved, all faults at once", () =>
    Effect.gen(function* () {
      const named = (name: string) => Tool.make(name, { contract: Contract.readOnly, handler: () => Effect.void })
      const Reserved = Tool.make("odd", {
        parameters: Schema.Struct({ toolscope_policy: Schema.String }),
        contract: Contract.readOnly,
        handler: () => Effect.void
      })
      const model = ScriptedModel.make(["no"])
      const tools = [named("a"), named("a"), named("fanout"), Reserved]
      const error = yield* Effect.flip(Effect.provide(Agent.run({ prompt: "", tools }), model.layer))
      assert.deepStrictEqual(error._tag === "PlanError" && error.faults.map(({ pointer }) => pointer), [
        "/tools/1",
        "/tools/2",
        "/tools/3"
      ])
      assert.strictEqual(model.prompts().length, 0)
      const declares = { plans: false, policies: false }
      const end = yield* Effect.provide(Agent.run({ prompt: "", tools: tools.slice(1), declares }), model.layer)
      assert.strictEqual(end._tag, "Answered")
    })
  )
})
