/**
 * Every animal of the zoo, under every policy, stopped from outside at several times: all laws hold, by journal and by ledger.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Plan } from "@toolscope/core"
import * as Laws from "@toolscope/testing/Laws"
import * as Zoo from "@toolscope/testing/Zoo"
import * as Effect from "effect/Effect"
import { observe } from "./zooSupport.ts"

type Any = Plan.Plan<unknown, unknown>

const { blocks: _, ...animals } = Zoo.animals
const names = Object.keys(animals) as ReadonlyArray<keyof typeof animals>
const call = (name: keyof typeof Zoo.animals): Any => Zoo.call(Zoo.animals[name])

const reads = (behaviour: Zoo.Script): Any => Plan.call(Zoo.tools.reads, behaviour)
const answersAt = (millis: number): Any => reads({ after: millis, then: "answer" })
const failsAt = (millis: number): Any => reads({ after: millis, then: "fail" })

/** What no animal does alone: a further attempt, after one that left something to tell. */
const keyed = (attempts: readonly [Zoo.Behaviour, ...Array<Zoo.Behaviour>], timeout = 15): Any =>
  Plan.call(Zoo.tools.keyed, { attempts }, { retry: 2, timeout })
const keyedPromise = (attempts: readonly [Zoo.Behaviour, ...Array<Zoo.Behaviour>], timeout = 15): Any =>
  Plan.call(Zoo.tools.keyedPromise, { attempts }, { retry: 2, timeout })

const repeaters: { readonly [name: string]: Any } = {
  "one that fails as it times out, then answers": keyed([
    { after: 100, then: "answer", onStop: { after: 5, then: "fail" } },
    { after: 5, then: "commit" }
  ]),
  "one that dies as it times out, then answers": keyed([
    { after: 100, then: "answer", onStop: { then: "die" } },
    { after: 5, then: "commit" }
  ]),
  "one that commits as it times out, then refuses": keyed([
    { after: 100, then: "answer", onStop: { then: "commit" } },
    { after: 5, then: "refuse" }
  ]),
  "one whose cleanup dies each time": keyed([
    { after: 5, then: "fail", cleanup: { then: "die" } },
    { after: 5, then: "commit", cleanup: { after: 5, then: "die" } }
  ]),
  "one whose cleanup hangs after a failure": keyed([
    { after: 5, then: "fail", cleanup: { then: "never" } },
    { after: 5, then: "commit" }
  ]),
  "one that ends in time and out of time by turns": keyed([
    { after: 30, then: "fail", deaf: true },
    { after: 14, then: "fail" },
    { after: 15, then: "commit" }
  ]),
  "a promise that commits as it is aborted": keyedPromise([
    { after: 100, then: "answer", onStop: { after: 5, then: "commit" } },
    { after: 5, then: "answer" }
  ]),
  "a promise that fails as it is aborted": keyedPromise([
    { after: 100, then: "answer", onStop: { after: 5, then: "fail" } },
    { after: 5, then: "commit", next: { then: "die" } },
    { then: "malformed" }
  ]),
  "a deaf promise, late each time": keyedPromise([{ after: 70, then: "commit", deaf: true }])
}

/** An animal among others, each shape with a reason to stop it, or to be stopped by it. */
const shapes: { readonly [name: string]: (animal: Any) => Any } = {
  alone: (animal) => animal,
  "all, a sibling fails at 30": (animal) => Plan.all({ animal, b: failsAt(30), c: answersAt(10) }),
  "all, with an advisory": (animal) => Plan.all({ a: answersAt(15), animal: Plan.advisory(animal, { grace: 20 }) }),
  "all, an advisory beside it fails": (animal) => Plan.all({ animal, b: Plan.advisory(failsAt(5)) }),
  "quorum of two": (animal) => Plan.quorum(2, { a: answersAt(10), animal, b: answersAt(30), c: failsAt(12) }),
  "quorum that agrees": (animal) =>
    Plan.quorum(
      2,
      { animal, b: reads({ after: 5, then: "answer", value: 1 }), c: reads({ after: 35, then: "answer", value: 1 }) },
      { agree: true }
    ),
  settled: (animal) => Plan.all({ animal: Plan.settled(animal), b: answersAt(25) }),
  "deadline at 30": (animal) => Plan.deadline(Plan.all({ animal, b: answersAt(10) }), 30),
  "deadline around settled": (animal) =>
    Plan.deadline(Plan.all({ animal: Plan.settled(animal), b: Plan.advisory(Plan.settled(failsAt(90))) }), 30),
  "quorum in a deadline in an all": (animal) =>
    Plan.all({ q: Plan.deadline(Plan.quorum(1, { animal, b: failsAt(8) }), 45), b: answersAt(60) }),
  "first success, one after the other": (animal) =>
    Plan.firstSuccess({ a: failsAt(5), animal, b: answersAt(20) }, { stagger: "infinity" }),
  "the animal twice, and a sibling that fails": (animal) => Plan.all({ animal, again: animal, b: failsAt(22) })
}

