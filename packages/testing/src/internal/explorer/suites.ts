/**
 * The suites of the explorer: which plans, and what may happen to them.
 */
import { chains, flat, type Tree, treesOf, withEmpty, type Wrapper } from "./trees.ts"
import { type Alphabet, everything, verdicts } from "./world.ts"

export interface Suite {
  readonly name: string
  readonly trees: () => ReadonlyArray<Tree>
  readonly alphabet: Alphabet
  readonly concurrency: ReadonlyArray<number>
  /** `small`: part of the ordinary tests. `quick`: a minute at most. `long`: takes an hour or more. */
  readonly size: "small" | "quick" | "usual" | "long"
}

/** Every `n`-th, from the first. */
const everyNth = <T>(n: number, list: ReadonlyArray<T>): ReadonlyArray<T> => list.filter((_, i) => i % n === 0)

const surplus = true
/** Who asks nobody. Questions have suites of their own. */
const actions: Alphabet = { ...everything, questions: false }
const withoutUndo: Alphabet = { ...actions, undo: false }
/** Who asks, and what can happen meanwhile. */
const questions: Alphabet = { ...verdicts, questions: true, timeouts: true }
/** Where nothing is undone, `atomic` says no more than its child. */
const wrappers: ReadonlyArray<Wrapper> = ["settled", "deadline"]

/** Flat groups that undo what they have not chosen. To the others it makes no difference what calls did. */
const choosing = (calls: number): ReadonlyArray<Tree> =>
  flat(calls, surplus).filter((tree) => tree.type === "firstSuccess" || (tree.type === "quorum" && tree.undoSurplus))

export const suites: ReadonlyArray<Suite> = [
  {
    name: "1 call, alone and in groups, everything but questions",
    trees: () => [...treesOf(1, 2), ...flat(1, surplus), ...withEmpty({ type: "call" })],
    alphabet: actions,
    concurrency: [1],
    size: "small"
  },
  {
    name: "1 call, and what comes too late",
    trees: () => treesOf(1, 2),
    alphabet: { ...actions, late: true },
    concurrency: [1],
    size: "quick"
  },
  {
    name: "2 calls and an empty group, verdicts",
    trees: () => treesOf(3, 0).flatMap(withEmpty),
    alphabet: { ...verdicts, together: true },
    concurrency: [1],
    size: "small"
  },
  {
    name: "3 calls, flat, everything but retries and questions",
    trees: () => flat(3, surplus),
    alphabet: { ...actions, attempts: 1 },
    concurrency: [3],
    size: "quick"
  },
  {
    name: "2 calls, two wrappers, undo, one by one",
    trees: () => treesOf(2, 2, { surplus }),
    alphabet: { ...actions, attempts: 1, together: false },
    concurrency: [2],
    size: "quick"
  },
  {
    name: "6 calls, groups in groups, verdicts together",
    trees: () => chains(6),
    alphabet: { ...verdicts, together: true },
    concurrency: [6],
    size: "quick"
  },
  {
    name: "2 calls, and what comes too late",
    trees: () => treesOf(2, 0),
    alphabet: { ...withoutUndo, late: true, together: false },
    concurrency: [2],
    size: "quick"
  },
  {
    name: "2 calls, undo, and what comes too late",
    trees: () => treesOf(2, 0, { surplus }),
    alphabet: { ...actions, attempts: 1, late: true, together: false },
    concurrency: [2],
    size: "small"
  },
  {
    name: "3 calls, undo, one by one",
    trees: () => treesOf(3, 0, { surplus }),
    alphabet: { ...actions, attempts: 1, timeouts: false, together: false },
    concurrency: [3],
    size: "quick"
  },
  {
    name: "3 calls, verdicts and stops",
    trees: () => treesOf(3, 1),
    alphabet: verdicts,
    concurrency: [1, 3],
    size: "quick"
  },
  {
    name: "2 calls, everything but undo and questions",
    trees: () => treesOf(2, 3, { wrappers }),
    alphabet: withoutUndo,
    concurrency: [1],
    size: "quick"
  },
  {
    name: "2 calls, one wrapper, everything but questions",
    trees: () => treesOf(2, 1, { surplus }),
    alphabet: actions,
    concurrency: [2],
    size: "quick"
  },
  {
    name: "1 call that asks, and what comes too late",
    trees: () => treesOf(1, 2),
    alphabet: { ...everything, late: true, attempts: 1 },
    concurrency: [1],
    size: "small"
  },
  {
    name: "2 calls that ask, two wrappers, one by one",
    trees: () => treesOf(2, 2, { wrappers }),
    alphabet: questions,
    concurrency: [1, 2],
    size: "quick"
  },
  {
    name: "2 calls that ask, one wrapper, together",
    trees: () => treesOf(2, 1, { wrappers }),
    alphabet: { ...questions, together: true },
    concurrency: [1],
    size: "small"
  },
  {
    name: "2 calls that ask, everything",
    trees: () => treesOf(2, 0, { surplus }),
    alphabet: { ...everything, attempts: 1 },
    concurrency: [1],
    size: "small"
  },
  {
    name: "3 calls that ask, one by one",
    trees: () => treesOf(3, 0),
    alphabet: questions,
    concurrency: [2],
    size: "quick"
  },
  {
    name: "2 calls that ask, one wrapper, everything",
    trees: () => treesOf(2, 1, { surplus }),
    alphabet: everything,
    concurrency: [1, 2],
    size: "usual"
  },
  {
    name: "3 calls that ask, one wrapper, one by one",
    trees: () => treesOf(3, 1, { wrappers }),
    alphabet: questions,
    concurrency: [2],
    size: "usual"
  },
  {
    name: "3 calls that ask, together",
    trees: () => treesOf(3, 0),
    alphabet: { ...questions, together: true },
    concurrency: [2],
    size: "usual"
  },
  {
    name: "2 calls, two wrappers, everything but questions",
    trees: () => treesOf(2, 2, { surplus }),
    alphabet: actions,
    concurrency: [1, 2],
    size: "usual"
  },
  {
    name: "2 calls, what comes too late, together",
    trees: () => treesOf(2, 1, { wrappers }),
    alphabet: { ...withoutUndo, late: true },
    concurrency: [1],
    size: "usual"
  },
  {
    name: "2 calls, undo, what comes too late, together",
    trees: () => treesOf(2, 0, { surplus }),
    alphabet: { ...actions, attempts: 1, late: true },
    concurrency: [2],
    size: "usual"
  },
  {
    name: "3 calls, everything but questions",
    trees: () => treesOf(3, 0, { surplus }),
    alphabet: actions,
    concurrency: [2],
    size: "usual"
  },
  {
    name: "3 calls, one wrapper, everything but undo and questions",
    trees: () => treesOf(3, 1, { wrappers }),
    alphabet: withoutUndo,
    concurrency: [2],
    size: "usual"
  },
  {
    name: "3 calls, one wrapper, everything but retries and questions",
    trees: () => treesOf(3, 1, { surplus }),
    alphabet: { ...actions, attempts: 1 },
    concurrency: [2],
    size: "usual"
  },
  {
    name: "3 calls, one wrapper, everything but questions, one by one",
    trees: () => treesOf(3, 1, { surplus }),
    alphabet: { ...actions, together: false },
    concurrency: [2],
    size: "usual"
  },
  {
    name: "4 calls, verdicts and stops",
    trees: () => treesOf(4, 1),
    alphabet: verdicts,
    concurrency: [4],
    size: "usual"
  },
  {
    name: "4 calls, flat, undo and retries",
    trees: () => choosing(4),
    alphabet: { ...actions, timeouts: false },
    concurrency: [4],
    size: "usual"
  },
  {
    name: "4 calls, everything but questions, every 500th tree",
    trees: () => everyNth(500, treesOf(4, 0, { surplus })),
    alphabet: actions,
    concurrency: [3],
    size: "usual"
  },
  {
    name: "5 calls, flat, undo",
    trees: () => choosing(5),
    alphabet: { ...actions, attempts: 1, timeouts: false },
    concurrency: [5],
    size: "usual"
  },
  {
    name: "5 calls, flat, undo and retries, one by one",
    trees: () => choosing(5),
    alphabet: { ...actions, timeouts: false, together: false },
    concurrency: [5],
    size: "usual"
  },
  {
    name: "5 calls, flat, everything but undo and questions",
    trees: () => flat(5),
    alphabet: withoutUndo,
    concurrency: [5],
    size: "usual"
  },
  {
    name: "3 calls, one wrapper, everything but questions",
    trees: () => treesOf(3, 1, { surplus }),
    alphabet: actions,
    concurrency: [2],
    size: "long"
  },
  {
    name: "4 calls, everything but questions, every 50th tree",
    trees: () => everyNth(50, treesOf(4, 0, { surplus })),
    alphabet: actions,
    concurrency: [3],
    size: "long"
  }
]

