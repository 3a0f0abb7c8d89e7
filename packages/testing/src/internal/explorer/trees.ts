/**
 * All trees of policies over up to a few calls, as programs of the decision core.
 *
 * A tree is a call; or a group (`all` with each child essential or advisory, `quorum` of every n and with agreement, `firstSuccess`
 * with each kind of stagger) of at least two trees; either may stand in a wrapper (`settled`, `deadline`).
 */
import type { Program, ProgramNode } from "@toolscope/core/Decision"

export type Wrapper = "settled" | "deadline"

export type Tree =
  | { readonly type: "call" }
  | { readonly type: "wrapper"; readonly wrapper: Wrapper; readonly of: Tree }
  | { readonly type: "all"; readonly children: ReadonlyArray<Tree>; readonly advisory: ReadonlyArray<boolean> }
  | { readonly type: "quorum"; readonly children: ReadonlyArray<Tree>; readonly need: number; readonly agree: boolean }
  | {
      readonly type: "firstSuccess"
      readonly children: ReadonlyArray<Tree>
      readonly stagger: ProgramNode["stagger"]
    }

const call: Tree = { type: "call" }
const wrappers: ReadonlyArray<Wrapper> = ["settled", "deadline"]

/** All trees of exactly `calls` calls with at most `budget` wrappers in the whole tree. */
export const treesOf = (calls: number, budget: number): ReadonlyArray<Tree> => {
  const out: Array<Tree> = []
  for (let used = 0; used <= budget; used++) out.push(...withWrappers(calls, used))
  return out
}

const memo = new Map<string, ReadonlyArray<Tree>>()

/** All trees of exactly `calls` calls with exactly `used` wrappers. */
const withWrappers = (calls: number, used: number): ReadonlyArray<Tree> => {
  const id = `${calls}/${used}`
  let found = memo.get(id)
  if (found === undefined) {
    const bare = unwrapped(calls, used)
    const wrapped =
      used === 0
        ? []
        : wrappers.flatMap((wrapper) =>
            unwrapped(calls, used - 1).map((of): Tree => ({ type: "wrapper", wrapper, of }))
          )
    found = [...bare, ...wrapped]
    memo.set(id, found)
  }
  return found
}

/** … whose root is no wrapper: one wrapper around a node says all that two can. */
const unwrapped = (calls: number, used: number): ReadonlyArray<Tree> =>
  calls === 1 ? (used === 0 ? [call] : []) : childLists(calls, used, 2).flatMap(groups)

/** Every list of at least `least` trees with so many calls and wrappers together. */
const childLists = (calls: number, used: number, least: number): ReadonlyArray<ReadonlyArray<Tree>> => {
  if (calls === 0) return used === 0 && least <= 0 ? [[]] : []
  const out: Array<ReadonlyArray<Tree>> = []
  for (let first = 1; first <= calls - Math.max(0, least - 1); first++) {
    for (let wrapped = 0; wrapped <= used; wrapped++) {
      const rests = childLists(calls - first, used - wrapped, least - 1)
      if (rests.length === 0) continue
      for (const head of withWrappers(first, wrapped)) for (const rest of rests) out.push([head, ...rest])
    }
  }
  return out
}

/** Every group over these children. */
export const groups = (children: ReadonlyArray<Tree>): ReadonlyArray<Tree> => {
  const n = children.length
  const out: Array<Tree> = []
  for (let mask = 0; mask < 1 << n; mask++) {
    out.push({ type: "all", children, advisory: children.map((_, i) => (mask & (1 << i)) !== 0) })
  }
  for (let need = 1; need <= n; need++) {
    out.push({ type: "quorum", children, need, agree: false })
    if (need > 1) out.push({ type: "quorum", children, need, agree: true })
  }
  for (const stagger of ["none", "timed", "infinite"] as const) out.push({ type: "firstSuccess", children, stagger })
  return out
}

/** Flat groups over so many plain calls. */
export const flat = (calls: number): ReadonlyArray<Tree> => groups(Array.from({ length: calls }, () => call))

