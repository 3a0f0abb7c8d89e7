/**
 * From the tree of a plan to the arrays that run it: checks everything that can be known beforehand, and collects all faults.
 * Without recursion: a plan may be nested as deep as memory allows.
 */
import * as Result from "effect/Result"
import type { Amounts } from "../Budget.ts"
import * as Contract from "../Contract.ts"
import type { Policy, ProgramNode } from "../Decision.ts"
import type { Fault, FaultTag } from "../PlanError.ts"
import type * as Tool from "../Tool.ts"
import { wrongAmounts } from "./account.ts"
import * as codec from "./codec.ts"
import { notADuration, toMillis } from "./duration.ts"
import * as json from "./json.ts"
import { type CallNode, childrenOf, type Node } from "./node.ts"

/** What the executor knows about a call before it starts. */
export interface CallSpec {
  readonly index: number
  /** Path. */
  readonly id: string
  readonly tool: Tool.Any
  readonly contract: Contract.Contract
  readonly params: unknown
  readonly paramsJson: unknown
  /** Milliseconds, or `undefined` for the default. */
  readonly timeout: number | undefined
  readonly retry: Tool.Retry<never> | undefined
  readonly idempotencyKey: string | undefined
  /** What an attempt may cost at most. */
  readonly cost: Amounts
  /** Not below an advisory. */
  readonly isEssential: boolean
}

export interface CompiledNode extends ProgramNode {
  readonly node: Node
  readonly pointer: string
  /** Path: the ids that lead to it. */
  readonly path: string
  /** Parallel to `children`; empty under a wrapper. */
  readonly childIds: ReadonlyArray<string>
  /** `advisory`: its grace, `firstSuccess`: its stagger, `deadline`: its duration; milliseconds. */
  readonly millis: number
}

export interface Compiled {
  readonly nodes: ReadonlyArray<CompiledNode>
  readonly calls: ReadonlyMap<number, CallSpec>
}

export const defaultGrace = 250

interface Visit {
  readonly node: Node
  readonly parent: number
  readonly id: string | undefined
  readonly pointer: string
  readonly path: string
  /** Pointer of the nearest `firstSuccess` whose children overlap. */
  readonly overlap: string | undefined
  /** Pointer of the nearest `quorum` whose values must agree. */
  readonly agreeing: string | undefined
  readonly isEssential: boolean
  /** Pointer of the nearest `atomic`, or `quorum` whose surplus is undone. */
  readonly undoing: string | undefined
}

type Draft = { -readonly [K in keyof CompiledNode]: CompiledNode[K] } & {
  children: Array<number>
  childIds: Array<string>
}

