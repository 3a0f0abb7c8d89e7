/**
 * The catalogue: each animal is a behaviour, the kind of tool that shows it, and one sentence on what it shows.
 */
import type { Behaviour, Script } from "./behaviour.ts"

/** The tools that the zoo comes with. */
export type Keeper =
  "reads" | "acts" | "keyed" | "guarded" | "readsPromise" | "actsPromise" | "keyedPromise" | "guardedPromise"

export interface Animal {
  /** What it shows, in one sentence. */
  readonly shows: string
  /** Which of the zoo's tools: its contract is honest for this behaviour. */
  readonly tool: Keeper
  readonly does: Script
  /** What the call needs for the behaviour to show. */
  readonly timeout?: string
  readonly retry?: number
  /** What the fan-out needs for the behaviour to show. */
  readonly drain?: string
  /** It takes real time, also under a clock that stands still. */
  readonly realTime?: true
}

const animal = (
  tool: Keeper,
  shows: string,
  does: Script,
  more: Omit<Animal, "tool" | "shows" | "does"> = {}
): Animal => ({
  tool,
  shows,
  does,
  ...more
})

const later = { after: "20 millis" } as const
const deaf = { deaf: true } as const
const committing = (next?: Behaviour["next"]): Behaviour => ({
  ...later,
  then: "commit",
  ...(next === undefined ? {} : { next })
})

/** What may be said of any tool, promise or not. */
export const animals = {
  // the honest ones
  answers: animal("reads", "An answer after some time is the plain case.", { ...later, then: "answer" }),
  answersAtOnce: animal("reads", "An answer in the same tick, before its siblings have started.", { then: "answer" }),
  refuses: animal("keyed", "A typed error that says that nothing happened: the call is Failed, no effect is listed.", {
    ...later,
    then: "refuse"
  }),
  failsAtOnce: animal("reads", "A typed error in the same tick, before its siblings have started.", { then: "fail" }),
  commits: animal("acts", "An effect and its answer: committed, and used if somebody counts it.", committing()),
  recovers: animal(
    "keyed",
    "The first attempt fails, the second answers, under the same idempotency key.",
    { attempts: [{ ...later, then: "fail" }, committing()] },
    { retry: 1 }
  ),
  tidies: animal("reads", "Cleanup takes time, and is awaited before the call is over.", {
    ...later,
    then: "answer",
    cleanup: { after: "10 millis", then: "end" }
  }),
  slowToStop: animal("reads", "It obeys a stop, but takes its time over it.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "30 millis", then: "end" }
  }),

  // acted, and then
  commitsThenFails: animal(
    "acts",
    "It acts, then answers with an error: Failed, with an unknown effect beside it.",
    committing({ then: "fail" })
  ),
  commitsThenDies: animal("acts", "It acts, then dies: Unknown, never Failed.", committing({ then: "die" })),
  commitsThenHangs: animal("acts", "It acts, and never answers: once stopped, Unknown.", committing({ then: "never" })),
  commitsAsItStops: animal("acts", "Told to stop, it acts all the same: Unknown, never Cancelled.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "5 millis", then: "commit" }
  }),
  failsAsItStops: animal("reads", "Told to stop, it ends with an error of its own, which is kept as afterStop.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "5 millis", then: "fail" }
  }),

  // what will not end
  never: animal("reads", "It never answers, and stops when asked.", { then: "never" }),
  deafNever: animal("reads", "It never answers and never stops: left behind at the bound.", { then: "never", ...deaf }),
  uninterruptible: animal("acts", "A slow region that cannot be interrupted: awaited; its answer is lost.", {
    after: "100 millis",
    then: "commit",
    ...deaf
  }),
  guarded: animal("guarded", "Its contract forbids interruption: awaited, and its answer survives the stop.", {
    after: "100 millis",
    then: "commit"
  }),
  hangsInFinalizer: animal("reads", "Told to stop, its handler never comes out of its finalizer: left behind.", {
    after: "1 second",
    then: "answer",
    onStop: { then: "never" }
  }),
  hangsInCleanup: animal("reads", "It has answered, and its cleanup hangs: left behind, the answer kept.", {
    ...later,
    then: "answer",
    cleanup: { then: "never" }
  }),
  diesInFinalizer: animal("reads", "Told to stop, its handler dies in its finalizer: reported as afterStop.", {
    after: "1 second",
    then: "answer",
    onStop: { then: "die" }
  }),
  diesInCleanup: animal("reads", "It has answered, and its cleanup dies: reported beside the answer.", {
    ...later,
    then: "answer",
    cleanup: { then: "die" }
  }),

  // what is no answer
  malformed: animal("reads", "It answers with something that its schema forbids.", { ...later, then: "malformed" }),
  answersTwice: animal("reads", "It answers twice: the first answer counts.", { ...later, then: "twice" }),
  floods: animal("reads", "It answers with far too much.", { ...later, then: "flood" }),
  throws: animal("acts", "It throws before it has returned anything: it may have acted, so Unknown.", {
    then: "throw"
  }),
  dies: animal("reads", "It dies of an error that it does not declare.", { ...later, then: "die" }),
  interruptsItself: animal("reads", "It interrupts itself, though nobody stopped it: Failed, never Cancelled.", {
    ...later,
    then: "interrupt"
  }),
  answersAfterItsRetry: animal(
    "keyed",
    "Attempt 1 hears no timeout and answers while attempt 2 runs: fenced, journaled as late, never used.",
    {
      attempts: [
        { after: "160 millis", then: "commit", ...deaf },
        { after: "10 millis", then: "commit" }
      ]
    },
    { timeout: "15 millis", retry: 1, drain: "40 millis" }
  ),

  // promises
  deafPromise: animal("actsPromise", "A promise that ignores its signal, acts and answers: awaited to the bound.", {
    after: "100 millis",
    then: "commit",
    ...deaf
  }),
  deafPromiseNever: animal("actsPromise", "A promise that ignores its signal and never settles: left behind.", {
    then: "never",
    ...deaf
  }),
  deafPromiseCommits: animal(
    "actsPromise",
    "A promise that ignores its signal, acts after the bound, and never settles.",
    {
      after: "5 seconds",
      then: "commit",
      next: { then: "never" },
      ...deaf
    }
  ),
  abortable: animal("readsPromise", "A promise that obeys its signal: it rejects with an AbortError.", {
    after: "1 second",
    then: "answer"
  }),
  abortableAnswers: animal("readsPromise", "Aborted, it resolves with what it has: Succeeded, but not used.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "5 millis", then: "answer" }
  }),
  abortShaped: animal(
    "readsPromise",
    "It rejects with an AbortError though nobody aborted it: Failed, never Cancelled.",
    {
      ...later,
      then: "interrupt"
    }
  ),
  throwsBeforeItsPromise: animal("actsPromise", "It throws before there is a promise.", { then: "throw" }),

  // out of reach
  detaches: animal("acts", "It lets something go that acts after its answer: outside of what a runtime can own.", {
    ...later,
    then: "detach",
    for: "100 millis"
  }),
  blocks: animal(
    "reads",
    "It holds the event loop: nothing else happens meanwhile, no bound elapses. Isolate it.",
    { ...later, then: "block", for: "50 millis" },
    { realTime: true }
  )
} as const satisfies { readonly [name: string]: Animal }
