/**
 * What a tool of the zoo is told to do, as data. It says what happens and when; {@link file://./perform.ts} does it.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const isTime = Schema.makeFilter<number | string>(
  (time) =>
    (typeof time === "number"
      ? time >= 0 && Number.isFinite(time)
      : Option.isSome(Duration.fromInput(time as Duration.Input))) ||
    `expected milliseconds or text such as "20 millis", got ${JSON.stringify(time)}`
)

/** Milliseconds, or text such as `"20 millis"`. */
export const Time = Schema.Union([Schema.Number, Schema.String]).check(isTime)

const endings = [
  "answer",
  "refuse",
  "fail",
  "die",
  "throw",
  "interrupt",
  "malformed",
  "twice",
  "flood",
  "never"
] as const
const acts = ["commit", "gate", "ask", "beside", "detach", "block"] as const

/**
 * One step. The endings:
 *
 * - `answer`: with `value` (default: the path of the call and the number of the attempt)
 * - `refuse`, `fail`: with a typed error: `Refused` means that nothing happened, `Broken` says nothing about it
 * - `die`: with a defect (of a promise: a rejection)
 * - `throw`: throws; without `after`, before the handler has returned
 * - `interrupt`: interrupts itself (a promise: rejects with an `AbortError`, though nobody aborted it)
 * - `malformed`: answers with something that its schema forbids
 * - `twice`: answers twice, the second time with something else
 * - `flood`: answers with a list of `items` (default 10,000) texts
 * - `never`: never ends by itself
 *
 * The acts, after which it goes on with `next` (default: answers at once):
 *
 * - `commit`: changes the world
 * - `gate`: passes the gate; there it does what `does` says (default: it commits at once), at most for `timeout`; how that ends is how the
 *   handler goes on: with `next`, or with its error
 * - `ask`: asks a person for a number, `times` (default 1) at once, who have until it `expires`; denied, it goes on all the same, or ends
 *   there if it `must` know. For Effects that do not act at start
 * - `beside`: does what `does` says beside `next`, and waits for both
 * - `detach`: lets something go that commits `for` later, or does what `does` says, whatever becomes of the attempt
 * - `block`: holds the event loop for `for`, by the real clock
 */
export interface Step {
  /** When, from the start or the step before. Default: at once, in the same tick. */
  readonly after?: number | string
  readonly then: (typeof endings)[number] | (typeof acts)[number]
  readonly value?: Schema.Json
  readonly items?: number
  readonly for?: number | string
  readonly does?: Step
  readonly timeout?: number | string
  readonly times?: number
  readonly expires?: number | string
  readonly must?: boolean
  readonly next?: Step
}

/**
 * How an effect is undone: after a while it is (`end`), or that fails, dies or never ends; `deaf`: it is undone, and is not interrupted
 * meanwhile.
 */
const Undo = Schema.Struct({
  after: Schema.optionalKey(Time),
  then: Schema.Literals(["end", "fail", "die", "never", "deaf"])
})

/** What a probe answers after a while: it looks and tells the truth (`tell`), says `yes` or `no` without looking, or gives no answer. */
const Probe = Schema.Struct({
  after: Schema.optionalKey(Time),
  then: Schema.Literals(["tell", "yes", "no", "fail", "die", "never"])
})

const step = {
  after: Schema.optionalKey(Time),
  then: Schema.Literals([...endings, ...acts]),
  value: Schema.optionalKey(Schema.Json),
  items: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))),
  for: Schema.optionalKey(Time),
  does: Schema.optionalKey(Schema.suspend((): Schema.Codec<Step> => Step)),
  timeout: Schema.optionalKey(Time),
  times: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 }))),
  expires: Schema.optionalKey(Time),
  must: Schema.optionalKey(Schema.Boolean),
  next: Schema.optionalKey(Schema.suspend((): Schema.Codec<Step> => Step))
}

export const Step = Schema.Struct(step)

export const Behaviour = Schema.Struct({
  ...step,
  deaf: Schema.optionalKey(Schema.Boolean),
  onStop: Schema.optionalKey(
    Schema.Struct({
      after: Schema.optionalKey(Time),
      then: Schema.Literals(["end", "answer", "commit", "gate", "fail", "die", "never"])
    })
  ),
  cleanup: Schema.optionalKey(
    Schema.Struct({ after: Schema.optionalKey(Time), then: Schema.Literals(["end", "gate", "die", "never"]) })
  ),
  undo: Schema.optionalKey(Undo),
  probe: Schema.optionalKey(Probe),
  spend: Schema.optionalKey(Schema.Record(Schema.String, Schema.Number))
})

export type Behaviour = typeof Behaviour.Type

export const Script = Schema.Union([Behaviour, Schema.Struct({ attempts: Schema.NonEmptyArray(Behaviour) })])

export type Script = typeof Script.Type

/** What an attempt does, counted from 1: the last behaviour goes on. */
export const behaviourOf = (script: Script, attempt: number): Behaviour =>
  "attempts" in script ? script.attempts[Math.min(attempt, script.attempts.length) - 1]! : script

/** Milliseconds; 0 if absent. */
export const millisOf = (time: number | string | undefined): number =>
  time === undefined ? 0 : Duration.toMillis(Duration.fromInputUnsafe(time as Duration.Input))

/** A typed error of the zoo: nothing happened. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", { message: Schema.String }) {}

/** A typed error of the zoo that says nothing about what happened. */
export class Broken extends Schema.TaggedError<Broken>()("Broken", { message: Schema.String }) {}
