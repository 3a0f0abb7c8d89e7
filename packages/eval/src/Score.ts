/**
 * The score of a scenario: the ledger of its tools against what the runner claims. A pure function of the two.
 *
 * It never judges how long something took, but for one generous bound per scenario: who is merely slow is no liar.
 *
 * @since 0.1.0
 */
import { groupBy } from "./internal/groupBy.ts"
import { isTool, type Line, type ToolLine } from "./Ledger.ts"
import { type Claim, statuses } from "./Runner.ts"
import type { Behaviour, Scenario } from "./Scenario.ts"

/**
 * What is looked at.
 *
 * | check | fails where |
 * | --- | --- |
 * | `return` | it has not returned within the bound |
 * | `late` | an effect lands after it has returned, though its tool ended in the time that stopped calls may take, or nobody said that it may still act |
 * | `cleanup` | a cleanup had not ended, a tool that hears had not been told, or something ran on and nobody said so |
 * | `afterAbort` | an attempt starts after the abort, or after the return |
 * | `lost` | a call of which it says nothing, or that never ran though nothing stood in its way |
 * | `status` | a status that the ledger contradicts |
 * | `malformed` | a malformed answer that it passes on as a success |
 * | `twice` | an effect of one call that lands more than once |
 * | `questions` | a question that its caller is not shown, or that is gone |
 * | `answers` | an approved call that did not run once, or one that ran without a yes |
 * | `spend` | more attempts than the budget, or a return long after its end |
 * | `crash` | an error that nobody caught |
 *
 * @since 0.1.0
 */
export const checks = [
  "return",
  "late",
  "cleanup",
  "afterAbort",
  "lost",
  "status",
  "malformed",
  "twice",
  "questions",
  "answers",
  "spend",
  "crash"
] as const

/**
 * @since 0.1.0
 */
export type Check = (typeof checks)[number]

/**
 * @since 0.1.0
 */
export interface Mark {
  readonly check: Check
  readonly verdict: "passed" | "failed"
  /** Calls that it is about. */
  readonly calls: ReadonlyArray<string>
  /** What happened, in a few words; empty if nothing did. */
  readonly detail: string
}

/**
 * One return of a runner.
 *
 * @since 0.1.0
 */
