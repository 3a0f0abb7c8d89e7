/**
 * What holds for every program and every course of events: random programs, driven by random instants, checked at every step.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decision from "@toolscope/core/Decision"
import { prng } from "../support.ts"
import { recorder, toNodes, type Tree } from "./driver.ts"

type Random = ReturnType<typeof prng>

const randomTree = (random: Random, depth: number, underAll = false): Tree => {
  if (depth === 0 || (depth < 4 && random.next() < 0.25)) return "call"
  const children = (n: number, all = false) => Array.from({ length: n }, () => randomTree(random, depth - 1, all))
  const size = 1 + random.int(3)
  const kind = random.int(underAll ? 7 : 6)
  switch (kind) {
    case 0:
      return { all: children(random.int(4), true) }
    case 1:
      return {
        quorum: 1 + random.int(size),
        of: children(size),
        agree: random.next() < 0.4,
        surplus: random.next() < 0.3 ? "undo" : "keep"
      }
    case 2: {
      const stagger = random.pick([undefined, "timed", "infinite"] as const)
      return { first: children(size), ...(stagger === undefined ? {} : { stagger }) }
    }
    case 3:
      return { settled: randomTree(random, depth - 1) }
    case 4:
      return { deadline: randomTree(random, depth - 1) }
    case 5:
      return { atomic: randomTree(random, depth - 1) }
    default:
      return { advisory: randomTree(random, depth - 1) }
  }
}

/** A program that runs, and everything that must hold at each of its steps. */
class World {
  readonly nodes: ReadonlyArray<Decision.ProgramNode>
  readonly program: Decision.Program
  readonly state: Decision.State
  /** What each call does now. */
  readonly phase = new Map<number, "running" | "stopping" | "backoff">()
  readonly timers = new Set<string>()
  readonly decided = new Set<number>()
  readonly verdicts = new Map<number, string>()
  readonly started = new Map<number, number>()
  readonly over = new Set<number>()
  /** What each call did and what of it is left. */
  readonly acted = new Map<number, Decision.Acted>()
  /** Scopes that are being undone, and the calls that each of them has taken. */
  readonly undos = new Map<number, ReadonlyArray<number>>()
  undone = 0
  stopped = false
  readonly seed: number
  readonly concurrency: number

  constructor(seed: number, random: Random) {
    this.seed = seed
    this.nodes = toNodes(randomTree(random, 4))
    this.concurrency = 1 + random.int(4)
    this.program = { nodes: this.nodes, concurrency: this.concurrency, agrees: (_q, a, b) => a % 2 === b % 2 }
    this.state = Decision.make(this.program)
    const log: Array<string> = []
    Decision.open(this.state, recorder(log))
    this.take(log)
  }

  /** The events that can happen now, each with some probability. */
  possible(random: Random, withStop: boolean): Array<Decision.Event> {
    const events: Array<Decision.Event> = []
    for (const [node, phase] of this.phase) {
      const roll = random.next()
      if (phase === "backoff") {
        if (roll < 0.6) events.push({ type: "retryDue", node })
        continue
      }
      const acted = this.actedNext(node, random)
      if (roll < 0.5) {
        const undecided = Decision.decision(this.state, node) === undefined
        const again = undecided && (this.started.get(node) ?? 0) < 3
        const result = random.pick(
          again ? (["success", "failure", "retry"] as const) : (["success", "failure"] as const)
        )
        events.push({ type: roll < 0.45 ? "ended" : "leftBehind", node, result, acted })
      }
      if (random.next() < 0.15) events.push({ type: "timeout", node })
    }
    for (const node of this.undos.keys()) {
      if (random.next() < 0.4) events.push({ type: "undone", node, result: random.pick(["success", "failure"]) })
    }
    for (const timer of this.timers) {
      const [type, node] = timer.split(" ") as ["grace" | "stagger" | "deadline", string]
      if (random.next() < 0.2) {
        this.timers.delete(timer)
        events.push({ type, node: Number(node) })
      }
    }
    if (withStop && random.next() < 0.03) events.push({ type: "stop", node: 0 })
    return random.shuffle(events)
  }

  /** No less than before. */
  private actedNext(call: number, random: Random): Decision.Acted {
    const levels = ["no", "undoable", "stuck"] as const
    const before = levels.indexOf(this.acted.get(call) ?? "no")
    const roll = random.next()
    return levels[Math.max(before, roll < 0.2 ? 0 : roll < 0.85 ? 1 : 2)]!
  }

