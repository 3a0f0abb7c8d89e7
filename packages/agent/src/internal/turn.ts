/**
 * From the calls of one turn to one plan, and from its report back: exactly one result for every id. What cannot be planned (an unknown
 * tool, parameters that its schema refuses, a faulty plan) has its result at once, and takes nothing from the others.
 */
import { Plan, PlanDocument, Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import { type Asked, modelOutput, type Result } from "./ai.ts"
import type { Call } from "../Agent.ts"
import { fanoutName, type Kit, policyName } from "./kit.ts"
import { faulty, gravity, isSuccess, refused, told, type Told } from "./words.ts"

/** A call that stands in the plan of its turn. */
export interface Planned extends Call {
  /** Its id in the plan, where nobody else makes that. */
  readonly key: string
  /** Of a declared plan. */
  readonly settings: PlanDocument.Settings | undefined
}

/** A turn: what is to run, and the results of what is not. */
export interface Turn {
  readonly asked: ReadonlyArray<Asked>
  readonly planned: ReadonlyArray<Planned>
  readonly refused: ReadonlyMap<string, Told>
}

const isRecord = (u: unknown): u is { readonly [key: string]: unknown } =>
  typeof u === "object" && u !== null && !Array.isArray(u)

/** What nests deeper than this nobody means; and what reads JSON here and elsewhere has a stack. */
const deepest = 100

/** A list instead of recursion: that is what it is about. */
const isTooDeep = (json: unknown): boolean => {
  let level = [json]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return true
    level = level.flatMap((one): Array<unknown> => (typeof one === "object" && one !== null ? Object.values(one) : []))
  }
  return false
}

/** Calls by id: the same call under the same id is one; other calls under one id cannot be told apart afterwards. */
const unique = (
  asked: ReadonlyArray<Asked>
): { readonly first: ReadonlyArray<Asked>; readonly clashes: ReadonlySet<string> } => {
  const first = new Map<string, Asked>()
  const clashes = new Set<string>()
  for (const call of asked) {
    const before = first.get(call.id)
    if (before === undefined) first.set(call.id, call)
    else if (before.name !== call.name || !isSame(before.params, call.params)) clashes.add(call.id)
  }
  return { first: [...first.values()], clashes }
}

const isSame = (one: unknown, other: unknown): boolean =>
  !isTooDeep(one) && !isTooDeep(other) && JSON.stringify(one) === JSON.stringify(other)

export const readTurn = (kit: Kit, asked: ReadonlyArray<Asked>): Effect.Effect<Turn> =>
  Effect.gen(function* () {
    const { clashes, first } = unique(asked)
    const planned: Array<Planned> = []
    const refusals = new Map<string, Told>()
    const keys = new Set<string>()
    for (const call of first) {
      const read = clashes.has(call.id)
        ? refused("another call of this turn has the same id, so neither was run: call again, with ids of their own")
        : yield* readCall(kit, call, keyOf(call, keys))
      if ("outcome" in read) refusals.set(call.id, read)
      else planned.push(read)
    }
    // settings are those of the whole fan-out
    const kept = planned.filter((call) => {
      const set = call.settings === undefined ? [] : Object.keys(call.settings)
      if (set.length === 0 || planned.length === 1) return true
      refusals.set(
        call.id,
        refused(`${set.join(", ")} hold for a whole turn: leave them out, or make this the only call of its turn`)
      )
      return false
    })
    return { asked: first, planned: kept, refused: refusals }
  })

/** The turn without some of its calls. */
export const without = (turn: Turn, dropped: ReadonlyMap<string, Told>): Turn => ({
  ...turn,
  planned: turn.planned.filter(({ id }) => !dropped.has(id)),
  refused: new Map([...turn.refused, ...dropped])
})

/** The id of the call where an id of a plan may be that, and no other has it. */
const keyOf = ({ id }: Asked, taken: Set<string>): string => {
  const isFit = /^[A-Za-z_][\w.-]{0,127}$/.test(id) && !["__proto__", "constructor", "prototype"].includes(id)
  let key = isFit ? id : `call_${taken.size + 1}`
  while (taken.has(key)) key += "_"
  taken.add(key)
  return key
}

const readCall = (kit: Kit, asked: Asked, key: string): Effect.Effect<Planned | Told> => {
  const { id, name } = asked
  if (isTooDeep(asked.params)) {
    return Effect.succeed(refused(`its parameters nest deeper than ${deepest} levels: make them flatter`))
  }
  // what a model writes where there are no parameters
  const params = asked.params === undefined || asked.params === null || asked.params === "" ? {} : asked.params
  if (kit.takesPlans && name === fanoutName) return readPlan(kit, id, key, params)
  const tool = kit.tools.get(name)
  if (tool === undefined) {
    const names = [...kit.tools.keys(), ...(kit.takesPlans ? [fanoutName] : [])]
    return Effect.succeed(
      refused(`no tool is named ${JSON.stringify(name)}; there is: ${names.length === 0 ? "none" : names.join(", ")}`)
    )
  }
  const { bare, policy } = kit.takesPolicy.has(name) ? split(params) : { bare: params, policy: undefined }
  if (policy !== undefined && policy !== "essential" && policy !== "advisory") {
    return Effect.succeed(
      refused(`/${policyName}: "essential" or "advisory", or leave it out; not ${JSON.stringify(policy)}`)
    )
  }
  const encoded = kit.strict.has(name) ? withoutNulls(kit, name, bare) : bare
  return PlanDocument.decode({ toolscope: 1, plan: { call: name, params: encoded } }, [tool]).pipe(
    Effect.map(({ plan }): Planned => ({ id, key, name, tool, params: encoded, policy, plan, settings: undefined })),
    Effect.catch(({ faults }) => Effect.succeed(faulty(faults, "/plan/params")))
  )
}