/** Groups in groups, one inside the other: as deep as there are calls, with one call on each level, before or after the group inside. */
export const chains = (calls: number): ReadonlyArray<Tree> => {
  const shells = [
    (children: ReadonlyArray<Tree>): Tree => ({ type: "quorum", children, need: 1, agree: false }),
    (children: ReadonlyArray<Tree>): Tree => ({ type: "quorum", children, need: 2, agree: false }),
    (children: ReadonlyArray<Tree>): Tree => ({ type: "firstSuccess", children, stagger: "none" })
  ]
  return shells.flatMap((shell) =>
    [0, 1].map((at) => {
      let tree: Tree = call
      for (let i = 1; i < calls; i++) tree = shell(at === 0 ? [tree, call] : [call, tree])
      return tree
    })
  )
}

const empty: Tree = { type: "all", children: [], advisory: [] }

/** Every tree that comes of this one when an empty group takes the place of one of its calls. */
export const withEmpty = (tree: Tree): ReadonlyArray<Tree> => {
  switch (tree.type) {
    case "call":
      return [empty]
    case "wrapper":
      return withEmpty(tree.of).map((of) => ({ ...tree, of }))
    default:
      return tree.children.flatMap((child, i) =>
        withEmpty(child).map((hollow) => ({ ...tree, children: tree.children.with(i, hollow) }))
      )
  }
}

/**
 * A tree as a program. Two succeeded children of a quorum agree when their indexes among its children have the same parity, so that
 * agreement and disagreement both occur.
 */
export const toProgram = (tree: Tree, concurrency: number): Program => {
  const nodes: Array<{ -readonly [K in keyof ProgramNode]: ProgramNode[K] } & { children: Array<number> }> = []
  const add = (policy: ProgramNode["policy"], parent: number, more: Partial<ProgramNode> = {}): number => {
    const index =
      nodes.push({ policy, parent, children: [], end: 0, need: 0, agree: false, stagger: "none", ...more } as never) - 1
    if (parent !== -1) nodes[parent]!.children.push(index)
    return index
  }
  const visit = (tree: Tree, parent: number): void => {
    switch (tree.type) {
      case "call":
        close(add("call", parent))
        return
      case "wrapper": {
        const index = add(tree.wrapper, parent)
        visit(tree.of, index)
        return close(index)
      }
      case "all": {
        const index = add("all", parent)
        tree.children.forEach((child, i) => {
          if (tree.advisory[i] !== true) return visit(child, index)
          const advisory = add("advisory", index)
          visit(child, advisory)
          close(advisory)
        })
        return close(index)
      }
      case "quorum":
      case "firstSuccess": {
        const more = tree.type === "quorum" ? { need: tree.need, agree: tree.agree } : { stagger: tree.stagger }
        const index = add(tree.type, parent, more)
        for (const child of tree.children) visit(child, index)
        return close(index)
      }
    }
  }
  const close = (index: number): void => {
    nodes[index]!.end = nodes.length
  }
  visit(tree, -1)
  return {
    nodes,
    concurrency,
    agrees: (quorum, a, b) => (nodes[quorum]!.children.indexOf(a) - nodes[quorum]!.children.indexOf(b)) % 2 === 0
  }
}

/** A tree in one line: `all(a, advisory(b))`. */
export const show = (tree: Tree): string => {
  switch (tree.type) {
    case "call":
      return "call"
    case "wrapper":
      return `${tree.wrapper}(${show(tree.of)})`
    case "all":
      return `all(${tree.children.map((c, i) => (tree.advisory[i] === true ? `advisory(${show(c)})` : show(c))).join(", ")})`
    case "quorum":
      return `quorum(${tree.need}${tree.agree ? " agreeing" : ""} of ${tree.children.map(show).join(", ")})`
    case "firstSuccess":
      return `firstSuccess${tree.stagger === "none" ? "" : `[${tree.stagger}]`}(${tree.children.map(show).join(", ")})`
  }
}
