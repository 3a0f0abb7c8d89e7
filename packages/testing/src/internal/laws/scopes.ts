/**
 * Which parts of a plan were lost, by its journal: what was done in them is not wanted, and is undone once nothing in them runs any more.
 */
import { type CallTrace, type Event, overOf, type Run } from "./run.ts"
import { callsBelow, type PlanNode, upwards } from "./tree.ts"

/** A part of the plan whose effects are undone together. */
export interface Scope {
  readonly node: PlanNode
  /** What made it lost; `undefined` while nothing has. */
  readonly lostBy: Event | undefined
  /** The event since which it is lost and nothing in it runs; `undefined` while that is not so. */
  readonly readyBy: Event | undefined
}

export const isScope = ({ parent, policy }: PlanNode): boolean =>
  policy === "atomic" || parent?.policy === "firstSuccess" || parent?.undoesSurplus === true

/** The scopes that contain a node, inner ones first. */
export const scopesOf = (run: Run, node: PlanNode): ReadonlyArray<Scope> =>
  [...upwards(node)].filter(isScope).map((node) => scopeOf(run, node))

const known = new WeakMap<Run, Map<PlanNode, Scope>>()

const scopeOf = (run: Run, node: PlanNode): Scope => {
  let mine = known.get(run)
  if (mine === undefined) known.set(run, (mine = new Map()))
  let scope = mine.get(node)
  if (scope === undefined) {
    const lostBy = lossOf(run, node)
    mine.set(node, (scope = { node, lostBy, readyBy: lostBy === undefined ? undefined : readyBy(run, node, lostBy) }))
  }
  return scope
}

const last = (run: Run, events: ReadonlyArray<Event>): Event | undefined =>
  events.reduce<Event | undefined>(
    (latest, event) => (latest === undefined || run.index.place(event) > run.index.place(latest) ? event : latest),
    undefined
  )

/** The end of a call that has failed; or its stop, where that came between two attempts. */
const failureOf = (run: Run, { attempts, settled, stops }: CallTrace): Event | undefined => {
  if (settled[0]?.verdict !== "failed") return undefined
  return last(run, [
    ...attempts.flatMap((attempt) => overOf(attempt) ?? []),
    ...stops.filter(({ attempt }) => attempt === undefined)
  ])
}

const lossOf = (run: Run, node: PlanNode): Event | undefined => {
  const { parent, policy } = node
  const own = run.index.decided(node)
  const hasEnded = own?.decision === "failed" || own?.decision === "stopped"
  if (policy === "atomic" && hasEnded) return own
  if (parent === undefined) return undefined
  const above = run.index.decided(parent)
  const isCounted = Array.isArray(above?.decidedBy) && (above.decidedBy as ReadonlyArray<string>).includes(node.path)
  if (parent.policy === "firstSuccess") {
    if (hasEnded) return own
    const failure = policy === "call" ? failureOf(run, run.index.call(node.path)!) : undefined
    if (failure !== undefined) return failure
    return above === undefined || (above.decision === "succeeded" && isCounted) ? undefined : above
  }
  return parent.undoesSurplus && above?.decision === "succeeded" && !isCounted ? above : undefined
}

const readyBy = (run: Run, node: PlanNode, lostBy: Event): Event | undefined => {
  const attempts = callsBelow(node).flatMap(({ path }) => run.index.call(path)!.attempts)
  const running = attempts.filter(({ started }) => started.length > 0)
  const ends = running.flatMap((attempt) => overOf(attempt) ?? [])
  return ends.length < running.length ? undefined : last(run, [lostBy, ...ends])
}