/** `prefix`: the path of the caller, where a fan-out runs inside of a handler. */
export const compile = (root: Node, prefix = ""): Result.Result<Compiled, ReadonlyArray<Fault>> => {
  const faults: Array<Fault> = []
  const fault = (pointer: string, _tag: FaultTag, message: string) => void faults.push({ pointer, _tag, message })
  const nodes: Array<Draft> = []
  const calls = new Map<number, CallSpec>()
  const toolsByName = new Map<string, Tool.Any>()
  const outside = { overlap: undefined, agreeing: undefined, undoing: undefined, isEssential: true }
  const stack: Array<Visit> = [{ node: root, parent: -1, id: undefined, pointer: "/plan", path: prefix, ...outside }]

  const millis = (input: unknown, pointer: string, ifAbsent: number): number => {
    if (input === undefined) return ifAbsent
    const value = toMillis(input)
    if (value === undefined) fault(pointer, "BadDuration", notADuration(input))
    return value ?? ifAbsent
  }

  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { agreeing, id, isEssential, node, overlap, parent, path, pointer, undoing } = visit
    const index = nodes.length
    if (parent !== -1) {
      nodes[parent]!.children.push(index)
      if (id !== undefined) nodes[parent]!.childIds.push(id)
    }
    const draft: Draft = {
      node,
      pointer,
      path: path === "" ? "/" : path,
      policy: node.policy === "faulty" ? "settled" : (node.policy satisfies Policy),
      parent,
      children: [],
      childIds: [],
      end: index + 1,
      need: 0,
      agree: false,
      undoSurplus: false,
      stagger: "none",
      millis: 0
    }
    nodes.push(draft)
    let below = overlap
    switch (node.policy) {
      case "call":
        calls.set(index, checkCall(node, index, draft, visit, { fault, millis, toolsByName }))
        break
      case "quorum": {
        draft.need = node.need
        draft.agree = node.agree !== undefined
        const size = node.children.length
        if (!Number.isInteger(node.need) || node.need < 1 || node.need > size) {
          const hint = size === 0 ? "" : `: write 1 to ${size}`
          fault(`${pointer}/quorum`, "BadQuorum", `a quorum of ${node.need} among ${size} makes no sense${hint}`)
        }
        draft.undoSurplus = node.surplus === "undo"
        break
      }
      case "firstSuccess":
        draft.millis = millis(node.stagger, `${pointer}/stagger`, 0)
        draft.stagger = node.stagger === undefined ? "none" : draft.millis === Infinity ? "infinite" : "timed"
        if (node.children.length === 0)
          fault(`${pointer}/firstSuccess`, "Empty", "a first success among nothing cannot happen")
        if (draft.stagger !== "infinite" && node.children.length > 1) below = pointer
        break
      case "advisory":
        draft.millis = millis(node.grace, `${pointer}/grace`, defaultGrace)
        if (parent === -1 || nodes[parent]!.node.policy !== "all") {
          fault(pointer, "Misplaced", "an advisory stands directly under all, and nowhere else")
        }
        break
      case "deadline":
        draft.millis = millis(node.duration, `${pointer}/deadline`, Infinity)
        break
      case "settled":
        if (agreeing !== undefined) {
          fault(
            pointer,
            "Misplaced",
            `outcomes are fixed when a fan-out closes: they cannot agree before, as ${agreeing} asks`
          )
        }
    }
    const children = childrenOf(node)
    if ("wrong" in node) fault(pointer, "BadId", node.wrong)
    if ("shape" in node) checkIds(children, node.shape === "record", pointer, fault)
    for (let i = children.length - 1; i >= 0; i--) {
      const child = children[i]!
      stack.push({
        node: child.node,
        parent: index,
        id: child.id,
        pointer: pointer + child.tokens,
        path: child.id === undefined ? path : `${path}/${child.id}`,
        overlap: below,
        agreeing: draft.agree ? pointer : agreeing,
        isEssential: isEssential && node.policy !== "advisory",
        undoing: draft.undoSurplus || node.policy === "atomic" ? pointer : undoing
      })
    }
  }
  if (faults.length > 0) return Result.fail(faults)
  // preorder: children stand behind their parents
  for (let i = nodes.length - 1; i > 0; i--) {
    const parent = nodes[nodes[i]!.parent]!
    if (nodes[i]!.end > parent.end) parent.end = nodes[i]!.end
  }
  return Result.succeed({ nodes, calls })
}

interface Checks {
  readonly fault: (pointer: string, tag: FaultTag, message: string) => void
  readonly millis: (input: unknown, pointer: string, ifAbsent: number) => number
  readonly toolsByName: Map<string, Tool.Any>
}

