/**
 * The proof of `Decision.key`: walks through everything that can happen without merging states, and looks for two states of one key that
 * do not behave alike.
 */
import { explore } from "../../Explorer.ts"
import { show, toProgram, type Tree } from "./trees.ts"
import type { Alphabet } from "./world.ts"

/** Every pair of states of one key that does something else, or comes to another key, on the same events. */
export const alike = (trees: ReadonlyArray<Tree>, alphabet: Alphabet, concurrency: number): ReadonlyArray<string> => {
  const faults: Array<string> = []
  for (const tree of trees) {
    const behaviours = new Map<string, string>()
    explore(toProgram(tree, concurrency), {
      alphabet,
      identity: "whole",
      onTransition: ({ asked, events, from, seen, to }) => {
        const cause = from + JSON.stringify(events)
        const effect = `${asked} ${seen} ${to}`
        const known = behaviours.get(cause)
        if (known === undefined) behaviours.set(cause, effect)
        else if (known !== effect) faults.push(`${show(tree)}, ${JSON.stringify(events)}: ${known} / ${effect}`)
      }
    })
  }
  return faults
}
