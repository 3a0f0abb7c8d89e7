/**
 * A **snapshot**: what a suspended fan-out needs to go on elsewhere, as plain JSON (`toolscope schema snapshot`).
 *
 * It holds what was decided, what the calls that are over came to, what was asked and answered, and what passed the gate. Who resumes it
 * brings the same plan and the same tools. Calls that are over are not run again; a handler that had asked runs again from its top, with
 * the answers it had got and the effects it had committed in place of doing them again.
 *
 * It may hold parameters, values and answers: keep it as you would keep those. With a {@link Key} it is signed, and one that was changed is
 * refused.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Contract from "./Contract.ts"
import { canonical } from "./internal/json.ts"
import { Json as QuestionJson } from "./Question.ts"

const Amounts = Schema.Record(Schema.String, Schema.Number)
const Failure = Schema.Union([
  Schema.Struct({ of: Schema.Literal("tool"), error: Schema.Json }),
  // of a tool without a failure schema
  Schema.Struct({ of: Schema.Literal("json"), error: Schema.Json }),
  Schema.Struct({
    of: Schema.Literal("toolscope"),
    tag: Schema.String,
    fields: Schema.Record(Schema.String, Schema.Json)
  }),
  Schema.Struct({ of: Schema.Literal("other"), tag: Schema.String, message: Schema.String })
])
const End = Schema.Union([
  // without `json` it answered with nothing
  Schema.Struct({ end: Schema.Literal("success"), json: Schema.optionalKey(Schema.Json) }),
  Schema.Struct({
    end: Schema.Literals(["failure", "malformed", "noAnswer", "notReached", "refused"]),
    error: Schema.optionalKey(Failure)
  })
])
const Stop = Schema.Struct({ source: Schema.String, call: Schema.optionalKey(Schema.String), reason: Schema.String })
const ShortageJson = Schema.Struct({
  name: Schema.String,
  limit: Schema.Number,
  used: Schema.Number,
  asked: Schema.Number
})
const EffectJson = Schema.Struct({
  ordinal: Schema.Int,
  key: Schema.String,
  state: Schema.Literals(["absent", "committed", "compensated", "compensationFailed", "unknown"]),
  order: Schema.Int,
  /** Is it known what it answered? Without `value`: nothing. */
  answered: Schema.Boolean,
  value: Schema.optionalKey(Schema.Json),
  error: Schema.optionalKey(Schema.String),
  /** It is undone as the contract says. */
  undo: Schema.Boolean,
  /** Of a fan-out inside of its handler. */
  adopted: Schema.Boolean
})
const Reply = Schema.Struct({
  ordinal: Schema.Int,
  prompt: Schema.String,
  answer: Schema.optionalKey(Schema.Json),
  denied: Schema.optionalKey(
    Schema.Struct({
      by: Schema.optionalKey(Schema.String),
      reason: Schema.optionalKey(Schema.String),
      expired: Schema.Boolean
    })
  )
})
const CallJson = Schema.Struct({
  id: Schema.String,
  contract: Contract.Data,
  attempts: Schema.Int,
  retries: Schema.Int,
  state: Schema.Literals(["idle", "waiting", "over", "settled"]),
  approved: Schema.Boolean,
  end: Schema.optionalKey(End),
  lastError: Schema.optionalKey(Failure),
  stoppedBy: Schema.optionalKey(Stop),
  /** Why the budget let no attempt, or no further one, start. */
  shortage: Schema.optionalKey(ShortageJson),
  cleanup: Schema.optionalKey(Schema.String),
  late: Schema.Array(Schema.Int),
  leftBehind: Schema.Boolean,
  startedAt: Schema.optionalKey(Schema.Number),
  settledAt: Schema.optionalKey(Schema.Number),
  effects: Schema.Array(EffectJson),
  replies: Schema.Array(Reply),
  /** Ids of what it waits for, those of fan-outs inside of its handler included. */
  open: Schema.Array(Schema.String),
  /** The fan-outs inside of its handler, in the order in which they were started; nothing of one that was refused. */
  nested: Schema.Array(Schema.NullOr(Schema.suspend((): Schema.Codec<Fanout> => FanoutJson)))
})
const EventJson = Schema.Struct({
  type: Schema.String,
  node: Schema.Int,
  result: Schema.optionalKey(Schema.String),
  acted: Schema.optionalKey(Schema.String)
})

