/**
 * All trees of policies over up to a few calls, as programs of the decision core.
 *
 * A tree is a call; or a group (`all` with each child essential or advisory, `quorum` of every n and with agreement, `firstSuccess`
 * with each kind of stagger) of at least two trees; either may stand in a wrapper (`settled`, `atomic`, `deadline`), or in two of which one
 * is `atomic`.
 */
import type { Program, ProgramNode } from "@toolscope/core/Decision"

export type Wrapper = "settled" | "atomic" | "deadline"

export type Tree =
  | { readonly type: "call" }
  | { readonly type: "wrapper"; readonly wrapper: Wrapper; readonly of: Tree }
  | { readonly type: "all"; readonly children: ReadonlyArray<Tree>; readonly advisory: ReadonlyArray<boolean> }
  | {
      readonly type: "quorum"
      readonly children: ReadonlyArray<Tree>
      readonly need: number
      readonly agree: boolean
      readonly undoSurplus: boolean
    }
  | {
      readonly type: "firstSuccess"
      readonly children: ReadonlyArray<Tree>
      readonly stagger: ProgramNode["stagger"]
    }

const call: Tree = { type: "call" }

/** Of which policies trees are made, beside those that every suite has. */
export interface Shapes {
  /** Default: all. */
  readonly wrappers?: ReadonlyArray<Wrapper>
  /** Quorums that undo their surplus as well. It makes a difference only where there is something to undo. Default: no. */
  readonly surplus?: boolean
}

/** All trees of exactly `calls` calls with at most `budget` wrappers in the whole tree. */
export const treesOf = (
  calls: number,
  budget: number,
  { surplus = false, wrappers = ["settled", "atomic", "deadline"] }: Shapes = {}
): ReadonlyArray<Tree> => {
  const builder = new Builder(wrappers, surplus)
  const out: Array<Tree> = []
  for (let used = 0; used <= budget; used++) out.push(...builder.withWrappers(calls, used))
  return out
}

class Builder {
  private readonly memo = new Map<string, ReadonlyArray<Tree>>()
  /** Wrappers around one node, outer ones first, by their number. Without `atomic`, one says all that two can. */
  private readonly stacks: ReadonlyArray<ReadonlyArray<ReadonlyArray<Wrapper>>>
  private readonly surplus: boolean

  constructor(wrappers: ReadonlyArray<Wrapper>, surplus: boolean) {
    this.surplus = surplus
    const pairs = wrappers.flatMap((outer) => wrappers.map((inner) => [outer, inner]))
    this.stacks = [[[]], wrappers.map((one) => [one]), pairs.filter((pair) => pair.includes("atomic"))]
  }

  /** All trees of exactly `calls` calls with exactly `used` wrappers. */
  withWrappers(calls: number, used: number): ReadonlyArray<Tree> {
    const id = `${calls}/${used}`
    let found = this.memo.get(id)
    if (found === undefined) {
      found = this.stacks
        .slice(0, used + 1)
        .flatMap((stacks, height) =>
          stacks.flatMap((stack) =>
            this.unwrapped(calls, used - height).map((tree) =>
              stack.reduceRight<Tree>((of, wrapper) => ({ type: "wrapper", wrapper, of }), tree)
            )
          )
        )
      this.memo.set(id, found)
    }
    return found
  }

  /** … whose root is no wrapper. */
  private unwrapped(calls: number, used: number): ReadonlyArray<Tree> {
    if (calls === 1) return used === 0 ? [call] : []
    return this.childLists(calls, used, 2).flatMap((children) => groups(children, this.surplus))
  }

  /** Every list of at least `least` trees with so many calls and wrappers together. */
  private childLists(calls: number, used: number, least: number): ReadonlyArray<ReadonlyArray<Tree>> {
    if (calls === 0) return used === 0 && least <= 0 ? [[]] : []
    const out: Array<ReadonlyArray<Tree>> = []
    for (let first = 1; first <= calls - Math.max(0, least - 1); first++) {
      for (let wrapped = 0; wrapped <= used; wrapped++) {
        const rests = this.childLists(calls - first, used - wrapped, least - 1)
        if (rests.length === 0) continue
        for (const head of this.withWrappers(first, wrapped)) for (const rest of rests) out.push([head, ...rest])
      }
    }
    return out
  }
}

/** Every group over these children. */
export const groups = (children: ReadonlyArray<Tree>, surplus = false): ReadonlyArray<Tree> => {
  const n = children.length
  const out: Array<Tree> = []
  for (let mask = 0; mask < 1 << n; mask++) {
    out.push({ type: "all", children, advisory: children.map((_, i) => (mask & (1 << i)) !== 0) })
  }
  for (let need = 1; need <= n; need++) {
    for (const undoSurplus of surplus ? [false, true] : [false]) {
      out.push({ type: "quorum", children, need, agree: false, undoSurplus })
      if (need > 1) out.push({ type: "quorum", children, need, agree: true, undoSurplus })
    }
  }
  for (const stagger of ["none", "timed", "infinite"] as const) out.push({ type: "firstSuccess", children, stagger })
  return out
}

/** Flat groups over so many plain calls. */
export const flat = (calls: number, surplus = false): ReadonlyArray<Tree> =>
  groups(
    Array.from({ length: calls }, () => call),
    surplus
  )

/** Groups in groups, one inside the other: as deep as there are calls, with one call on each level, before or after the group inside. */
export const chains = (calls: number): ReadonlyArray<Tree> => {
  const shells = [
    (children: ReadonlyArray<Tree>): Tree => ({ type: "quorum", children, need: 1, agree: false, undoSurplus: false }),
    (children: ReadonlyArray<Tree>): Tree => ({ type: "quorum", children, need: 2, agree: false, undoSurplus: false }),
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
      nodes.push({
        policy,
        parent,
        children: [],
        end: 0,
        need: 0,
        agree: false,
        undoSurplus: false,
        stagger: "none",
        ...more
      } as never) - 1
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
        const more =
          tree.type === "quorum"
            ? { need: tree.need, agree: tree.agree, undoSurplus: tree.undoSurplus }
            : { stagger: tree.stagger }
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
      return `quorum(${tree.need}${tree.agree ? " agreeing" : ""}${tree.undoSurplus ? ", surplus undone," : ""} of ${tree.children.map(show).join(", ")})`
    case "firstSuccess":
      return `firstSuccess${tree.stagger === "none" ? "" : `[${tree.stagger}]`}(${tree.children.map(show).join(", ")})`
  }
}
