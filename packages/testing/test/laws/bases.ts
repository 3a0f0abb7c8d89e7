/**
 * Honest runs, from which journals are made that break laws.
 */
import { Plan } from "@toolscope/core"
import * as Zoo from "@toolscope/testing/Zoo"
import { observe } from "../zooSupport.ts"

const reads = (behaviour: Zoo.Script) => Plan.call(Zoo.tools.reads, behaviour)
const animal = (name: keyof typeof Zoo.animals) => Zoo.call(Zoo.animals[name])

/** Everything succeeds that has to; one call retries, one is late, one is left, an advisory runs out of grace. */
const succeeds = () =>
  observe(
    Plan.all({
      some: Plan.quorum(2, {
        x: animal("commits"),
        y: reads({ after: 15, then: "answer" }),
        z: animal("slowToStop"),
        w: reads({ after: 5, then: "fail" })
      }),
      retried: animal("recovers"),
      late: animal("answersAfterItsRetry"),
      whatever: Plan.settled(animal("dies")),
      race: Plan.firstSuccess({ a: reads({ after: 8, then: "fail" }), b: reads({ after: 12, then: "answer" }) }),
      author: Plan.advisory(animal("never"), { grace: 20 })
    }),
    { concurrency: 20 }
  )

/** One call fails: others stop each in their own way, one is left behind, some never start. */
const fails = () =>
  observe(
    Plan.all({
      bad: reads({ after: 30, then: "fail" }),
      deaf: animal("deafNever"),
      acts: animal("commitsAsItStops"),
      tells: Plan.advisory(reads({ after: 3, then: "fail", cleanup: { then: "die" } })),
      wrong: animal("failsAsItStops"),
      queued: animal("answers"),
      unused: Plan.quorum(1, { a: animal("answers"), b: animal("never") })
    }),
    { concurrency: 4 }
  )

/** Everything is stopped from above; one had answered before. */
const stopped = () =>
  observe(
    Plan.all({ done: reads({ after: 10, then: "answer" }), p: animal("deafPromise"), n: animal("never") }),
    {},
    30
  )

/** A deadline elapses. */
const late = () =>
  observe(
    Plan.all({ q: Plan.deadline(Plan.quorum(1, { a: animal("never"), b: reads({ after: 5, then: "fail" }) }), 25) })
  )

/** Effects at the gate: done, in doubt and looked up, refused, repeated, and stopped before, in and after their gate. */
const passes = () =>
  observe(
    Plan.all({
      bad: reads({ after: 50, then: "fail" }),
      done: animal("marks"),
      twice: animal("marksTwice"),
      again: Plan.settled(animal("marksAgain")),
      refused: Plan.settled(animal("refusesAtItsGate")),
      found: Plan.settled(animal("isLookedUp")),
      absent: Plan.settled(animal("isNotThere")),
      late: animal("comesDeafToItsGate"),
      stopped: animal("comesToItsGateAsItStops"),
      wrong: Plan.advisory(animal("readsYetMarks")),
      hangs: animal("hangsAtItsGate")
    }),
    { concurrency: 20 }
  )

/** What is lost is undone, in every way; what is not lost stays. */
const undoes = () =>
  observe(
    Plan.all({
      trip: Plan.settled(
        Plan.atomic(
          Plan.all({
            flight: animal("marksTwice"),
            hotel: animal("isUndone"),
            car: animal("failsToUndo"),
            bus: animal("takesTimeToUndo"),
            doubt: Plan.settled(animal("isUndoneInDoubt")),
            bad: reads({ after: 90, then: "fail" })
          })
        )
      ),
      race: Plan.firstSuccess(
        {
          lost: Plan.all({ a: animal("isUndone"), bad: reads({ after: 30, then: "fail" }) }),
          won: Plan.call(Zoo.tools.undoable, { after: 20, then: "commit" })
        },
        { stagger: "infinity" }
      ),
      some: Plan.quorum(
        1,
        { x: Plan.all({ x: animal("isUndone"), slow: animal("slowToStop") }), y: reads({ after: 40, then: "answer" }) },
        { surplus: "undo" }
      ),
      kept: animal("marks"),
      again: animal("marksAgain")
    }),
    { concurrency: 20 }
  )

/** One undo hears nothing and is left behind, one is never begun; an attempt is left behind and undone when it has ended. */
const leaves = () =>
  observe(
    Plan.atomic(
      Plan.all({
        first: animal("isUndone"),
        second: animal("isDeafInItsUndo"),
        third: Plan.call(Zoo.tools.undoable, { after: 300, then: "commit", deaf: true }),
        bad: reads({ after: 70, then: "fail" })
      })
    ),
    { concurrency: 20 }
  )

export const bases = { succeeds, fails, stopped, late, passes, undoes, leaves }
