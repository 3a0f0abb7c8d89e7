/**
 * Handlers that ask, work, and run fan-outs in which others do the same, two and three deep, with few permits: random ones, answered at once
 * or elsewhere, stopped at any moment.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Fanout, FanoutError, Plan, Question, Questions, Session, Snapshot, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { prng } from "../support.ts"

const numbers = (seed: number) => prng(seed).next

type Step =
  | { readonly does: "work"; readonly millis: number }
  | { readonly does: "ask"; readonly times: number; readonly expires: boolean }
  /** Fan-outs side by side. */
  | { readonly does: "run"; readonly fanouts: ReadonlyArray<Shape> }

interface Shape {
  readonly concurrency: number
  readonly calls: ReadonlyArray<{ readonly approval: boolean; readonly steps: ReadonlyArray<Step> }>
}

const shapeOf = (random: () => number, depth: number): Shape => {
  const below = (n: number) => Math.floor(random() * n)
  const step = (): Step => {
    const kind = random()
    if (kind < 0.3) return { does: "work", millis: below(3) * 10 }
    if (kind < 0.65 || depth === 0) return { does: "ask", times: 1 + (random() < 0.2 ? 1 : 0), expires: random() < 0.1 }
    return { does: "run", fanouts: Array.from({ length: random() < 0.25 ? 2 : 1 }, () => shapeOf(random, depth - 1)) }
  }
  return {
    concurrency: 1 + below(3),
    calls: Array.from({ length: 1 + below(3) }, () => ({
      approval: random() < 0.1,
      steps: Array.from({ length: 1 + below(3) }, step)
    }))
  }
}

/** The right reply to a question, told by its id: a number, or nothing for a denial. */
const replyTo = (id: string): number | undefined => {
  const n = Array.from(id).reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % 1000, 7)
  return n % 7 === 0 ? undefined : n
}

/** What runs: of each fan-out, and altogether. */
class Watch {
  private readonly running = new Map<string, number>()
  readonly wrong: Array<string> = []
  private readonly limits = new Map<string, number>()
  private all = 0
  private readonly total: number
  constructor(total = Infinity) {
    this.total = total
  }
  limit(fanout: string, concurrency: number): void {
    this.limits.set(fanout, concurrency)
  }
  /** `path`: of the call that works, or does not any more. A call around it is at work while something in it is. */
  change(path: ReadonlyArray<string>, by: 1 | -1): void {
    this.all += by
    if (this.all > this.total) this.wrong.push(`${this.all} work, of ${this.total}`)
    for (let i = 1; i <= path.length; i++) {
      const call = path.slice(0, i).join("/")
      this.running.set(call, (this.running.get(call) ?? 0) + by)
    }
    for (let i = 0; i < path.length; i++) {
      const fanout = path.slice(0, i).join("/")
      const inIt = [...this.running].filter(
        ([call, n]) => n > 0 && call.split("/").length === i + 1 && (i === 0 || call.startsWith(`${fanout}/`))
      )
      // fan-outs side by side have names of their own
      const name = path[i]!.slice(0, path[i]!.indexOf(":"))
      const here = inIt.filter(([call]) => call.split("/")[i]!.startsWith(`${name}:`))
      const limit = this.limits.get(`${fanout}|${name}`) ?? Infinity
      if (here.length > limit) this.wrong.push(`${here.map(([call]) => call).join(" and ")} work, of ${limit}`)
    }
  }
}

/** A plan of a shape; `name` tells fan-outs of one handler apart. */
const planOf = (
  shape: Shape,
  watch: Watch,
  around: ReadonlyArray<string> = [],
  name = "f"
): Plan.Plan<unknown, unknown> => {
  watch.limit(`${around.join("/")}|${name}`, shape.concurrency)
  return Plan.all(
    shape.calls.map(({ approval, steps }, i) => {
      const path = [...around, `${name}:${i}`]
      const busy = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            watch.change(path, 1)
          }),
          () => effect,
          () =>
            Effect.sync(() => {
              watch.change(path, -1)
            })
        )
      const one = (prompt: string, expires: boolean) =>
        Effect.map(
          Question.askResult({ prompt, schema: Schema.Number, ...(expires ? { expires: "1 day" } : {}) }),
          Result.getOrElse(({ expired }) => (expired ? "expired" : "denied"))
        )
      const step = (step: Step, j: number): Effect.Effect<unknown> => {
        switch (step.does) {
          case "work":
            return busy(Effect.as(Effect.sleep(step.millis), step.millis))
          case "ask": {
            const asked = Array.from({ length: step.times }, (_, k) => one(`${path.join("/")} ${j} ${k}`, step.expires))
            // once it has its answer it works
            return Effect.tap(Effect.all(asked, { concurrency: "unbounded" }), () => busy(Effect.sleep(0)))
          }
          case "run":
            return Effect.orDie(
              Effect.all(
                step.fanouts.map((inner, k) =>
                  Fanout.run(planOf(inner, watch, path, `f${j}.${k}`), { concurrency: inner.concurrency })
                ),
                { concurrency: "unbounded" }
              )
            )
        }
      }
      const handler = Effect.all(steps.map(step))
      const asking = Tool.make(`tool${i}`, {
        parameters: Schema.Struct({}),
        contract: Contract.readOnly,
        approval: approval ? "always" : "never",
        handler: () => handler
      })
      return Plan.settled(Plan.call(asking, {}))
    })
  )
}

