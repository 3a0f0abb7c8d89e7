/**
 * The state of a suspended run as JSON: the conversation, the calls of the turn that waits, and the snapshot of its fan-out.
 */
import { Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { AgentError, BadState } from "../AgentError.ts"
import * as Ai from "./ai.ts"
import type { State } from "./run.ts"
import type { Turn } from "./turn.ts"
import type { Told } from "./words.ts"

const AskedJson = Schema.Struct({ id: Schema.String, name: Schema.String, params: Schema.Json })

const StateJson = Schema.Struct({
  toolscope: Schema.Literal(1),
  history: Schema.Json,
  turns: Schema.Int,
  input: Schema.Number,
  output: Schema.Number,
  /** The calls of the turn that waits, and why those of them that were not run were not. */
  asked: Schema.Array(AskedJson),
  refused: Schema.Array(Schema.Struct({ id: Schema.String, told: Schema.Json })),
  snapshot: Schema.Json
})

export const encodeState = (
  { history, input, output, turns }: State,
  turn: Turn,
  snapshot: Snapshot.Snapshot
): Effect.Effect<Schema.Json> =>
  Effect.map(Ai.encodePrompt(history), (history) => ({
    toolscope: 1 as const,
    history,
    turns,
    input,
    output,
    asked: turn.asked.map(({ id, name, params }) => ({ id, name, params: (params ?? null) as Schema.Json })),
    refused: [...turn.refused].map(([id, told]) => ({ id, told: { ...told } })),
    snapshot: snapshot as unknown as Schema.Json
  }))

const decode = Schema.decodeUnknownResult(StateJson)

const bad = (cause: string): Effect.Effect<never, AgentError> =>
  Effect.fail(new AgentError({ reason: new BadState({ cause }) }))

/** What {@link encodeState} wrote. */
export interface Stored {
  readonly state: State
  readonly asked: ReadonlyArray<Ai.Asked>
  /** Those of them that were not run. */
  readonly refused: ReadonlyMap<string, Told>
  readonly snapshot: Snapshot.Snapshot
}

export const decodeState = (json: unknown): Effect.Effect<Stored, AgentError | Snapshot.SnapshotError> =>
  Effect.gen(function* () {
    const decoded = decode(json)
    if (decoded._tag === "Failure") return yield* bad(String(decoded.failure))
    const { asked, history, input, output, refused, snapshot, turns } = decoded.success
    const prompt = Ai.decodePrompt(history)
    if (Option.isNone(prompt)) return yield* bad("its conversation cannot be read")
    return {
      state: { history: prompt.value, turns, input, output, stuck: 0, reports: [] },
      asked,
      refused: new Map(refused.map(({ id, told }) => [id, told as unknown as Told])),
      snapshot: yield* Snapshot.decode(snapshot)
    }
  })
