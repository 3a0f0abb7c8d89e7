/**
 * Questions on a terminal: who is shown what, and what becomes of what is typed.
 */
import { Contract, Fanout, FanoutError, Plan, Question, Tool } from "@toolscope/core"
import { Questions } from "@toolscope/node"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { PassThrough } from "node:stream"

/** A terminal as Node's `readline` knows one. */
const fake = (isTTY = true) => {
  const input = Object.assign(new PassThrough(), { isTTY, isRaw: false, setRawMode: () => {} })
  const output = Object.assign(new PassThrough(), { isTTY, columns: 200 })
  let text = ""
  output.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
  const turns = (n: number) =>
    Effect.promise(async () => {
      for (let i = 0; i < n; i++) await new Promise(setImmediate)
    })
  // a line is written anew from its first column
  const shown = () => text.replaceAll(/[^\n]*\u001b\[1G/g, "").replaceAll(/\u001b\[\d*[A-Z]/g, "")
  return {
    layer: Questions.terminal({ input, output, by: "Ada" }),
    raw: () => text,
    shown,
    type: (keys: string) =>
      Effect.andThen(
        Effect.sync(() => input.write(keys)),
        turns(3)
      ),
    end: Effect.andThen(
      Effect.sync(() => input.end()),
      turns(3)
    ),
    /** Until so many have been asked for a line. */
    asks: (times: number, millis = 50) =>
      Effect.gen(function* () {
        yield* turns(3)
        yield* TestClock.adjust(millis)
        const count = () => shown().match(/^(\(\d+ more\) )?> /gm)?.length ?? 0
        for (let i = 0; i < 100 && count() < times; i++) yield* turns(1)
        assert.strictEqual(count(), times, shown())
      })
  }
}

const ask = <S extends Tool.AnySchema>(prompt: string, schema: S) =>
  Plan.effect(Question.ask({ prompt, schema }), Contract.readOnly)

/** Runs beside what is typed. */
const during = <A, E>(plan: Plan.Plan<A, E>, layer: ReturnType<typeof Questions.terminal>, settings?: Fanout.Options) =>
  Effect.forkChild(Fanout.run(plan, { runId: "r", ...settings }).pipe(Effect.provide(layer)), {
    startImmediately: true
  })

const suspended = (error: unknown): ReadonlyArray<string> => {
  assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended", String(error))
  return error.reason.questions.map(({ id }) => id)
}

describe("a terminal", () => {
  it.effect("shows one question at a time, however many are open, and each answer goes to the one that is shown", () =>
    Effect.gen(function* () {
      const terminal = fake()
      const plan = Plan.all({
        a: ask("How many?", Schema.Finite),
        b: ask("Who?", Schema.String),
        c: ask("Sure?", Schema.Boolean)
      })
      const fiber = yield* during(plan, terminal.layer)
      yield* terminal.asks(1)
      assert.include(
        terminal.shown(),
        "? How many?\n  call /a · tool custom · r/a?0\n  an answer is a number\n(2 more) > "
      )
      assert.notInclude(terminal.shown(), "Who?")
      yield* terminal.type("3\n")
      yield* terminal.asks(2)
      assert.include(terminal.shown(), "? Who?\n  call /b · tool custom · r/b?0\n  an answer is text\n(1 more) > ")
      assert.notInclude(terminal.shown(), "Sure?")
      yield* terminal.type("42\n")
      yield* terminal.asks(3)
      yield* terminal.type("y\n")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { a: 3, b: "42", c: true })
    })
  )

  it.effect("asks again, with the reason, until an answer can be taken", () =>
    Effect.gen(function* () {
      const terminal = fake()
      const fiber = yield* during(ask("How many?", Schema.Finite), terminal.layer)
      yield* terminal.asks(1)
      yield* terminal.type("many\n")
      yield* terminal.asks(2)
      assert.match(terminal.shown(), /> many\r\n  an answer is a number\n> $/)
      yield* terminal.type('"many"\n')
      yield* terminal.asks(3)
      assert.include(terminal.shown(), "malformed answer to r/?0: ")
      yield* terminal.type("\n")
      yield* terminal.asks(4)
      yield* terminal.type("5\n")
      assert.strictEqual(yield* Fiber.join(fiber), 5)
    })
  )

  it.effect("takes a withdrawn question away, and with it what was typed; the next is not answered by that", () =>
    Effect.gen(function* () {
      const terminal = fake()
      const go = yield* Deferred.make<void>()
      const fiber = yield* during(
        Plan.all({
          quick: Plan.firstSuccess({
            asks: ask("First?", Schema.Boolean),
            other: Plan.effect(Deferred.await(go), Contract.readOnly)
          }),
          second: ask("Second?", Schema.Boolean)
        }),
        terminal.layer
      )
      yield* terminal.asks(1)
      yield* terminal.type("y")
      yield* Deferred.succeed(go, undefined)
      yield* terminal.type("")
      // meant for the first
      yield* terminal.type("y\ny")
      assert.include(terminal.shown(), "nobody waits for this answer any more")
      assert.include(terminal.shown(), "? Second?")
      yield* terminal.asks(2, 500)
      assert.match(terminal.shown(), /\n> $/)
      yield* terminal.type("\n")
      yield* terminal.asks(3)
      yield* terminal.type("n\n")
      assert.deepStrictEqual(yield* Fiber.join(fiber), { quick: undefined, second: false })
    })
  )

  it.effect("leaves a question open at Ctrl-D, and asks the next; the fan-out is suspended with what is open", () =>
    Effect.gen(function* () {
      const terminal = fake()
      const plan = Plan.all({ a: ask("One?", Schema.Finite), b: ask("Two?", Schema.Finite) })
      const fiber = yield* during(plan, terminal.layer)
      yield* terminal.asks(1)
      yield* terminal.type("\u0004")
      yield* terminal.asks(2)
      assert.include(terminal.shown(), "it stays open")
      yield* terminal.type("2\n")
      assert.deepStrictEqual(suspended(yield* Effect.flip(Fiber.join(fiber))), ["r/a?0"])
    })
  )

  it.effect(
    "sends no control character of a prompt or a parameter, and shows everything that an approval is about",
    () =>
      Effect.gen(function* () {
        const terminal = fake()
        const mail = Tool.make("mail\u001b[2J", {
          parameters: Schema.Struct({ to: Schema.String, text: Schema.String }),
          contract: Contract.irreversible,
          handler: () => Effect.succeed("sent")
        })
        const plan = Plan.call(mail, { to: "\u001b]0;x\u0007bob", text: "a\n? May nothing run?\n\u202eb" })
        const fiber = yield* during(plan, terminal.layer, { approval: "byContract" })
        yield* terminal.asks(1)
        const before = terminal.raw().split("> ")[0]!
        assert.notMatch(before.replaceAll(/\u001b\[\d*[GJ]/g, ""), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
        assert.include(before, '"to": "\\u001b]0;x\\u0007bob"')
        assert.include(before, "an answer is y or n")
        yield* terminal.type("perhaps\n")
        yield* terminal.asks(2)
        yield* terminal.type("n, not to Bob\n")
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert(error._tag === "FanoutError")
        assert.deepInclude(error.report.questions[0], { state: "denied", by: "Ada", reason: "not to Bob" })
        assert.strictEqual(error.report.calls[0]!.outcome._tag, "Denied")
      })
  )

  it.effect("that is none is read line by line, and what is asked after its end stays open", () =>
    Effect.gen(function* () {
      const terminal = fake(false)
      const plan = Plan.all({
        a: ask("One?", Schema.Finite),
        b: ask("Two?", Schema.Finite),
        c: ask("Three?", Schema.Finite)
      })
      const fiber = yield* during(plan, terminal.layer)
      yield* terminal.type("1\n2\n")
      yield* terminal.end
      assert.deepStrictEqual(suspended(yield* Effect.flip(Fiber.join(fiber))), ["r/c?0"])
    })
  )
})

it("what is typed is read as the schema has it: text as it is, yes and no, and JSON", () => {
  const read = (schema: object, line: string) =>
    Questions.readAnswer({ kind: "question", schema } as Question.Question, line)
  const anyOf = (...all: ReadonlyArray<object>) => ({ anyOf: all })
  const text = { type: "string" }
  const number = { type: "number" }
  for (const [schema, line, expected] of [
    [text, "blue", "blue"],
    [text, "42", "42"],
    [text, '"42"', "42"],
    [text, "true", "true"],
    [text, "y", "y"],
    [text, '{"a":1}', '{"a":1}'],
    [number, "42", 42],
    [{ type: "integer" }, "7", 7],
    [{ type: "boolean" }, "true", true],
    [{ type: "boolean" }, "No", false],
    [{ type: "object" }, '{"a":1}', { a: 1 }],
    [{ type: "array" }, "[1]", [1]],
    [anyOf(text, number), "42", 42],
    [anyOf(text, { type: "null" }), "null", null],
    [anyOf(text, { type: "null" }), "nil", "nil"],
    [{ type: "string", enum: ["y", "n"] }, "y", "y"],
    [{ type: ["boolean", "number"] }, "n", false],
    [{ $ref: "#/$defs/T", $defs: { T: number } }, "1", 1],
    [{}, "42", 42],
    [{}, "blue", "blue"]
  ] as const)
    assert.deepStrictEqual(read(schema, line), Result.succeed(expected), `${JSON.stringify(schema)} ${line}`)
  for (const line of ["blue", "{", ""]) assert.isTrue(Result.isFailure(read({ type: "boolean" }, line)))
  const approval = (line: string) => Questions.readAnswer({ kind: "approval", schema: {} } as Question.Question, line)
  assert.deepStrictEqual(approval("YES"), Result.succeed(true))
  assert.deepStrictEqual(approval("n"), Result.succeed(false))
  assert.deepStrictEqual(approval("no: too dear"), Result.succeed({ approved: false, reason: "too dear" }))
  assert.deepStrictEqual(approval('{"approved":true}'), Result.succeed({ approved: true }))
  for (const line of ["nothing", "yesterday", "ok", ""]) assert.isTrue(Result.isFailure(approval(line)))
})