/** One fan-out; those inside of handlers stand in their calls. */
export interface Fanout {
  /** As it was encoded; what is no data is `"custom"`. */
  readonly plan: Schema.Json
  /** What the decisions rest on: the events of each instant. */
  readonly steps: ReadonlyArray<ReadonlyArray<typeof EventJson.Type>>
  readonly calls: ReadonlyArray<Call>
  /** What is left of the deadlines that are paused, in milliseconds, by the index of their node. */
  readonly deadlines: ReadonlyArray<{ readonly node: number; readonly left: number }>
  /** What has been used of its budget; of its wall clock, in milliseconds. */
  readonly used: { readonly [name: string]: number }
  /** Why everything was stopped: of a fan-out inside of a handler, before the handler asked. */
  readonly stoppedBy?: typeof Stop.Type
}

const FanoutJson: Schema.Codec<Fanout> = Schema.Struct({
  plan: Schema.Json,
  steps: Schema.Array(Schema.Array(EventJson)),
  calls: Schema.Array(CallJson),
  deadlines: Schema.Array(Schema.Struct({ node: Schema.Int, left: Schema.Number })),
  used: Amounts,
  stoppedBy: Schema.optionalKey(Stop)
}).annotate({ identifier: "Fanout" })

/** A call of a {@link Fanout}. */
export interface Call extends Schema.Schema.Type<Schema.Struct<Omit<typeof CallJson.fields, "nested">>> {
  readonly nested: ReadonlyArray<Fanout | null>
}

/**
 * @since 0.1.0
 */
export const Json = Schema.Struct({
  toolscope: Schema.Literal(1),
  /** Of this snapshot: it can be claimed once. */
  snapshot: Schema.String,
  runId: Schema.String,
  /** Milliseconds since the epoch. */
  takenAt: Schema.Number,
  settings: Schema.Struct({
    drain: Schema.Number,
    undo: Schema.Number,
    concurrency: Schema.Int,
    /** Absent: none. */
    timeout: Schema.optionalKey(Schema.Number),
    /** Who has to agree before a call starts; absent where it is a function, or nobody. */
    approval: Schema.optionalKey(Schema.Literals(["always", "never", "byContract"])),
    budget: Schema.optionalKey(Amounts)
  }),
  fanout: FanoutJson,
  questions: Schema.Array(QuestionJson),
  /** HMAC-SHA-256 of everything else, in base64. */
  signature: Schema.optionalKey(Schema.String)
})

/**
 * @since 0.1.0
 */
export type Snapshot = typeof Json.Type

/**
 * Not a snapshot, or not of this version.
 *
 * @since 0.1.0
 */
export class BadSnapshot extends Data.TaggedClass("BadSnapshot")<{ readonly cause: string }> {
  get message(): string {
    return `this is no snapshot that can be resumed: ${this.cause}`
  }
}

/**
 * A key is configured, and the snapshot is not signed with it, or was changed.
 *
 * @since 0.1.0
 */
export class BadSignature extends Data.TaggedClass("BadSignature")<{ readonly snapshot: string }> {
  get message(): string {
    return "its signature is missing or wrong: it was changed, or signed with another key"
  }
}

/**
 * The snapshot is of another plan, or of tools with other contracts. `differences`: JSON Pointers into the plan, or paths of calls.
 *
 * @since 0.1.0
 */
export class OtherPlan extends Data.TaggedClass("OtherPlan")<{ readonly differences: ReadonlyArray<string> }> {
  get message(): string {
    return `the snapshot is of another plan: resume it with the plan and the tools that it was taken of (differs: ${this.differences.join(", ")})`
  }
}

/**
 * Somebody has resumed this snapshot already: what it would run, runs or has run there.
 *
 * @since 0.1.0
 */
