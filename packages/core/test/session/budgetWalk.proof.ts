/**
 * The decision core and the account of a budget, together, through every interleaving: whichever ends first, whatever it cost, and whether
 * somebody asks for a stop.
 *
 * The core knows no budget: before each start that it asks for, its shell reserves. Here that shell is small, and as strict as the real one
 * (`Attempts.begin` and `refuse`, `Spending.reserve` and `settle`): a start that cannot be paid ends as a failure, and never starts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { Account } from "../../src/internal/account.ts"
import { toNodes, type Tree } from "../decision/driver.ts"

/** What an attempt may cost, at most. */
const ceiling = 2
/** What it comes to: nothing, a part, all. */
const spendings = [0, 1, 2]

const isUnconditional = (nodes: ReadonlyArray<Decision.ProgramNode>, call: number): boolean => {
  for (let at = nodes[call]!.parent; at !== -1; at = nodes[at]!.parent) {
    const { children, need, policy } = nodes[at]!
    const needsAll =
      policy === "all" ||
      policy === "atomic" ||
      policy === "deadline" ||
      (policy === "quorum" && need === children.length) ||
      (policy === "firstSuccess" && children.length === 1)
    if (!needsAll) return false
  }
  return true
}

/** Between reserved and settled: `essential` was reserved at the opening, and has not started. */
type Hold = "none" | "essential" | "running"

interface Place {
  readonly memory: Int32Array
  readonly holds: ReadonlyArray<Hold>
  readonly attempts: ReadonlyArray<number>
  readonly used: number
  readonly stopped: boolean
  readonly armed: ReadonlyArray<string>
}

interface Count {
  programs: number
  states: number
  transitions: number
  refused: number
  overBudget: number
}

interface Size {
  readonly concurrency: number
  readonly retries: number
}

/** Every state of one program under one limit. */
const walk = (tree: Tree, limit: number, { concurrency, retries }: Size, count: Count): void => {
  const nodes = toNodes(tree)
  const state = Decision.make({ nodes, concurrency, agrees: () => true })
  const calls = nodes.flatMap(({ policy }, i) => (policy === "call" ? [i] : []))
  const what = () => `${JSON.stringify(tree)} with ${limit}`
  const seen = new Set<string>()
  const todo: Array<Place> = []
  let place: { -readonly [K in keyof Place]: Place[K] extends ReadonlyArray<infer A> ? Array<A> : Place[K] }
  let account: Account
  let events: Array<Decision.Event> = []
  let starts: Array<number> = []

  const usage = () => account.usage(0).usd!
  const check = (): void => {
    const { reserved, used } = usage()
    assert.isAtMost(used + reserved, limit, `${what()}: more than there is`)
    const held = place.holds.filter((hold) => hold !== "none").length * ceiling
    assert.strictEqual(reserved, held, `${what()}: what is reserved belongs to nobody`)
  }
  const release = (call: number): void => {
    if (place.holds[call] !== "essential") return
    account.settle({ usd: ceiling }, {})
    place.holds[call] = "none"
  }
  const commands: Decision.Commands = {
    activated: (node) => void place.armed.push(`deadline ${node}`),
    queued: () => {},
    arm: (timer, node) => void place.armed.push(`${timer} ${node}`),
    decided: () => {},
    // one that runs ends by itself here, as an event of its own
    stop: () => {},
    drop: release,
    undo: (node) => void events.push({ type: "undone", node, result: "success" }),
    start: (call) => void starts.push(call),
    resume: () => {},
    pause: () => {},
    proceed: () => {}
  }

  /** Does what the core asks for: each start reserves first, and what is refused ends in the next instant. */
  const carryOut = (): void => {
    for (;;) {
      const asked = starts
      starts = []
      for (const call of asked) {
        const wasEssential = place.holds[call] === "essential"
        const shortage = wasEssential ? undefined : account.reserve({ usd: ceiling }, 0)
        if (shortage === undefined) {
          place.holds[call] = "running"
          place.attempts[call]!++
        } else {
          count.refused++
          assert.isAbove(shortage.used + shortage.asked, limit, `${what()}: refused, and there was enough`)
          assert.isFalse(
            isUnconditional(nodes, call) && place.attempts[call] === 0,
            `${what()}: essential, and refused`
          )
          events.push({ type: "ended", node: call, result: "failure", acted: "no" })
        }
        check()
      }
      if (events.length === 0) return
      const now = events
      events = []
      Decision.step(state, now, commands)
    }
  }

  const visit = (): void => {
    const armed = [...new Set(place.armed)].sort()
    const key = `${Decision.wholeKey(state)} ${place.holds.join()} ${place.attempts.join()} ${place.used} ${place.stopped} ${armed.join()}`
    if (seen.has(key)) return
    seen.add(key)
    count.states++
    if (Decision.isClosed(state)) {
      assert.strictEqual(usage().reserved, 0, `${what()}: something is still reserved at the close`)
      return
    }
    todo.push({
      ...place,
      memory: Decision.snapshot(state),
      holds: [...place.holds],
      attempts: [...place.attempts],
      armed
    })
  }

  const load = (from: Place): void => {
    Decision.restore(state, from.memory)
    place = { ...from, holds: [...from.holds], attempts: [...from.attempts], armed: [...from.armed] }
    account = new Account(new Map([["usd", limit]]), undefined, 0)
    account.reserve({ usd: from.used }, 0)
    account.settle({ usd: from.used }, { usd: from.used })
    for (const hold of from.holds) if (hold !== "none") account.reserve({ usd: ceiling }, 0)
  }

  const take = (from: Place, event: Decision.Event, spent?: number): void => {
    load(from)
    count.transitions++
    if (spent !== undefined) {
      assert.strictEqual(place.holds[event.node], "running")
      account.settle({ usd: ceiling }, { usd: spent })
      place.holds[event.node] = "none"
      place.used += spent
      check()
    }
    if (event.type === "stop") place.stopped = true
    place.armed = place.armed.filter((timer) => timer !== `${event.type} ${event.node}`)
    events = [event]
    carryOut()
    check()
    visit()
  }

  count.programs++
  account = new Account(new Map([["usd", limit]]), undefined, 0)
  const none = nodes.map((): Hold => "none")
  place = {
    memory: Decision.snapshot(state),
    holds: none,
    attempts: nodes.map(() => 0),
    used: 0,
    stopped: false,
    armed: []
  }
  for (const call of calls) {
    if (!isUnconditional(nodes, call)) continue
    // the plan is refused, and nothing has started
    if (account.reserve({ usd: ceiling }, 0) !== undefined) {
      count.overBudget++
      return
    }
    place.holds[call] = "essential"
  }
  Decision.open(state, commands)
  carryOut()
  check()
  visit()
  for (let from = todo.pop(); from !== undefined; from = todo.pop()) {
    Decision.restore(state, from.memory)
    const phases = nodes.map((_, node) => (nodes[node]!.policy === "call" ? Decision.phase(state, node) : "none"))
    const isOpen = nodes.map((_, node) => Decision.isActive(state, node))
    for (const call of calls) {
      if (from.holds[call] === "running")
        for (const spent of spendings) {
          const results =
            isOpen[call] && from.attempts[call]! <= retries
              ? (["success", "failure", "retry"] as const)
              : (["success", "failure"] as const)
          // what is being stopped fails, whatever it answers
          for (const result of isOpen[call] && phases[call] === "running" ? results : (["failure"] as const))
            take(from, { type: "ended", node: call, result, acted: "no" }, spent)
        }
      if (phases[call] === "backoff") take(from, { type: "retryDue", node: call })
    }
    for (const timer of from.armed) {
      const [type, node] = timer.split(" ")
      take(from, { type: type as "grace" | "stagger" | "deadline", node: Number(node) })
    }
    if (!from.stopped) take(from, { type: "stop", node: 0 })
  }
}

