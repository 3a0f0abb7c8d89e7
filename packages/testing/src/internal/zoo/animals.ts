/**
 * The catalogue: each animal is a behaviour, the kind of tool that shows it, and one sentence on what it shows.
 */
import type { Behaviour, Script } from "./behaviour.ts"

/** The tools that the zoo comes with. */
type Kept = "reads" | "acts" | "keyed" | "guarded" | "marks" | "marksGuarded" | "books" | "undoable" | "probed"
export type Keeper = Kept | `${Kept}Promise`

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

/** Comes to the gate after a while; its effect takes a while too, and so does the answer that follows. */
const passing = (
  does: Behaviour["does"] = { after: "20 millis", then: "commit" },
  next: Behaviour["next"] = { after: "20 millis", then: "answer" }
): Behaviour => ({ ...later, then: "gate", does, next })

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
    then: "commit",
    onStop: { after: "5 millis", then: "commit" }
  }),
  failsAsItStops: animal("reads", "Told to stop, it ends with an error of its own, which is kept as afterStop.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "5 millis", then: "fail" }
  }),

  // at the gate
  marks: animal(
    "marks",
    "Stopped before its gate it has done nothing; in it or after it, it has committed.",
    passing()
  ),
  marksTwice: animal(
    "books",
    "Two commits: stopped between them, the first has happened and the second never does.",
    passing(undefined, passing())
  ),
  marksBeside: animal("books", "Two commits at the same time, each under its own key, undone last first.", {
    ...later,
    then: "beside",
    does: { then: "gate", does: { after: "30 millis", then: "commit" } },
    next: { then: "gate", does: { after: "10 millis", then: "commit" }, next: { after: "40 millis", then: "answer" } }
  }),
  marksGuarded: animal(
    "marksGuarded",
    "Its contract forbids interruption: stopped before its gate it is awaited, and refused there.",
    passing()
  ),
  marksAgain: animal(
    "marks",
    "The first attempt commits and fails, the second commits again, under the same key.",
    { attempts: [passing(undefined, { then: "fail" }), passing()] },
    { retry: 1 }
  ),
  refusesAtItsGate: animal(
    "marks",
    "The effect fails, and that means that nothing happened: no effect is listed.",
    passing({ after: "20 millis", then: "refuse" })
  ),
  failsAtItsGate: animal(
    "marks",
    "The effect fails after it has acted: Failed, with an unknown effect beside it.",
    passing({ after: "20 millis", then: "commit", next: { then: "fail" } })
  ),
  diesAtItsGate: animal(
    "marks",
    "The effect dies after it has acted: Unknown.",
    passing({ after: "20 millis", then: "commit", next: { then: "die" } })
  ),
  hangsAtItsGate: animal(
    "marks",
    "The effect acts and never ends: nothing interrupts it, and at the bound it is unknown, and left behind.",
    passing({ after: "20 millis", then: "commit", next: { then: "never" } })
  ),
  hangsInTime: animal(
    "marks",
    "The effect never ends and has a timeout of its own: then it is in doubt, and the handler goes on.",
    { ...passing({ then: "never" }), timeout: "40 millis" }
  ),
  comesDeafToItsGate: animal("marks", "Deaf, it comes to its gate after its stop: it is refused.", {
    ...passing(),
    after: "80 millis",
    ...deaf
  }),
  comesTooLateToItsGate: animal(
    "marks",
    "Deaf, it comes to its gate after it was left behind: it is refused, as a violation of its contract.",
    { ...passing(), after: "4 seconds", ...deaf }
  ),
  comesToItsGateAsItStops: animal("marks", "Told to stop, it comes to its gate: it is refused.", {
    after: "1 second",
    then: "answer",
    onStop: { after: "5 millis", then: "gate" }
  }),

  // in doubt, and looked up
  isLookedUp: animal(
    "probed",
    "Its effect acts and fails, and the probe says that it happened: committed.",
    passing({ after: "20 millis", then: "commit", next: { then: "fail" } })
  ),
  isLookedUpInVain: animal("probed", "Its effect fails, and the probe fails too: unknown.", {
    ...passing({ after: "20 millis", then: "commit", next: { then: "fail" } }),
    probe: { then: "fail" }
  }),
  isNotThere: animal(
    "probed",
    "Its effect fails, and the probe says that nothing happened: no effect.",
    passing({ after: "20 millis", then: "fail" })
  ),
  hangsInItsProbe: animal("probed", "Its effect fails, and the probe never answers: unknown, and left behind.", {
    ...passing({ after: "20 millis", then: "fail" }),
    probe: { then: "never" }
  }),

  // undone
  isUndone: animal("undoable", "It acts from its start; where it is not wanted, it is undone.", committing()),
  isUndoneInDoubt: animal("undoable", "It dies before it has acted: in doubt, so it is undone, of nothing.", {
    ...later,
    then: "die"
  }),
  takesTimeToUndo: animal("books", "Its undo takes time: the fan-out waits for it.", {
    ...passing(),
    undo: { after: "30 millis", then: "end" }
  }),
  failsToUndo: animal("books", "Its undo fails: a state of its own, with the reason.", {
    ...passing(),
    undo: { after: "10 millis", then: "fail" }
  }),
  diesInItsUndo: animal("books", "Its undo dies: reported as one that failed.", {
    ...passing(),
    undo: { after: "10 millis", then: "die" }
  }),
  hangsInItsUndo: animal("books", "Its undo never ends: given up at the bound.", {
    ...passing(),
    undo: { then: "never" }
  }),
  isDeafInItsUndo: animal("books", "Its undo hears nothing and ends late: given up at the bound, and left behind.", {
    ...passing(),
    undo: { after: "5 seconds", then: "deaf" }
  }),
  landsAfterItsUndo: animal(
    "undoable",
    "What it lets go acts after its undo: the world keeps tombstones, and refuses it.",
    { ...later, then: "detach", for: "300 millis" }
  ),

  // against its contract
  readsYetMarks: animal("reads", "It reads only, and comes to the gate: a violation of its contract, and refused.", {
    ...passing()
  }),
  marksInItsCleanup: animal("marks", "Its finalizer comes to the gate: refused, and reported beside its answer.", {
    ...later,
    then: "answer",
    cleanup: { then: "gate" }
  }),
  detachesItsGate: animal("marks", "What it lets go comes to the gate after its end: a violation, and refused.", {
    ...later,
    then: "detach",
    does: { after: "100 millis", then: "gate" }
  }),
  forgetsItsGate: animal("marks", "It passes the gate, and answers without waiting for it: the attempt waits.", {
    ...later,
    then: "detach",
    does: { then: "gate", does: { after: "30 millis", then: "commit" } }
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
  promiseMarks: animal("marksPromise", "A promise that awaits its commit: as an Effect does.", passing()),
  promiseMarksTwice: animal(
    "booksPromise",
    "A promise with two commits: stopped between them, the second rejects with the reason of the stop.",
    passing(undefined, passing())
  ),
  deafPromiseMarks: animal("marksPromise", "A promise that ignores its signal comes to its gate: it is refused.", {
    ...passing(),
    after: "80 millis",
    ...deaf
  }),
  deafPromiseMarksTooLate: animal(
    "marksPromise",
    "A promise that ignores its signal comes to its gate after it was left behind: refused, as a violation.",
    { ...passing(), after: "4 seconds", ...deaf }
  ),
  promiseHangsAtItsGate: animal(
    "marksPromise",
    "The promise of its effect never settles: unknown, and left behind.",
    passing({ after: "20 millis", then: "commit", next: { then: "never" } })
  ),
  promiseIsLookedUp: animal(
    "probedPromise",
    "The promise of its effect rejects after it has acted; the probe says that it happened.",
    passing({ after: "20 millis", then: "commit", next: { then: "fail" } })
  ),
  promiseIsUndone: animal("undoablePromise", "A promise that acts from its start and can be undone.", committing()),
  promiseFailsToUndo: animal("booksPromise", "The promise of its undo rejects: reported, with the reason.", {
    ...passing(),
    undo: { after: "10 millis", then: "fail" }
  }),
  promiseHangsInItsUndo: animal("booksPromise", "The promise of its undo never settles: given up, and left behind.", {
    ...passing(),
    undo: { then: "never" }
  }),

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