/** What the key of a state is proved on: everything of two calls, and of three where what they did decides. */
export const proofs: ReadonlyArray<Omit<Suite, "concurrency" | "size"> & { readonly concurrency: number }> = [
  {
    name: "2 calls, everything but questions",
    trees: () => treesOf(2, 0, { surplus }),
    alphabet: actions,
    concurrency: 1
  },
  {
    name: "2 calls, one wrapper, everything but questions, one by one",
    trees: () => treesOf(2, 1, { surplus }),
    alphabet: { ...actions, together: false },
    concurrency: 2
  },
  {
    name: "2 calls, two wrappers, undo, one by one",
    trees: () => treesOf(2, 2, { surplus }),
    alphabet: { ...actions, attempts: 1, timeouts: false, together: false },
    concurrency: 2
  },
  { name: "3 calls, verdicts", trees: () => treesOf(3, 0), alphabet: verdicts, concurrency: 2 },
  {
    name: "3 calls in a queue, retries",
    trees: () => flat(3),
    alphabet: { ...verdicts, attempts: 2 },
    concurrency: 1
  },
  {
    name: "3 calls, every third tree, undo, one by one",
    trees: () => everyNth(3, treesOf(3, 0, { surplus })),
    alphabet: { ...actions, attempts: 1, timeouts: false, together: false },
    concurrency: 3
  },
  {
    name: "3 calls in races, undo and retries, one by one",
    trees: () => flat(3).filter(({ type }) => type === "firstSuccess"),
    alphabet: { ...actions, timeouts: false, together: false },
    concurrency: 2
  },
  {
    name: "2 calls that ask, one wrapper",
    trees: () => treesOf(2, 1, { wrappers }),
    alphabet: { ...questions, together: true },
    concurrency: 1
  },
  {
    name: "3 calls that ask",
    trees: () => flat(3),
    alphabet: questions,
    concurrency: 1
  }
]
