/**
 * Plans in the plan format, valid by construction: an advisory stands directly under `all`, calls that overlap in a `firstSuccess`, stand in an
 * `atomic` or under a quorum that undoes its surplus have no effect or can be undone, a retry stands where the contract can ever allow one, a quorum is not larger than its children, and nothing is settled below one
 * that must agree.
 */
import { Contract } from "@toolscope/core"
import type * as Arbitrary from "effect/Arbitrary"
import * as A from "effect/Arbitrary"
import type * as Schema from "effect/Schema"
import { millis, script } from "./behaviours.ts"
import { index, int, maybe, object, one } from "./choose.ts"

/** A node of the plan format. */
export type Node = { readonly [key: string]: Schema.Json }

/** A tool that plans may call: each behaves as its parameters say. */
export interface Kept {
  readonly name: string
  readonly contract: Contract.Contract
  readonly drives: "effect" | "promise"
  /** Its parameters. Default: a behaviour that keeps the contract. */
  readonly params?: Arbitrary.Arbitrary<Schema.Json>
  /** What becomes of them. */
  readonly alter?: (params: Schema.Json) => Arbitrary.Arbitrary<Schema.Json>
}

export interface Bounds {
  /** Policies above a call. */
  readonly depth: number
  /** Children of a policy. */
  readonly width: number
}

interface Place {
  readonly depth: number
  /** Its calls run beside rivals, or may have to be undone. */
  readonly undoable: boolean
}

export const nodes = (tools: ReadonlyArray<Kept>, { depth, width }: Bounds): Arbitrary.Arbitrary<Node> => {
  const known = new Map<string, Arbitrary.Arbitrary<Node>>()
  const calls = new Map(tools.map((tool) => [tool, call(tool)]))
  const undoable = tools.filter(({ contract }) => Contract.canUndo(contract))

  const node = (place: Place): Arbitrary.Arbitrary<Node> => {
    const key = `${place.depth} ${place.undoable}`
    let made = known.get(key)
    if (made === undefined) known.set(key, (made = make(place)))
    return made
  }
  const make = (place: Place): Arbitrary.Arbitrary<Node> => {
    const usable = (place.undoable ? undoable : tools).map((tool) => calls.get(tool)!)
    const single = one(usable[0]!, ...usable.slice(1))
    if (place.depth === 0) return single
    const under = { ...place, depth: place.depth - 1 }
    const below = node(under)
    const first = one(staggered(below), overlapping(under, below))
    const inUndo = undoable.length === 0 ? below : node({ ...under, undoable: true })
    const policies = [
      all(below),
      all(below),
      quorum(below),
      first,
      wrapped(below),
      ...(undoable.length === 0 ? [] : [atomic(inUndo), surplus(inUndo)])
    ]
    return place.depth === depth ? one(single, ...policies, ...policies) : one(single, single, ...policies)
  }
  // a list of Effect's prefers to be empty or full
  const children = (of: Arbitrary.Arbitrary<Node>, least: number) =>
    A.map(
      A.flatMap(index(3 * (width - least) + 1), (n) =>
        A.array(of, { minLength: least + Math.ceil(n / 3), maxLength: width })
      ),
      (list) => list.map((child, i) => ({ id: String.fromCharCode(97 + i), ...child }))
    )

  const all = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> => {
    const advisory = object({ advisory: below, grace: maybe(2, millis) }) as Arbitrary.Arbitrary<Node>
    return A.map(children(one(below, below, advisory), 0), (list): Node => ({ all: list }))
  }
  // outcomes are fixed when a fan-out closes: values that hold them cannot agree before
  const mayAgree = (of: ReadonlyArray<Node>): boolean => !JSON.stringify(of).includes('"settled":')
  const quorum = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    A.map(A.all([children(below, 1), index(width), maybe(3, A.Constant(true))]), ([of, need, agree]): Node => ({
      quorum: 1 + (need % of.length),
      of,
      ...(agree === true && mayAgree(of) ? { agree } : {})
    }))
  const surplus = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    A.map(quorum(below), (node): Node => ({ ...node, surplus: "undo" }))
  const atomic = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    A.map(below, (node): Node => ({ atomic: node }))
  const staggered = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    A.map(children(below, 1), (list): Node => ({ firstSuccess: list, stagger: "infinity" }))
  const overlapping = (under: Place, below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    undoable.length === 0
      ? staggered(below)
      : A.map(A.all([children(node({ ...under, undoable: true }), 1), maybe(2, millis)]), ([list, stagger]): Node => ({
          firstSuccess: list,
          ...(stagger === undefined ? {} : { stagger })
        }))
  const wrapped = (below: Arbitrary.Arbitrary<Node>): Arbitrary.Arbitrary<Node> =>
    one<Node>(
      A.map(below, (node): Node => ({ settled: node })),
      A.map(A.all([millis, below]), ([deadline, of]): Node => ({ deadline, of }))
    )
  return node({ depth, undoable: false })
}

const call = ({ alter, contract, drives, name, params }: Kept): Arbitrary.Arbitrary<Node> => {
  const retries = Contract.canRetry(contract)
  const own = params ?? (script(contract, drives, retries) as unknown as Arbitrary.Arbitrary<Schema.Json>)
  return object({
    call: A.Constant(name),
    params: alter === undefined ? own : A.flatMap(own, alter),
    timeout: maybe(
      4,
      A.map(index(6), (n) => 10 + 10 * n)
    ),
    retry: retries ? maybe(3, int(1, 2)) : A.Constant(undefined)
  }) as Arbitrary.Arbitrary<unknown> as Arbitrary.Arbitrary<Node>
}