const ended = <A, E>(effect: Effect.Effect<A, E>, what: string, millis = 60_000) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    for (let i = 0; i < millis && fiber.pollUnsafe() === undefined; i += 100)
      yield* TestClock.adjust(i < 2_000 ? 10 : 100)
    if (fiber.pollUnsafe() === undefined) {
      yield* Effect.forkDetach(Fiber.interrupt(fiber))
      return yield* Effect.die(new Error(`${what} hangs`))
    }
    return yield* Fiber.join(fiber)
  })

const reply = (id: string, { answer, deny }: Pick<Questions.Answers, "answer" | "deny">) => {
  const right = replyTo(id)
  const isApproval = id.endsWith("?approval")
  if (right === undefined) return deny(id, { reason: "no" })
  return answer(id, isApproval ? true : right)
}

const text = (value: unknown) => JSON.stringify(value, (_, v: unknown) => (v instanceof Error ? v.message : v))
const reads = (effect: Effect.Effect<unknown>) => Plan.effect(effect, Contract.readOnly)

/** Answered at once, or a little later, where it runs. */
const here = (seed: number, inSession: boolean) =>
  Effect.gen(function* () {
    const random = numbers(seed * 31)
    const shape = shapeOf(numbers(seed), 2)
    const permits = 1 + (seed % 3)
    const watch = new Watch(inSession ? permits : Infinity)
    const layer = Questions.answering(({ id }, answers) => {
      const millis = Math.floor(random() * 4) * 10
      return millis === 0 ? reply(id, answers) : Effect.delay(reply(id, answers), millis)
    })
    const plan = planOf(shape, watch)
    const session = yield* Session.make({ id: "s", limits: { concurrency: permits } })
    const run = inSession
      ? session.fanout(plan, { concurrency: shape.concurrency })
      : Fanout.run(plan, { runId: "s.1", concurrency: shape.concurrency })
    const value = yield* ended(Effect.provide(run, layer), `seed ${seed}`)
    assert.deepStrictEqual(watch.wrong, [], `seed ${seed}`)
    if (inSession) {
      // all permits are back
      const all = Plan.all(Array.from({ length: permits }, () => reads(Effect.sleep(10))))
      yield* ended(session.fanout(all, { concurrency: 8 }), `what follows seed ${seed}`, 1_000)
    }
    return text(value)
  }).pipe(Effect.scoped)

/** Suspended and resumed, bit by bit, each time through text. */
const elsewhere = (seed: number) =>
  Effect.gen(function* () {
    const random = numbers(seed * 7919 + 1)
    const shape = shapeOf(numbers(seed), 2)
    const watch = new Watch()
    const plan = planOf(shape, watch)
    let attempt: Effect.Effect<unknown, unknown> = Fanout.run(plan, { runId: "s.1", concurrency: shape.concurrency })
    for (let rounds = 0; ; rounds++) {
      assert.isBelow(rounds, 200)
      const exit = yield* ended(Effect.exit(attempt), `seed ${seed}, round ${rounds}`)
      assert.deepStrictEqual(watch.wrong, [], `seed ${seed}`)
      if (exit._tag === "Success") return { value: text(exit.value), rounds }
      const error = yield* Effect.flip(exit as Effect.Effect<unknown, any>)
      assert.strictEqual(error.reason?._tag, "Suspended", `seed ${seed}: ${text(error)}`)
      const snapshot = yield* Snapshot.decode(JSON.parse(JSON.stringify(error.reason.snapshot)))
      const answers: Record<string, unknown> = {}
      const deny: Array<string> = []
      for (const { id } of error.reason.questions) {
        if (random() < 0.5 && rounds < 60) continue
        const right = replyTo(id)
        if (right === undefined) deny.push(id)
        else answers[id] = id.endsWith("?approval") ? true : right
      }
      attempt = Fanout.resume(plan, snapshot, { answers, deny })
    }
  })

