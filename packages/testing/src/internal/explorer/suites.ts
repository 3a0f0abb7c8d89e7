/**
 * The suites of the explorer: which plans, and what may happen to them.
 */
import { chains, flat, type Tree, treesOf, withEmpty } from "./trees.ts"
import { type Alphabet, everything, verdicts } from "./world.ts"

export interface Suite {
  readonly name: string
  readonly trees: () => ReadonlyArray<Tree>
  readonly alphabet: Alphabet
  readonly concurrency: ReadonlyArray<number>
  /** Small enough for the ordinary tests. */
  readonly quick: boolean
}

/** Every `n`-th, from the first. */
const everyNth = <T>(n: number, list: ReadonlyArray<T>): ReadonlyArray<T> => list.filter((_, i) => i % n === 0)

export const suites: ReadonlyArray<Suite> = [
  {
    name: "1 call, alone and in groups, everything",
    trees: () => [...treesOf(1, 1), ...flat(1), ...withEmpty({ type: "call" })],
    alphabet: everything,
    concurrency: [1],
    quick: true
  },
  {
    name: "1 call, and what comes too late",
    trees: () => treesOf(1, 1),
    alphabet: { ...everything, late: true },
    concurrency: [1],
    quick: true
  },
  {
    name: "2 calls and an empty group, verdicts",
    trees: () => treesOf(3, 0).flatMap(withEmpty),
    alphabet: { ...verdicts, together: true },
    concurrency: [1],
    quick: true
  },
  {
    name: "3 calls, flat, everything but retries",
    trees: () => flat(3),
    alphabet: { ...everything, attempts: 1 },
    concurrency: [3],
    quick: true
  },
  {
    name: "6 calls, groups in groups, verdicts together",
    trees: () => chains(6),
    alphabet: { ...verdicts, together: true },
    concurrency: [6],
    quick: true
  },
  {
    name: "2 calls, and what comes too late",
    trees: () => treesOf(2, 0),
    alphabet: { ...everything, late: true, together: false },
    concurrency: [2],
    quick: true
  },
  {
    name: "3 calls, verdicts and stops",
    trees: () => treesOf(3, 1),
    alphabet: verdicts,
    concurrency: [1, 3],
    quick: true
  },
  {
    name: "2 calls, everything",
    trees: () => treesOf(2, 4),
    alphabet: everything,
    concurrency: [1, 2],
    quick: true
  },
  {
    name: "2 calls, what comes too late, together",
    trees: () => treesOf(2, 1),
    alphabet: { ...everything, late: true },
    concurrency: [1],
    quick: false
  },
  {
    name: "3 calls, everything",
    trees: () => treesOf(3, 1),
    alphabet: everything,
    concurrency: [2],
    quick: false
  },
  {
    name: "4 calls, verdicts and stops",
    trees: () => treesOf(4, 1),
    alphabet: verdicts,
    concurrency: [4],
    quick: false
  },
  {
    name: "4 calls, everything, every 500th tree",
    trees: () => everyNth(500, treesOf(4, 0)),
    alphabet: everything,
    concurrency: [3],
    quick: false
  },
  {
    name: "5 calls, flat, everything",
    trees: () => flat(5),
    alphabet: everything,
    concurrency: [5],
    quick: false
  }
]