/** Policies over these, each in every way. */
const over = (children: ReadonlyArray<Tree>): ReadonlyArray<Tree> => [
  { all: children },
  ...children.map((_, i): Tree => ({ quorum: i + 1, of: children })),
  { first: children },
  { first: children, stagger: "timed" },
  { first: children, stagger: "infinite" }
]

const flat: ReadonlyArray<Tree> = [1, 2, 3].flatMap((n) => over(Array.from({ length: n }, (): Tree => "call")))

/** Within one more policy, or beside one more call. */
const wrapped: ReadonlyArray<Tree> = flat.flatMap((tree): ReadonlyArray<Tree> => [
  { settled: tree },
  { atomic: tree },
  { deadline: tree },
  { all: ["call", { advisory: tree }] },
  { all: [{ advisory: "call" }, tree] }
])

const size = (tree: Tree): number => toNodes(tree).filter(({ policy }) => policy === "call").length

describe("a budget, under every interleaving of up to three calls", () => {
  for (const [name, trees, retries] of [
    ["flat plans, with a further attempt", flat, 1],
    ["plans within another policy", wrapped.filter((tree) => size(tree) <= 3), 0]
  ] as const) {
    it(`is never exceeded, is given back, and refuses nothing that it had promised: ${name}`, () => {
      const count: Count = { programs: 0, states: 0, transitions: 0, refused: 0, overBudget: 0 }
      for (const tree of trees) {
        for (let limit = 0; limit <= 3 * ceiling + 1; limit++) {
          for (const concurrency of [1, 3]) walk(tree, limit, { concurrency, retries }, count)
        }
      }
      // all of it was looked at, and a budget that is too small was met everywhere
      const counted = JSON.stringify(count)
      assert.isAbove(count.transitions, 150_000, counted)
      assert.isAbove(count.refused, 500, counted)
      assert.isAbove(count.overBudget, 50, counted)
    }, 120_000)
  }
})
