/**
 * Smaller scenarios, the boldest cuts first. Each is honest if the one it comes from is: no cut makes a tool act under a contract that says
 * it only reads. Not each is valid: who takes one decodes its plan.
 */
import type { Move, Scenario, SessionScenario } from "../../Arbitraries.ts"

type Json = { readonly [key: string]: unknown }
type Path = ReadonlyArray<string | number>

const isObject = (u: unknown): u is Json => typeof u === "object" && u !== null && !Array.isArray(u)

/** Keys whose value is a list of children, and keys whose value is one node. */
const lists = ["all", "of", "firstSuccess"]
const singles = ["advisory", "settled", "atomic", "of"]
const optional = [
  "retry",
  "timeout",
  "agree",
  "grace",
  "stagger",
  "onStop",
  "cleanup",
  "deaf",
  "value",
  "surplus",
  "undo",
  "probe",
  "spend",
  "strict",
  "next",
  "after",
  "times",
  "expires",
  "must"
]

export function* smaller(scenario: Scenario): Generator<Scenario> {
  const { interruption, plan, schedule, tools, ...rest } = scenario
  const node = (plan as Json).plan as Json
  const withPlan = (node: unknown): Scenario => ({ ...scenario, plan: { ...(plan as object), plan: node as never } })

  for (const [path, at] of nodes(node)) {
    for (const inner of innerNodes(at)) yield withPlan(put(node, path, keepId(at, inner)))
  }
  for (const [path, at] of nodes(node)) {
    for (const key of lists) {
      const list = at[key]
      if (!Array.isArray(list)) continue
      for (let i = 0; i < list.length; i++) {
        const quorum =
          typeof at.quorum === "number" ? { quorum: Math.max(1, Math.min(at.quorum, list.length - 1)) } : {}
        yield withPlan(put(node, path, { ...at, ...quorum, [key]: list.toSpliced(i, 1) }))
      }
    }
  }
  if (interruption !== undefined) yield { ...rest, plan, schedule, tools }
  if (schedule.order !== "plain" || Object.keys(schedule).length > 2) {
    yield { ...scenario, schedule: { order: "plain", seed: 0 } }
    const { changes: _, yields: __, ...simpler } = schedule
    if (Object.keys(schedule).length > 2) yield { ...scenario, schedule: simpler }
  }
  for (const key of ["drain", "undo", "concurrency"])
    if (key in (plan as Json)) yield { ...scenario, plan: without(plan as Json, key) as never }

  for (const [path, at] of nodes(node)) {
    if (typeof at.call !== "string") {
      for (const key of ["agree", "grace"]) if (key in at) yield withPlan(put(node, path, without(at, key)))
      continue
    }
    if (!isPlain(at.params)) yield withPlan(put(node, path, { ...at, params: { then: "answer" } }))
    if (at.call !== "reads" && !/"(commit|gate|detach)"/.test(JSON.stringify(at.params))) {
      yield withPlan(put(node, path, { ...at, call: "reads" }))
    }
    const { params } = at
    if (isObject(params) && isObject(params.plan)) {
      // a sub-agent: a plain call in its place, or a smaller plan inside of it
      yield withPlan(put(node, path, { ...at, call: "reads", params: { then: "answer" } }))
      for (const next of smaller({ tools, plan: params.plan as never, schedule: { order: "plain", seed: 0 } }))
        if (next.tools === tools) yield withPlan(put(node, path, { ...at, params: { ...params, plan: next.plan } }))
    }
    if (isObject(params) && Array.isArray(params.attempts)) {
      for (const one of params.attempts as ReadonlyArray<unknown>)
        yield withPlan(put(node, path, { ...at, params: one }))
    }
  }
  for (const [path, at] of objects(node, [])) {
    for (const key of optional) if (key in at) yield withPlan(put(node, path, without(at, key)))
    // at the gate it commits, if nothing else is said; what is let go would do so too, and not at the gate
    if ("does" in at && at.then === "gate") yield withPlan(put(node, path, without(at, "does")))
    // what follows its question
    if (at.then === "ask" && isObject(at.next)) {
      const { expires: _, must: __, times: ___, ...how } = at
      yield withPlan(put(node, path, keepHow(how, at.next)))
    }
    // a part of it alone
    if (isObject(at.does) && isObject(at.next) && at.then === "beside") {
      yield withPlan(put(node, path, keepHow(at, at.does)))
      yield withPlan(put(node, path, keepHow(at, at.next)))
    }
    for (const [key, value] of Object.entries(at)) {
      if (typeof value !== "number" || value <= 0 || key === "quorum" || key === "value") continue
      for (const less of value > 100 ? [100, 10] : value > 10 ? [10] : [])
        yield withPlan(put(node, path, { ...at, [key]: less }))
    }
  }
  for (const name of Object.keys(tools)) {
    if (!JSON.stringify(node).includes(`"call":"${name}"`)) yield { ...scenario, tools: without(tools, name) as never }
    else {
      const { drives: _, ...plain } = tools[name]!
      const { approval: __, ...free } = tools[name]!
      if (tools[name]!.drives !== undefined) yield { ...scenario, tools: { ...tools, [name]: plain } }
      if (tools[name]!.approval !== undefined) yield { ...scenario, tools: { ...tools, [name]: free } }
    }
  }
}

