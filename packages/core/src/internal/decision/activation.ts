/**
 * Activation: which nodes come to life when their parent does.
 */
import type { Commands } from "../../Decision.ts"
import { active, enqueue, idle, markDirty, phaseQueued, type State } from "./state.ts"

/**
 * Activates a subtree, in plan order and without recursion. Of a staggered `firstSuccess` only the first child comes to life.
 */
export const activate = (state: State, commands: Commands, root: number): void => {
  const { nodes } = state.program
  const end = nodes[root]!.end
  for (let i = root; i < end;) {
    const node = nodes[i]!
    if (i !== root) {
      const parent = nodes[node.parent]!
      if (parent.policy === "firstSuccess" && parent.stagger !== "none" && parent.children[0] !== i) {
        i = node.end
        continue
      }
    }
    state.status[i] = active
    switch (node.policy) {
      case "call":
        state.phase[i] = phaseQueued
        enqueue(state, i)
        commands.queued(i)
        break
      case "all":
        if (node.children.length === 0) markDirty(state, i)
        break
      case "firstSuccess":
        if (node.stagger === "timed" && node.children.length > 1) commands.arm("stagger", i)
        break
      case "deadline":
        commands.activated(i)
        break
    }
    i++
  }
}

/** Starts the next child of a staggered `firstSuccess`, if one is left; its stagger runs again. */
export const activateNext = (state: State, commands: Commands, race: number): void => {
  const { children, stagger } = state.program.nodes[race]!
  const next = children.findIndex((child) => state.status[child] === idle)
  if (next === -1) return
  activate(state, commands, children[next]!)
  if (stagger === "timed" && next + 1 < children.length) commands.arm("stagger", race)
}