const normal = (value: string) => value.replaceAll(',"why":"no"', "")

describe("fan-outs inside of handlers that ask", () => {
  it.effect("let their handler work on where a resume has brought several answers at once", () =>
    Effect.gen(function* () {
      const ask = Question.ask({ prompt: "Which?", schema: Schema.Number })
      const two = Fanout.run(Plan.all({ x: reads(ask), y: reads(ask) }))
      const works = Effect.orDie(Effect.map(Effect.andThen(two, Effect.sleep(20)), () => "worked"))
      const agent = reads(Effect.orDie(Fanout.run(Plan.all({ b: reads(works) }))))
      const plan = Plan.all({ a: agent, c: reads(ask) })
      const error = yield* Effect.flip(Fanout.run(plan, { runId: "r" }))
      assert(error instanceof FanoutError.FanoutError && error.reason._tag === "Suspended", String(error))
      const answers = { "r/a/b/x?0": 1, "r/a/b/y?0": 2 }
      const next = yield* ended(Effect.flip(Fanout.resume(plan, error.reason.snapshot, { answers })), "it")
      assert(next instanceof FanoutError.FanoutError && next.reason._tag === "Suspended", String(next))
      const report = next.report.calls.map(({ id, outcome }) => [id, outcome._tag])
      assert.deepStrictEqual(report, [
        ["/a", "Succeeded"],
        ["/c", "Suspended"]
      ])
    })
  )

  it.effect(
    "run no more than they may, never hang, and come to the same in a session with one permit as without",
    () =>
      Effect.gen(function* () {
        for (let seed = 1; seed <= 80; seed++)
          assert.strictEqual(yield* here(seed, true), yield* here(seed, false), `seed ${seed}`)
      }),
    240_000
  )

  it.effect(
    "come to the same where they are suspended and resumed bit by bit",
    () =>
      Effect.gen(function* () {
        let suspended = 0
        for (let seed = 1; seed <= 70; seed++) {
          const right = yield* here(seed, false)
          const { rounds, value } = yield* elsewhere(seed)
          suspended += rounds
          assert.strictEqual(normal(value), normal(right), `seed ${seed}`)
        }
        assert.isAbove(suspended, 150)
      }),
    240_000
  )

  it.effect(
    "are over within their bound whenever they are stopped, with every question closed and every permit given back",
    () =>
      Effect.gen(function* () {
        let withdrawn = 0
        for (let seed = 1; seed <= 100; seed++) {
          const random = numbers(seed * 17)
          const shape = shapeOf(numbers(seed), 2)
          const permits = 1 + (seed % 2)
          const watch = new Watch(permits)
          const session = yield* Session.make({ id: "s", limits: { concurrency: permits } })
          const layer = Questions.answering(({ id }, answers) => {
            const millis = Math.floor(random() * 5) * 10
            return millis === 40
              ? Effect.void
              : millis === 0
                ? reply(id, answers)
                : Effect.delay(reply(id, answers), millis)
          })
          const running = Effect.provide(
            session.fanout(planOf(shape, watch), { concurrency: shape.concurrency }),
            layer
          )
          const fiber = yield* Effect.forkChild(Effect.exit(running), { startImmediately: true })
          yield* TestClock.adjust(Math.floor(random() * 8) * 5)
          yield* ended(session.cancel("enough"), `the stop of seed ${seed}`, 3_000)
          yield* ended(Fiber.join(fiber), `seed ${seed}, stopped,`, 3_000)
          assert.deepStrictEqual(watch.wrong, [], `seed ${seed}`)
          for (const { id, reason, state } of session.questions()) {
            assert.notStrictEqual(state, "open", `seed ${seed}: ${id}`)
            if (state !== "withdrawn") continue
            withdrawn++
            assert.strictEqual(reason, "enough", `seed ${seed}: ${id}`)
          }
          const all = Plan.all(Array.from({ length: permits }, () => reads(Effect.sleep(10))))
          yield* ended(session.fanout(all, { concurrency: 8 }), `what follows seed ${seed}`, 1_000)
        }
        assert.isAbove(withdrawn, 50)
      }).pipe(Effect.scoped),
    240_000
  )
})