export class AlreadyClaimed extends Data.TaggedClass("AlreadyClaimed")<{
  readonly snapshot: string
  readonly by: string | undefined
}> {
  get message(): string {
    return `the snapshot ${this.snapshot} has been resumed already${this.by === undefined ? "" : ` (${this.by})`}: nothing was run`
  }
}

/**
 * @since 0.1.0
 */
export type Reason = BadSnapshot | BadSignature | OtherPlan | AlreadyClaimed

/**
 * A snapshot that was not resumed. Nothing was started. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class SnapshotError extends Data.TaggedError("SnapshotError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * The key that snapshots are signed with, and have to be signed with. Default: none.
 *
 * @since 0.1.0
 */
export const Key: Context.Reference<Redacted.Redacted | undefined> = Context.Reference<Redacted.Redacted | undefined>(
  "@toolscope/core/Snapshot/Key",
  { defaultValue: () => undefined }
)

/**
 * Who may resume a snapshot: the first to claim it. Fails with `AlreadyClaimed`.
 *
 * @since 0.1.0
 */
export type Claim = (snapshot: Snapshot) => Effect.Effect<void, SnapshotError>

/** A claim that holds in this process. */
const claimedHere = new Set<string>()

/**
 * How snapshots are claimed. Default: once per process. For more than one process, claim them where all of them look: a file, a database.
 *
 * @since 0.1.0
 */
export const Claims: Context.Reference<Claim> = Context.Reference<Claim>("@toolscope/core/Snapshot/Claims", {
  defaultValue:
    () =>
    ({ snapshot }) =>
      Effect.suspend(() => {
        if (claimedHere.has(snapshot)) return refuse(new AlreadyClaimed({ snapshot, by: "in this process" }))
        claimedHere.add(snapshot)
        return Effect.void
      })
})

const decodeJson = Schema.decodeUnknownResult(Json, { errors: "all" })

/**
 * Reads a snapshot from JSON. Fails with `BadSnapshot`.
 *
 * @since 0.1.0
 */
export const decode = (json: unknown): Effect.Effect<Snapshot, SnapshotError> => {
  const decoded = decodeJson(json)
  return decoded._tag === "Success"
    ? Effect.succeed(decoded.success)
    : refuse(new BadSnapshot({ cause: String(decoded.failure) }))
}

/**
 * Signs a snapshot with the {@link Key}, if there is one.
 *
 * @since 0.1.0
 */
export const sign = (snapshot: Snapshot): Effect.Effect<Snapshot> =>
  Effect.flatMap(Key, (key) =>
    key === undefined
      ? Effect.succeed(snapshot)
      : Effect.map(hmac(key, snapshot), (signature) => ({ ...snapshot, signature }))
  )

/**
 * Fails with `BadSignature` if there is a {@link Key}, and the snapshot is not signed with it.
 *
 * @since 0.1.0
 */
export const verify = (snapshot: Snapshot): Effect.Effect<void, SnapshotError> =>
  Effect.flatMap(Key, (key) => {
    if (key === undefined) return Effect.void
    return Effect.flatMap(hmac(key, snapshot), (expected) =>
      isSame(expected, snapshot.signature ?? "")
        ? Effect.void
        : refuse(new BadSignature({ snapshot: snapshot.snapshot }))
    )
  })

const hmac = (key: Redacted.Redacted, { signature: _, ...rest }: Snapshot): Effect.Effect<string> =>
  Effect.promise(async () => {
    const bytes = (text: string) => new TextEncoder().encode(text)
    const algorithm = { name: "HMAC", hash: "SHA-256" }
    const imported = await crypto.subtle.importKey("raw", bytes(Redacted.value(key)), algorithm, false, ["sign"])
    const made = await crypto.subtle.sign("HMAC", imported, bytes(JSON.stringify(canonical(rest))))
    return btoa(String.fromCharCode(...new Uint8Array(made)))
  })

/** In a time that does not tell where they differ. */
const isSame = (a: string, b: string): boolean => {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0
}

const refuse = (reason: Reason): Effect.Effect<never, SnapshotError> => Effect.fail(new SnapshotError({ reason }))