/** Smaller sessions: fewer moves, smaller plans, fewer limits. */
export function* smallerSession(scenario: SessionScenario): Generator<SessionScenario> {
  const { planner, schedule, session, tools } = scenario
  const withMove = (i: number, move: Move): SessionScenario => ({ ...scenario, planner: planner.with(i, move) })
  for (let i = 0; i < planner.length; i++) yield { ...scenario, planner: planner.toSpliced(i, 1) }
  for (const key of Object.keys(session)) yield { ...scenario, session: without(session, key) }
  for (const [path, at] of objects(session, [])) {
    if (path.length > 0)
      for (const key of Object.keys(at)) yield { ...scenario, session: put(session, path, without(at, key)) as never }
  }
  if (schedule.order !== "plain") yield { ...scenario, schedule: { order: "plain", seed: 0 } }
  for (const [i, { plan, ...move }] of planner.entries()) {
    if (move.despite !== undefined) yield withMove(i, { ...move, plan: plan!, despite: false })
    if (plan === undefined) continue
    const alone = { tools, plan, schedule: { order: "plain", seed: 0 } } as const
    for (const next of smaller(alone)) if (next.tools === tools) yield withMove(i, { ...move, plan: next.plan })
    for (const key of ["budget"])
      if (key in (plan as Json)) yield withMove(i, { ...move, plan: without(plan as Json, key) as never })
  }
  const text = JSON.stringify(planner)
  for (const [name, tool] of Object.entries(tools)) {
    if (!text.includes(`"call":"${name}"`)) yield { ...scenario, tools: without(tools, name) as never }
    for (const key of ["drives", "cost"])
      if (key in tool) yield { ...scenario, tools: { ...tools, [name]: without(tool, key) as never } }
  }
}

/** What a step of the handler was told beside what it does. */
const keepHow = (step: Json, inner: Json): Json => {
  const { after: _, does: __, next: ___, then: ____, ...how } = step
  return { ...how, ...inner }
}

const isPlain = (params: unknown): boolean => JSON.stringify(params) === '{"then":"answer"}'

const without = (object: Json, key: string): Json =>
  Object.fromEntries(Object.entries(object).filter(([k]) => k !== key))

/** A child in the place of its parent: it takes the id of that place. */
const keepId = (place: Json, { id: _, ...inner }: Json): Json => ("id" in place ? { id: place.id, ...inner } : inner)

const innerNodes = (node: Json): ReadonlyArray<Json> => [
  ...lists
    .flatMap((key) => (Array.isArray(node[key]) ? (node[key] as Array<Json>) : []))
    .filter((n) => !("advisory" in n)),
  ...singles.flatMap((key) => (isObject(node[key]) ? [node[key]] : []))
]

/** All nodes of a plan with their paths, outer ones first. */
function* nodes(node: Json, path: Path = []): Generator<readonly [Path, Json]> {
  yield [path, node]
  for (const key of lists) {
    const list = node[key]
    if (Array.isArray(list)) for (let i = 0; i < list.length; i++) yield* nodes(list[i] as Json, [...path, key, i])
  }
  for (const key of singles) {
    const inner = node[key]
    if (isObject(inner)) yield* nodes(inner, [...path, key])
  }
}

function* objects(value: unknown, path: Path): Generator<readonly [Path, Json]> {
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) yield* objects(value[i], [...path, i])
  if (!isObject(value)) return
  yield [path, value]
  for (const [key, inner] of Object.entries(value)) yield* objects(inner, [...path, key])
}

const put = (value: unknown, [first, ...rest]: Path, by: unknown): unknown => {
  if (first === undefined) return by
  if (Array.isArray(value)) return value.with(first as number, put(value[first as number], rest, by))
  return { ...(value as Json), [first]: put((value as Json)[first], rest, by) }
}