export interface Return {
  readonly turn: number
  /** Milliseconds from the start of its turn, or from the answer, to the return. `undefined`: it never did. */
  readonly after: number | undefined
  /** Milliseconds since the abort, if there was one. */
  readonly afterAbort: number | undefined
  readonly threw: boolean
  readonly error: string | undefined
  readonly claims: ReadonlyArray<Claim>
  /** Calls whose questions were open. */
  readonly questions: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 */
export interface Score {
  readonly marks: ReadonlyArray<Mark>
  readonly returns: ReadonlyArray<Return>
  /** The most attempts that ran at the same time. */
  readonly concurrent: number
  /** Attempts that started. */
  readonly attempts: number
  /** How often each call started. */
  readonly starts: { readonly [call: string]: number }
}

/** A stretch of the ledger in which the runner works: from the start of a turn, or an answer, to its return. */
interface Stretch {
  readonly begins: "turn" | "answered"
  readonly turn: number
  readonly from: number
  readonly abort: number | undefined
  /** `Infinity`: never. */
  readonly to: number
  readonly returned: (Line & { readonly what: "returned" }) | undefined
}

const stretchesOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Stretch> => {
  const found: Array<Stretch> = []
  let open: (Pick<Stretch, "begins" | "turn" | "from"> & { abort: number | undefined }) | undefined
  const close = (returned: Stretch["returned"]) => {
    if (open !== undefined) found.push({ ...open, to: returned?.at ?? Infinity, returned })
    open = undefined
  }
  for (const line of lines) {
    if (line.what === "turn" || line.what === "answered") {
      open = { begins: line.what, turn: line.turn, from: line.at, abort: undefined }
    } else if (line.what === "aborted" && open !== undefined) open.abort = line.at
    else if (line.what === "returned") close(line)
  }
  close(undefined)
  return found
}

/** One attempt of a tool, from its lines. */
interface Attempt {
  readonly call: string
  readonly turn: number
  readonly lines: ReadonlyArray<ToolLine>
  readonly started: number
  readonly signalled: number | undefined
  readonly ended: (ToolLine & { readonly what: "ended" }) | undefined
  readonly effect: number | undefined
}

const attemptsOf = (lines: ReadonlyArray<Line>): ReadonlyArray<Attempt> => {
  const byAttempt = groupBy(lines.filter(isTool), ({ attempt, call }) => `${call} ${attempt}`)
  return [...byAttempt.values()].map((own) => ({
    call: own[0]!.call,
    turn: own[0]!.turn,
    lines: own,
    started: own[0]!.at,
    signalled: own.find(({ what }) => what === "signalled")?.at,
    ended: own.find((line): line is Attempt["ended"] & {} => line.what === "ended"),
    effect: own.find(({ what }) => what === "effect")?.at
  }))
}

const mostAtOnce = (attempts: ReadonlyArray<Attempt>): number =>
  attempts.reduce((most, { started }) => {
    const running = attempts.filter((each) => each.started <= started && (each.ended?.at ?? Infinity) > started)
    return Math.max(most, running.length)
  }, 0)

/**
 * Scores a ledger.
 *
 * @since 0.1.0
 */
export const score = (scenario: Scenario, lines: ReadonlyArray<Line>): Score => {
  const stretches = stretchesOf(lines)
  const attempts = attemptsOf(lines)
  const world: World = { scenario, lines, stretches, attempts }
  const marks = checks.flatMap((check) => {
    const found = rules[check](world)
    if (found === undefined) return []
    const verdict: Mark["verdict"] = found.length === 0 ? "passed" : "failed"
    const calls = [...new Set(found.flatMap(({ call }) => (call === undefined ? [] : [call])))]
    return [{ check, verdict, calls, detail: found.map(({ what }) => what).join("; ") }]
  })
  return {
    marks,
    returns: stretches.map(({ abort, from, returned, to, turn }) => ({
      turn,
      after: returned === undefined ? undefined : Math.round(to - from),
      afterAbort: returned === undefined || abort === undefined ? undefined : Math.round(to - abort),
      threw: returned?.threw ?? false,
      error: returned?.error,
      claims: returned?.claims ?? [],
      questions: returned?.questions.map(({ call }) => call) ?? []
    })),
    concurrent: mostAtOnce(attempts),
    attempts: attempts.length,
    starts: Object.fromEntries([...groupBy(attempts, ({ call }) => call)].map(([call, own]) => [call, own.length]))
  }
}

interface World {
  readonly scenario: Scenario
  readonly lines: ReadonlyArray<Line>
  readonly stretches: ReadonlyArray<Stretch>
  readonly attempts: ReadonlyArray<Attempt>
}

interface Fault {
  readonly call?: string
  readonly what: string
}

/** `undefined`: there is nothing to look at. */
type Rule = (world: World) => ReadonlyArray<Fault> | undefined

/** An answer that it did not take: it throws, and starts nothing. What the caller had been told before stands. */
const isRefusal = ({ attempts }: World, { begins, from, returned, to }: Stretch): boolean =>
  begins === "answered" && returned?.threw === true && !attempts.some(({ started }) => started >= from && started <= to)

/** The last stretch of each turn: what the caller is left with. */
const lastOf = (world: World): ReadonlyArray<Stretch> =>
  world.stretches.filter((each) => !isRefusal(world, each)).filter((each, i, all) => all[i + 1]?.turn !== each.turn)

const callsOf = ({ lines }: World, turn: number): ReadonlyArray<string> =>
  lines.flatMap((line) => (line.what === "turn" && line.turn === turn ? line.calls : []))

const claimOf = (stretch: Stretch | undefined, call: string): Claim | undefined =>
  stretch?.returned?.claims.find((claim) => claim.call === call)

/** Did it end so soon after it was stopped that it had to be waited for? */
const endsInTime = ({ scenario }: World, stretch: Stretch, { ended, signalled }: Attempt): boolean =>
  ended !== undefined &&
  ended.at - Math.min(signalled ?? Infinity, stretch.abort ?? Infinity, stretch.to) <= scenario.drain

/** May it say that this attempt runs on? It told what hears, and gave it its time. */
const isLeftBehind = (world: World, stretch: Stretch, attempt: Attempt): boolean => {
  const isTold = world.scenario.tools[attempt.call]?.hears !== true || (attempt.signalled ?? Infinity) <= stretch.to
  return isTold && !endsInTime(world, stretch, attempt)
}

/** Calls that never ran, and had to: no question held them, no abort, and of a queue not even the first started. */
const idleOf = ({ attempts, lines, scenario }: World, turn: number, calls: ReadonlyArray<string>) => {
  const free = calls.filter((call) => scenario.tools[call]?.asks !== true)
  const idle = free.filter((call) => !attempts.some((each) => each.call === call && each.turn === turn))
  const isAborted = lines.some((line) => line.what === "aborted" && line.turn === turn)
  const room = isAborted ? Math.min(scenario.concurrency ?? Infinity, free.length) : free.length
  return free.length - idle.length >= room ? [] : idle
}

/** The stretch during which, or after whose return, something happened. */
const stretchAt = (stretches: ReadonlyArray<Stretch>, turn: number, at: number): Stretch | undefined =>
  stretches.findLast((each) => each.turn === turn && each.from <= at)

const seconds = (millis: number): string => `${(millis / 1000).toFixed(2)} s`

const hasTool = ({ scenario }: World, is: (tool: Scenario["tools"][string]) => boolean | undefined): boolean =>
  Object.values(scenario.tools).some((tool) => is(tool) === true)

const rules: { readonly [C in Check]: Rule } = {
  return: ({ scenario, stretches }) =>
    stretches.flatMap(({ abort, from, to }) => {
      if (to === Infinity) return [{ what: `it had not returned after ${seconds(scenario.watchdog)}` }]
      const took = to - Math.max(from, abort ?? 0)
      return took <= scenario.within ? [] : [{ what: `it returned after ${seconds(took)}` }]
    }),

  late: (world) =>
    hasTool(world, ({ acts }) => acts)
      ? world.attempts.flatMap(({ call, effect, turn }) => {
          if (effect === undefined) return []
          const stretch = stretchAt(world.stretches, turn, effect)
          if (stretch === undefined || effect <= stretch.to) return []
          const stop = Math.min(stretch.abort ?? stretch.to, stretch.to)
          const claim = claimOf(stretch, call)
          const isAnnounced = claim?.running === true && claim.status === "unknown"
          if (isAnnounced && effect - stop > world.scenario.drain) return []
          return [{ call, what: `${call} acted ${seconds(effect - stretch.to)} after the return` }]
        })
      : undefined,

  cleanup: (world) =>
    world.attempts.flatMap((attempt) => {
      const { call, ended, signalled, started, turn } = attempt
      const { stretches } = world
      const stretch = stretchAt(stretches, turn, started)
      // who never returns has left nothing
      if (stretch === undefined || stretch.to === Infinity || started > stretch.to) return []
      if (ended !== undefined && ended.at <= stretch.to) return []
      if (claimOf(stretch, call)?.running === true && isLeftBehind(world, stretch, attempt)) return []
      const how = signalled === undefined || signalled > stretch.to ? "had not been told" : "was not waited for"
      return [{ call, what: `${call} ran on and ${how}` }]
    }),

  afterAbort: ({ attempts, lines, stretches }) =>
    attempts.flatMap(({ call, lines: own, started, turn }) => {
      const stretch = stretchAt(stretches, turn, started)
      if (stretch === undefined) return []
      if (started > stretch.to) return [{ call, what: `${call} started after the return` }]
      // an answer that comes after an abort is a caller who wants something again
      if (stretch.abort === undefined) return []
      // two things of one tick have one time: the order of the ledger decides
      const abort = lines.findIndex((line) => line.what === "aborted" && line.turn === turn)
      return abort !== -1 && lines.indexOf(own[0]!) > abort ? [{ call, what: `${call} started after the abort` }] : []
    }),

  lost: (world) =>
    lastOf(world).flatMap((stretch) => {
      if (stretch.returned === undefined) return []
      // what it was told before, it knows
      const told = world.stretches.filter(({ turn }) => turn === stretch.turn)
      const calls = callsOf(world, stretch.turn)
      const untold = calls
        .filter((call) => claimOf(stretch, call) === undefined)
        .filter((call) => !told.some((each) => (claimOf(each, call)?.status ?? "waiting") !== "waiting"))
      const idle = idleOf(world, stretch.turn, calls).filter((call) => !untold.includes(call))
      return [
        ...untold.map((call) => ({ call, what: call })),
        ...idle.map((call) => ({ call, what: `${call} never ran, and nothing stood in its way` }))
      ]
    }),

  status: (world) =>
    world.stretches.flatMap((stretch) =>
      (stretch.returned?.claims ?? []).flatMap((claim) => {
        const wrong = contradiction(world, stretch, claim)
        return wrong === undefined
          ? []
          : [{ call: claim.call, what: `${claim.call} is called ${claim.status}, but ${wrong}` }]
      })
    ),

  malformed: (world) =>
    hasTool(world, ({ then }) => then === "malformed")
      ? world.stretches.flatMap((stretch) =>
          (stretch.returned?.claims ?? [])
            .filter(({ call, status }) => status === "succeeded" && world.scenario.tools[call]?.then === "malformed")
            .map(({ call }) => ({ call, what: `${call} is passed on as a success` }))
        )
      : undefined,

  twice: (world) =>
    hasTool(world, ({ acts }) => acts)
      ? [...groupBy(world.attempts, ({ call, turn }) => `${turn} ${call}`).values()].flatMap((own) => {
          const effects = own.filter(({ effect }) => effect !== undefined).length
          return effects < 2 ? [] : [{ call: own[0]!.call, what: `${own[0]!.call} acted ${effects} times` }]
        })
      : undefined,

  questions: (world) => {
    if (!hasTool(world, ({ asks }) => asks)) return undefined
    const given = new Map<string, boolean>()
    return world.stretches.flatMap((stretch) => {
      for (const line of world.lines) {
        if (line.what === "answered" && line.at <= stretch.from && line.turn === stretch.turn) {
          for (const [call, answer] of Object.entries(line.answers)) given.set(call, answer)
        }
      }
      if (stretch.returned === undefined || isRefusal(world, stretch)) return []
      const { questions } = stretch.returned
      const open = callsOf(world, stretch.turn).filter(
        (call) => world.scenario.tools[call]?.asks === true && !given.has(call)
      )
      const gone = open.filter((call) => !questions.some((each) => each.call === call))
      const ids = new Set(questions.map(({ id }) => id))
      return [
        ...gone.map((call) => ({ call, what: `the question of ${call} is not shown` })),
        ...(ids.size < questions.length ? [{ what: "two questions have one id" }] : [])
      ]
    })
  },

  answers: (world) => {
    const answered = world.lines.filter((line) => line.what === "answered")
    if (answered.length === 0) return undefined
    const asking = Object.entries(world.scenario.tools).filter(([, { asks }]) => asks === true)
    return asking.flatMap(([call]) => {
      const starts = world.attempts.filter((attempt) => attempt.call === call)
      const yes = answered.find(({ answers }) => answers[call] === true)
      if (yes === undefined) return starts.length === 0 ? [] : [{ call, what: `${call} ran, and nobody had agreed` }]
      const early = starts.some(({ started }) => started < yes.at)
      if (early) return [{ call, what: `${call} ran before anybody had agreed` }]
      if (starts.length === 1) return []
      return [
        {
          call,
          what: starts.length === 0 ? `${call} was approved and never ran` : `${call} ran ${starts.length} times`
        }
      ]
    })
  },

  spend: ({ attempts, scenario: { budget }, stretches }) => {
    if (budget === undefined) return undefined
    const took = Math.max(...stretches.map(({ from, to }) => to - from))
    return [
      ...(attempts.length > budget.attempts ? [{ what: `${attempts.length} attempts of ${budget.attempts}` }] : []),
      ...(took > 2 * budget.millis ? [{ what: `${seconds(took)} of ${seconds(budget.millis)}` }] : [])
    ]
  },

  crash: ({ lines }) => lines.flatMap((line) => (line.what === "uncaught" ? [{ what: line.error }] : []))
}

/** What the ledger says against a claim; `undefined` if nothing does. */
const contradiction = (world: World, stretch: Stretch, claim: Claim): string | undefined => {
  const tool = world.scenario.tools[claim.call]
  if (tool === undefined || !callsOf(world, stretch.turn).includes(claim.call)) return "there is no such call"
  // who says two things of a call has told nobody what became of it
  if (claimOf(stretch, claim.call) !== claim) return "it has been claimed before"
  const own = world.attempts.filter(({ call, turn }) => call === claim.call && turn === stretch.turn)
  const until = own.filter(({ started }) => started <= stretch.to)
  const ends = until.flatMap(({ ended }) => (ended !== undefined && ended.at <= stretch.to ? [ended] : []))
  const acted = own.some(({ effect }) => effect !== undefined)
  const actedLater = own.some(({ effect }) => effect !== undefined && effect > stretch.to)
  const answered = ends.find(({ how }) => how === "answered")
  const isInTime = answered !== undefined && isBefore(answered, until, stretch, tool)
  const act = actedLater ? "it acted after the return" : "it acted"
  if (claim.running === true) {
    if (until.length === 0) return "said to run on, and it never started"
    if (until.every((each) => (each.ended?.at ?? Infinity) <= stretch.to && endsInTime(world, stretch, each))) {
      return "said to run on, and it had ended"
    }
  }
  switch (claim.status) {
    case "succeeded": {
      if (until.length === 0) return "it never started"
      if (ends.some(({ how }) => how === "malformed")) return undefined
      if (answered === undefined) return ends.length === 0 ? "it had not ended" : `it ${ends.at(-1)!.how}`
      return textOf(claim.value) === claim.call ? undefined : "its value is not what it answered"
    }
    case "failed":
      if (until.length === 0) return "it never started"
      if (acted) return act
      return isInTime ? "it answered" : undefined
    case "cancelled":
      if (acted) return act
      return isInTime ? "it answered before it was stopped" : undefined
    case "unknown":
      if (until.length === 0) return "it never started"
      if (tool.acts !== true) return "it only reads"
      return isInTime ? "it answered before it was stopped" : undefined
    case "notStarted":
      // of a planner that plans again and again the claims are those of its last turn
      return until.length === 0 || world.scenario.budget !== undefined ? undefined : "it started"
    case "denied":
      if (until.length > 0) return "it started"
      return isRejected(world, stretch, claim.call) ? undefined : "nobody had said no"
    case "waiting":
      return until.length === 0 ? undefined : "it started"
    default:
      return `there is no such status: ${statuses.join(", ")}`
  }
}

const isRejected = ({ lines }: World, { to, turn }: Stretch, call: string): boolean =>
  lines.some((line) => line.what === "answered" && line.turn === turn && line.at <= to && line.answers[call] === false)

/** Did it answer before anybody wanted it to stop, and before its time was up? */
const isBefore = (
  answered: ToolLine,
  attempts: ReadonlyArray<Attempt>,
  { abort }: Stretch,
  { timeout = Infinity }: Behaviour
): boolean => {
  const started = attempts.find(({ ended }) => ended === answered)?.started ?? 0
  return answered.at < (abort ?? Infinity) && answered.at - started < timeout
}

/** Runners may wrap or print what a tool answered: the text of it must be there. */
const textOf = (value: unknown): string | undefined => {
  if (typeof value === "object" && value !== null && "text" in value) return String(value.text)
  if (typeof value !== "string") return undefined
  try {
    return textOf(JSON.parse(value))
  } catch {
    return value
  }
}