const checkCall = (
  node: CallNode,
  index: number,
  { path, pointer }: { readonly path: string; readonly pointer: string },
  { isEssential, overlap, undoing }: Pick<Visit, "isEssential" | "overlap" | "undoing">,
  { fault, millis, toolsByName }: Checks
): CallSpec => {
  const { options, tool } = node
  const { contract } = tool
  const name = JSON.stringify(tool.name)
  if (!node.inline) {
    const namesake = toolsByName.get(tool.name)
    if (namesake !== undefined && namesake !== tool)
      fault(`${pointer}/call`, "DuplicateTool", `two tools are named ${name}`)
    toolsByName.set(tool.name, tool)
  }
  const contradiction = Contract.contradiction(contract)
  if (contradiction !== undefined) fault(`${pointer}/call`, "BadContract", `the contract of ${name}: ${contradiction}`)
  const retry = options.retry ?? tool.retry
  if (typeof retry === "number" && (!Number.isInteger(retry) || retry < 0)) {
    fault(`${pointer}/retry`, "BadSetting", `retry is a number of further attempts, 0 or more, not ${retry}`)
  }
  if (retry !== undefined && retry !== 0 && !Contract.canRetry(contract)) {
    fault(
      `${pointer}/retry`,
      "RetryForbidden",
      `the contract of ${name} never allows a further attempt (repeat "never", and a failure may have acted): leave retry out, or correct the contract`
    )
  }
  if (overlap !== undefined && !Contract.canOverlap(contract)) {
    fault(
      `${pointer}/call`,
      "OverlapForbidden",
      `${name} acts (${contract.effect}) and cannot be undone, so it cannot run beside its rivals in the firstSuccess at ${overlap}: write "stagger": "infinity" there, or give its contract a compensate`
    )
  }
  if (undoing !== undefined && !Contract.canUndo(contract)) {
    fault(
      `${pointer}/call`,
      "UndoForbidden",
      `${name} acts (${contract.effect}), and ${undoing} may have to undo it: give its contract a compensate, or take it out of there`
    )
  }
  let params: unknown = node.params
  let paramsJson: unknown = node.params
  let readable = true
  if (!node.inline) {
    const { decode, decodeExactly, encode } = codec.of(tool.parameters)
    const checked = node.encoded ? decodeExactly(node.params) : encode(node.params)
    if (Result.isFailure(checked)) {
      readable = false
      for (const issue of checked.failure)
        fault(`${pointer}/params${issue.pointer}`, "BadParameters", `${name}: ${issue.message}`)
    } else if (node.encoded) {
      params = checked.success
    } else {
      paramsJson = checked.success
      // a Standard Schema may change what it accepts: the handler gets the result
      if (!codec.isEffectSchema(tool.parameters)) params = Result.getOrThrow(decode(node.params))
    }
  }
  const timeout = options.timeout ?? tool.timeout
  return {
    index,
    id: path,
    tool,
    contract,
    params,
    paramsJson,
    timeout: timeout === undefined ? undefined : millis(timeout, `${pointer}/timeout`, 0),
    retry,
    idempotencyKey: options.idempotencyKey,
    cost: readable
      ? costOf(tool, params, (message) => {
          fault(`${pointer}/call`, "BadCost", `the cost of ${name}: ${message}`)
        })
      : {},
    isEssential
  }
}

const costOf = ({ cost }: Tool.Any, params: unknown, fault: (message: string) => void): Amounts => {
  if (cost === undefined) return {}
  try {
    const amounts = typeof cost === "function" ? cost(params as never) : cost
    const wrong = wrongAmounts(amounts)
    if (wrong === undefined) return amounts
    fault(wrong)
  } catch (defect) {
    fault(`it threw: ${json.text(defect, "message") ?? "something that cannot be shown"}`)
  }
  return {}
}

const forbidden = new Set(["__proto__", "constructor", "prototype"])

const checkIds = (
  children: ReadonlyArray<{ readonly id: string | undefined; readonly tokens: string }>,
  given: boolean,
  pointer: string,
  fault: Checks["fault"]
): void => {
  const seen = new Set<string>()
  for (const { id, tokens } of children) {
    // an id that could not be read is a fault already
    if (id === undefined || !given || id.startsWith("\u0000")) continue
    const at = `${pointer}${tokens}/id`
    const text = JSON.stringify(id)
    if (id === "") fault(at, "BadId", "an id is not empty")
    else if (id.length > 128) fault(at, "BadId", "an id has at most 128 characters")
    else if (id.includes("/")) fault(at, "BadId", `${text}: an id contains no "/", which separates the ids of a path`)
    else if (hasControl(id)) fault(at, "BadId", `${text}: an id contains no control characters`)
    else if (forbidden.has(id)) fault(at, "BadId", `${text} cannot be an id: results are objects by id`)
    if (seen.has(id)) fault(at, "DuplicateId", `a sibling is called ${text} already`)
    seen.add(id)
  }
}

const hasControl = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 32 || (code >= 127 && code < 160)) return true
  }
  return false
}
