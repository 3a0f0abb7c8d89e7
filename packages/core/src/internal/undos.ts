/**
 * All undos of a fan-out: begins what the core asks for, gives up at the bound, and undoes late what had been left behind.
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Decision from "../Decision.ts"
import type { LeftBehind } from "../Quarantine.ts"
import { RunningAttempt } from "./attempt.ts"
import type { CallState } from "./call.ts"
import type { Compiled } from "./compile.ts"
import type { Environment } from "./environment.ts"
import type { Recorder } from "./recorder.ts"
import { type Item, itemsOf, lateItemsOf, Undo } from "./undo.ts"

interface Host {
  readonly compiled: Compiled
  readonly env: Environment
  readonly calls: ReadonlyMap<number, CallState>
  readonly recorder: Recorder
  readonly state: Decision.State
  readonly leftBehind: Set<RunningAttempt | Undo>
}

export class Undos {
  /** Those that run, or are over, by their scope. */
  private readonly byScope = new Map<number, Undo>()
  /** Those that had to be waited for, of calls that were left behind. */
  private readonly expected = new Map<CallState, LeftBehind>()
  private readonly host: Host
  private readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  private readonly tell: (event: Decision.Event) => void

  constructor(
    host: Host,
    fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>,
    tell: (event: Decision.Event) => void
  ) {
    this.host = host
    this.fork = fork
    this.tell = tell
  }

  get running(): ReadonlyArray<Undo> {
    return [...this.byScope.values()].filter(({ isOver }) => !isOver)
  }

  /** The undo of a scope begins, when those of inner ones that run already are over. */
  begin(scope: number): Undo {
    const { calls, compiled, recorder } = this.host
    const { end } = compiled.nodes[scope]!
    const inner = [...this.byScope.values()].filter((undo) => !undo.isOver && undo.scope > scope && undo.scope < end)
    const below: Array<CallState> = []
    for (let i = scope; i < end; i++) {
      const call = calls.get(i)
      // what was left behind may still act: it is undone when it has ended
      if (call !== undefined && !call.leftBehind) below.push(call)
    }
    const undo = new Undo(scope, itemsOf(below), inner, {
      begins: this.begins,
      ends: ({ call, effect }, error) => {
        // one that was given up before it began: what there was to undo has not been said yet
        recorder.effectState(call, effect)
        effect.state = error === undefined ? "compensated" : "compensationFailed"
        effect.error = error
        recorder.compensated(call, effect, error)
      }
    })
    this.byScope.set(scope, undo)
    undo.fiber = this.fork(undo.program)
    undo.fiber.addObserver(() => {
      if (undo.isOver) return
      undo.conclude()
      this.tell(endOf(undo))
    })
    return undo
  }

  /** Its bound has passed. What does not end even then is left behind. */
  giveUp(undo: Undo): Decision.Event | undefined {
    if (undo.isOver) return undefined
    const { current } = undo
    if (undo.giveUp(this.host.env.limits.undo)) this.leaveBehind(undo, current!.call)
    return endOf(undo)
  }

  private leaveBehind(undo: Undo, call: CallState): void {
    const { leftBehind, recorder } = this.host
    call.leftBehind = true
    leftBehind.add(undo)
    this.quarantine(undo, call, () => {
      leftBehind.delete(undo)
      recorder.lateUndo(call)
    })
  }

  /** Until its fiber has ended. */
  private quarantine(undo: Undo, call: CallState, onEnd: () => void): void {
    const { quarantine } = this.host.env
    const member = this.memberOf(call)
    quarantine.add(member)
    undo.fiber!.addObserver(() => {
      onEnd()
      quarantine.remove(member)
    })
  }

  private memberOf({ attempts, spec: { id, tool } }: CallState): LeftBehind {
    const { clock, runId } = this.host.env
    return {
      id: `${runId}${id}#${attempts}`,
      runId,
      call: id,
      tool: tool.name,
      attempt: attempts,
      undo: true,
      mayAct: true,
      since: clock.currentTimeMillisUnsafe()
    }
  }

  /** What was left behind in a subtree that is lost, and has ended since, is undone as well: too late for the report. */
  late(call: CallState): void {
    const { env, leftBehind, state } = this.host
    const { id, index } = call.spec
    const isLost = Decision.scopesOf(state, index).some((scope) => Decision.isLost(state, scope))
    const stillRuns = [...leftBehind].some((one) => one instanceof RunningAttempt && one.call === id)
    if (!isLost) return
    // what a fan-out inside of its handler left behind is undone with it
    const [stray] = call.strays.flatMap((strays) => [...strays] as ReadonlyArray<RunningAttempt | Undo>)
    if (stillRuns || stray !== undefined) {
      this.expect(call)
      if (!stillRuns)
        stray!.fiber!.addObserver(() => {
          this.late(call)
        })
      return
    }
    this.undoLate(call)
    const expected = this.expected.get(call)
    if (expected !== undefined) env.quarantine.remove(expected)
  }

  /** It will be undone when it has ended: until then, nothing may begin that this would land in. */
  private expect(call: CallState): void {
    if (this.expected.has(call) || itemsOf([call]).length === 0) return
    const member = this.memberOf(call)
    this.expected.set(call, member)
    this.host.env.quarantine.add(member)
  }

  private undoLate(call: CallState): void {
    const { env, recorder } = this.host
    const { index } = call.spec
    const undo = new Undo(index, lateItemsOf(call), [], {
      begins: this.begins,
      ends: ({ call, effect }, error) => {
        effect.undoneLate = { state: error === undefined ? "compensated" : "compensationFailed", error }
        recorder.compensated(call, effect, error)
      }
    })
    if (undo.items.length === 0) return
    undo.fiber = this.fork(undo.program)
    const bound = this.fork(env.clock.sleep(Duration.millis(env.limits.undo)))
    bound.addObserver(() => {
      undo.giveUp(env.limits.undo)
    })
    this.quarantine(undo, call, () => {
      bound.interruptUnsafe()
    })
  }

  private readonly begins = ({ call, effect }: Item): void => {
    this.host.recorder.compensating(call, effect)
  }
}

/** Beside what was undone, or was to be, a call may have done what cannot be. */
const endOf = ({ items, scope }: Undo): Decision.Event => ({
  type: "undone",
  node: scope,
  result: items.some(({ call }) => call.acted !== "no") ? "failure" : "success"
})