const withoutNulls = (kit: Kit, name: string, params: unknown): unknown => {
  const document = { plan: { call: name, params } }
  const { plan } = PlanDocument.fromStrict(document, [...kit.tools.values()]) as {
    readonly plan: { readonly params: unknown }
  }
  return plan.params
}

const split = (params: unknown): { readonly bare: unknown; readonly policy: unknown } => {
  if (!isRecord(params)) return { bare: params, policy: undefined }
  const { [policyName]: policy, ...bare } = params
  return { bare, policy: policy ?? undefined }
}

const readPlan = (kit: Kit, id: string, key: string, params: unknown): Effect.Effect<Planned | Told> => {
  const tools = [...kit.tools.values()]
  return PlanDocument.decode(PlanDocument.fromStrict(params, tools), tools).pipe(
    Effect.map(({ plan, settings }): Planned => ({
      id,
      key,
      name: fanoutName,
      tool: undefined,
      params,
      policy: undefined,
      plan,
      settings
    })),
    Effect.catch(({ faults }) => Effect.succeed(faulty(faults)))
  )
}

/** What the model said of each call; where it said nothing, each runs to its end. */
export const asDeclared = (calls: ReadonlyArray<Planned>): Plan.Plan<unknown, unknown, any> =>
  Plan.all(
    Object.fromEntries(
      calls.map(({ key, plan, policy }) => [
        key,
        policy === "essential" ? plan : policy === "advisory" ? Plan.advisory(plan) : Plan.settled(plan)
      ])
    )
  ) as Plan.Plan<unknown, unknown, any>

/** Where the calls of a plan stand: the index of the planned call, by path. */
export interface Standing {
  readonly byPath: ReadonlyMap<string, number>
  /** The nodes that declared plans are, by their index. */
  readonly roots: ReadonlyMap<number, string>
}

export const standingOf = (plan: Plan.Any, planned: ReadonlyArray<Planned>): Standing => {
  const byPath = new Map<string, number>()
  const roots = new Map<number, string>()
  const places = Plan.places(
    plan,
    planned.map(({ plan }) => plan)
  )
  const strangers = places.filter(({ part, tool }) => part === undefined && tool !== undefined)
  for (const { id, isPart, node, part, tool } of places) {
    if (part === undefined) continue
    if (isPart && !roots.has(part)) roots.set(part, node)
    if (tool !== undefined) byPath.set(id, part)
  }
  // a policy that made the call of a tool anew, in place of the plan that it was given for it
  planned.forEach(({ tool }, part) => {
    if (roots.has(part) || tool === undefined) return
    const at = strangers.findIndex((place) => place.tool === tool)
    if (at === -1) return
    const [place] = strangers.splice(at, 1)
    roots.set(part, place!.node)
    byPath.set(place!.id, part)
  })
  return { byPath, roots }
}

/** One result for every id, in the order of the calls. */
export const resultsOf = (turn: Turn, standing: Standing, report: Report.Report): ReadonlyArray<Result> => {
  const json = Report.toJson(report)
  return turn.asked.map(({ id, name }): Result => {
    const no = turn.refused.get(id)
    if (no !== undefined) return { id, name, isFailure: true, result: no }
    const part = turn.planned.findIndex((call) => call.id === id)
    const calls = json.calls.flatMap((call, i) =>
      standing.byPath.get(call.id) === part ? [{ call, report: report.calls[i]! }] : []
    )
    const planned = turn.planned[part]
    const node = standing.roots.get(part)
    if (planned === undefined || node === undefined) {
      return { id, name, isFailure: true, result: refused("the application's own policy left it out of this turn") }
    }
    if (planned.tool === undefined) return { id, name, ...ofPlan(planned.key, node, calls, json) }
    // a policy may run a call more than once: the one that was used counts
    const { call, report: own } =
      calls.find(({ call }) => call.used && isSuccess(call)) ??
      calls.find(({ call }) => isSuccess(call)) ??
      calls.reduce((one, other) => (gravity(other.call) > gravity(one.call) ? other : one))
    if (!isSuccess(call)) return { id, name, isFailure: true, result: told(call, own.outcome) }
    const shown = own.outcome._tag === "Succeeded" ? modelOutput(planned.tool, own.outcome.value) : undefined
    return {
      id,
      name,
      isFailure: false,
      result: call.value ?? null,
      ...(shown === undefined ? {} : { modelOutput: shown })
    }
  })
}

const ofPlan = (
  key: string,
  node: string,
  calls: ReadonlyArray<{ readonly call: Report.Json["calls"][number]; readonly report: Report.CallReport }>,
  json: Report.Json
): Pick<Result, "isFailure" | "result"> => {
  const decided = json.nodes.find((one) => one.node === node)?.decision ?? calls[0]?.call.verdict ?? "succeeded"
  const isFailure = decided !== "succeeded" && decided !== "some"
  // as the model has named them
  const own = (id: string) => (id.startsWith(`/${key}`) ? id.slice(key.length + 1) || "/" : id)
  return {
    isFailure,
    result: {
      plan: isFailure ? "failed" : "succeeded",
      calls: calls.map(({ call, report }) => ({
        id: own(call.id),
        tool: call.tool,
        ...(isSuccess(call) ? { value: call.value ?? null } : told(call, report.outcome))
      }))
    }
  }
}

/** Nothing of the turn was started: one result for every id all the same. */
export const allRefused = (turn: Turn, why: string): ReadonlyArray<Result> =>
  turn.asked.map(({ id, name }) => ({ id, name, isFailure: true, result: turn.refused.get(id) ?? refused(why) }))