  /** Takes the same instant in two orders: the core must not be able to tell. */
  step(events: Array<Decision.Event>, random: Random): void {
    const other = Decision.make(this.program)
    Decision.restore(other, Decision.snapshot(this.state))
    const log: Array<string> = []
    const otherLog: Array<string> = []
    Decision.step(other, random.shuffle(events), recorder(otherLog))
    Decision.step(this.state, [...events], recorder(log))
    assert.deepStrictEqual(log, otherLog, this.where("commands depend on the order of one instant"))
    assert.deepStrictEqual(
      Decision.snapshot(this.state),
      Decision.snapshot(other),
      this.where("the state depends on that order")
    )
    for (const event of events) {
      if (event.type === "ended" || event.type === "leftBehind") {
        this.phase.delete(event.node)
        this.acted.set(event.node, event.acted)
        const again = event.result === "retry" && Decision.decision(other, event.node) === undefined
        if (again) this.phase.set(event.node, "backoff")
      } else if (event.type === "retryDue") this.phase.delete(event.node)
      else if (event.type === "stop") this.stopped = true
      else if (event.type === "undone") {
        for (const call of this.undos.get(event.node)!)
          this.acted.set(call, event.result === "success" ? "no" : "stuck")
        this.undos.delete(event.node)
      }
    }
    this.take(log)
    this.afterUndos()
  }

  /** What is lost and at rest is being undone; what is being undone, or may come to be, is provisional; nothing else is. */
  private afterUndos(): void {
    const taken = new Set([...this.undos.values()].flat())
    for (const [call, acted] of this.acted) {
      const scopes = Decision.scopesOf(this.state, call)
      const lost = scopes.filter((scope) => Decision.isLost(this.state, scope))
      const isLeft = acted === "undoable" && !taken.has(call)
      if (isLeft && lost.some((scope) => this.isAtRest(scope)))
        assert.fail(this.where(`${call} is lost and at rest, and not undone`))
      const mayBeUndone = acted === "undoable" && (lost.length > 0 || scopes.some((scope) => this.isOpen(scope)))
      assert.strictEqual(Decision.isProvisional(this.state, call), mayBeUndone, this.where(`${call} is provisional`))
    }
  }

  private isAtRest(scope: number): boolean {
    for (let i = scope; i < this.nodes[scope]!.end; i++) if (this.phase.has(i)) return false
    return true
  }

  private isOpen(scope: number): boolean {
    const { parent, policy } = this.nodes[scope]!
    if (policy === "atomic" && Decision.decision(this.state, scope) === undefined) return true
    const above = this.nodes[parent]
    const isChosen = above?.policy === "firstSuccess" || above?.undoSurplus === true
    return isChosen && Decision.decision(this.state, parent) === undefined
  }

  private undo(scope: number, line: string): void {
    assert.isTrue(Decision.isLost(this.state, scope), this.where(`${line} though it is not lost`))
    assert.isTrue(this.isAtRest(scope), this.where(`${line} though something in it runs`))
    assert.isFalse(this.undos.has(scope), this.where(`${line} though it is being undone`))
    const taken = new Set([...this.undos.values()].flat())
    const mine = [...this.acted.keys()].filter(
      (call) =>
        call >= scope && call < this.nodes[scope]!.end && this.acted.get(call) === "undoable" && !taken.has(call)
    )
    assert.isAbove(mine.length, 0, this.where(`${line} though nothing is left to be undone`))
    this.undos.set(scope, mine)
    this.undone++
  }

  private take(log: ReadonlyArray<string>): void {
    let starting = false
    let undoing = false
    for (const line of log) {
      const [command, a, b, c] = line.split(" ") as [string, string, string, string]
      const node = Number(a)
      assert.isTrue(!starting || command === "start", this.where(`${line} after a start of the same instant`))
      const isLast = command === "undo" || command === "start"
      assert.isTrue(!undoing || isLast, this.where(`${line} after an undo of the same instant`))
      switch (command) {
        case "undo":
          undoing = true
          this.undo(node, line)
          break
        case "start":
          starting = true
          assert.isFalse(this.stopped, this.where(`${line} after the stop from above`))
          assert.isFalse(this.over.has(node), this.where(`${line} though it was stopped or is over`))
          assert.isFalse(this.phase.has(node), this.where(`${line} though it runs`))
          assert.isUndefined(Decision.decision(this.state, node), this.where(`${line} though it is decided`))
          this.phase.set(node, "running")
          this.started.set(node, (this.started.get(node) ?? 0) + 1)
          break
        case "stop": {
          const cause = Number(c)
          assert.strictEqual(this.phase.get(node), "running", this.where(`${line} though it does not run`))
          this.within(node, cause, line)
          this.phase.set(node, "stopping")
          if (cause !== node) this.over.add(node)
          break
        }
        case "drop":
          this.within(node, Number(c), line)
          assert.notInclude(["running", "stopping"], this.phase.get(node), this.where(`${line} though it runs`))
          this.phase.delete(node)
          assert.isFalse(this.over.has(node), this.where(`${line} twice`))
          this.over.add(node)
          break
        case "decided":
          assert.isFalse(this.decided.has(node), this.where(`${line} twice`))
          this.decided.add(node)
          this.byItsRule(node)
          break
        case "arm":
          this.timers.add(`${a} ${b}`)
          break
        case "deadline":
          this.timers.add(`deadline ${a}`)
      }
    }
    const live = [...this.phase.values()].filter((phase) => phase !== "backoff").length
    assert.isAtMost(live, this.concurrency, this.where("more attempts than permits"))
    for (const [call, node] of this.nodes.entries()) {
      if (node.policy !== "call") continue
      const verdict = Decision.decision(this.state, call)
      const before = this.verdicts.get(call)
      if (before !== undefined) assert.strictEqual(verdict, before as never, this.where(`verdict of ${call} changed`))
      if (verdict !== undefined) this.verdicts.set(call, verdict)
    }
  }