/** What does not act, or can be undone, may race, and stand where it may have to be undone. */
const races: { readonly [name: string]: (animal: Any) => Any } = {
  "first success": (animal) => Plan.firstSuccess({ animal, b: answersAt(30), c: failsAt(10) }),
  "first success, staggered": (animal) =>
    Plan.firstSuccess({ animal, b: answersAt(30), c: failsAt(10) }, { stagger: 10 }),
  "first success that the animal loses, one after the other": (animal) =>
    Plan.firstSuccess({ a: Plan.all({ animal, b: failsAt(45) }), b: answersAt(20) }, { stagger: "infinity" }),
  "quorum that undoes its surplus": (animal) =>
    Plan.quorum(2, { animal, a: answersAt(30), b: answersAt(50) }, { surplus: "undo" }),
  "atomic that succeeds": (animal) => Plan.atomic(Plan.all({ animal: Plan.settled(animal), b: answersAt(10) })),
  "atomic that fails at 45": (animal) => Plan.atomic(Plan.all({ animal, again: animal, b: failsAt(45) })),
  "atomic in an atomic that fails at 70": (animal) =>
    Plan.atomic(Plan.all({ inner: Plan.settled(Plan.atomic(Plan.all({ animal, c: answersAt(35) }))), b: failsAt(70) })),
  "atomic in a race in a deadline": (animal) =>
    Plan.deadline(
      Plan.firstSuccess({ a: Plan.atomic(Plan.all({ animal, c: failsAt(60) })), b: Plan.atomic(animal) }),
      50
    )
}

/** Permits, and when to stop from outside (virtual milliseconds; `undefined`: never). */
const runs = [
  [8, [undefined, 0, 30, 50]],
  [1, [undefined, 20]]
] as const

const brokenBy = (subject: string, animal: Any, also: typeof races, options: { readonly flush?: number } = {}) =>
  Effect.gen(function* () {
    const broken: Array<string> = []
    for (const [shape, make] of Object.entries({ ...shapes, ...also })) {
      for (const [concurrency, stops] of runs) {
        for (const stop of stops) {
          const { journal, ledger } = yield* observe(make(animal), { concurrency, ...options }, stop)
          const violations = Laws.check(journal, { ledger })
          const where = `${subject}, ${shape}, concurrency ${concurrency}, stopped at ${stop ?? "never"}`
          broken.push(...violations.map((violation) => `${where}\n${Laws.show(violation)}`))
        }
      }
    }
    return broken.join("\n\n")
  })

describe("all laws hold", () => {
  for (const name of names) {
    it.effect(`with ${name}`, () =>
      Effect.gen(function* () {
        const racing = Contract.canUndo(Zoo.tools[animals[name].tool].contract) ? races : {}
        assert.strictEqual(yield* brokenBy(name, call(name), racing), "")
      })
    )
  }

  for (const [name, plan] of Object.entries(repeaters)) {
    it.effect(`with ${name}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* brokenBy(name, plan, {}), "")
      })
    )
  }

  for (const flush of [3, 25]) {
    it.effect(`with a journal that takes ${flush} ms to keep a record`, () =>
      Effect.gen(function* () {
        for (const name of [
          "answers",
          "deafNever",
          "commits",
          "deafPromise",
          "answersAfterItsRetry",
          "marksGuarded"
        ] as const)
          assert.strictEqual(yield* brokenBy(name, call(name), {}, { flush }), "")
        for (const name of ["marksTwice", "marksBeside", "isUndone", "failsToUndo", "promiseMarksTwice"] as const)
          assert.strictEqual(yield* brokenBy(name, call(name), races, { flush }), "")
      })
    )
  }
})