  /** A stop never leaves the subtree of the node that causes it: failures of settled and advisory nodes touch no sibling. */
  private within(call: number, cause: number, line: string): void {
    if (cause === -1) return
    const { end, policy } = this.nodes[cause]!
    assert.isTrue(call >= cause && call < end, this.where(`${line} reaches out of its subtree`))
    assert.notStrictEqual(policy, "settled", this.where(`${line}: settled stops nothing`))
  }

  private byItsRule(node: number): void {
    const { children, need, policy } = this.nodes[node]!
    const decision = Decision.decision(this.state, node)
    if (decision === "stopped" || decision === "skipped") return
    const of = (...wanted: ReadonlyArray<string>) =>
      children.filter((child) => wanted.includes(String(Decision.decision(this.state, child))))
    const essential = children.filter((child) => this.nodes[child]!.policy !== "advisory")
    const bad = of("failed", "skipped").filter((child) => essential.includes(child)).length
    const good = of("succeeded").length
    const message = this.where(`${node} (${policy}) is ${decision}`)
    const agree = this.nodes[node]!.agree
    if (policy === "all") assert.strictEqual(decision, bad > 0 ? "failed" : "succeeded", message)
    if (policy === "all" && decision === "succeeded") assert.strictEqual(good, essential.length, message)
    if (policy === "quorum" && decision === "succeeded") assert.isAtLeast(good, need, message)
    if (policy === "quorum" && decision === "failed" && !agree) assert.isAbove(bad, children.length - need, message)
    if (policy === "firstSuccess") assert.strictEqual(decision, good > 0 ? "succeeded" : "failed", message)
    if (policy === "settled") assert.strictEqual(decision, "succeeded", message)
    if (policy === "advisory") assert.notInclude(["failed", "succeeded"], decision, message)
    const by = Decision.decidedBy(this.state, node)
    if (policy === "quorum" && decision === "succeeded") assert.strictEqual(by.length, need, message)
    if (policy === "firstSuccess" && decision === "succeeded") assert.strictEqual(by.length, 1, message)
  }

  /** All attempts end, all back-offs are due; no other timer elapses: it must close all the same. */
  finish(random: Random): void {
    for (let rounds = 0; !Decision.isClosed(this.state); rounds++) {
      assert.isBelow(rounds, 10 * this.nodes.length + 10, this.where("it never closes"))
      const events: Array<Decision.Event> = []
      for (const [node, phase] of this.phase) {
        if (phase === "backoff") events.push({ type: "retryDue", node })
        else {
          const acted = this.actedNext(node, random)
          events.push({ type: "ended", node, result: random.pick(["success", "failure"] as const), acted })
        }
      }
      for (const node of this.undos.keys()) {
        events.push({ type: "undone", node, result: random.pick(["success", "failure"] as const) })
      }
      assert.isAbove(events.length, 0, this.where("it waits for nothing"))
      this.step(events, random)
    }
    assert.strictEqual(this.phase.size, 0, this.where("closed while something runs"))
    assert.strictEqual(this.undos.size, 0, this.where("closed while something is being undone"))
    for (const call of this.acted.keys())
      assert.isFalse(Decision.isProvisional(this.state, call), this.where(`closed, and ${call} is provisional`))
    this.nodes.forEach(({ policy }, node) => {
      assert.isDefined(Decision.decision(this.state, node), this.where(`${node} was never decided`))
      assert.strictEqual(this.decided.has(node), policy !== "call", this.where(`${node} was never announced`))
    })
    const log: Array<string> = []
    Decision.step(this.state, [{ type: "stop", node: 0 }], recorder(log))
    assert.deepStrictEqual(log, [], this.where("a stop after the close does something"))
  }

  private where(message: string): string {
    return `seed ${this.seed}: ${message}`
  }
}

describe("for every program and every course of events", () => {
  it("no order within an instant matters; nothing starts after a stop; one decision, one verdict; what is lost is undone, once; it closes (L6, L20, JDK23, R5)", () => {
    let stops = 0
    let nodes = 0
    let undone = 0
    for (let seed = 1; seed <= 1_500; seed++) {
      const random = prng(seed)
      const world = new World(seed, random)
      nodes += world.nodes.length
      for (let i = 0; i < 30 && !Decision.isClosed(world.state); i++) {
        const events = world.possible(random, seed % 2 === 0)
        if (events.length > 0) world.step(events, random)
      }
      if (world.stopped) stops++
      world.finish(random)
      undone += world.undone
    }
    assert.isAbove(stops, 50, "the stop was tried often enough")
    assert.isAbove(undone, 500, "much was undone")
    assert.isAbove(nodes, 10_000, "on programs of some size")
  })
})
