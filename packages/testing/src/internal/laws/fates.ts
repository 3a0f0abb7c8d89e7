/**
 * What a journal says of each effect of a call: when it came to the gate, what became of it, and whether it was undone. Nothing is judged
 * here.
 */
import type { Event, Of } from "./run.ts"

export type EffectEvent = Extract<Event, { readonly type: `effect.${string}` }>
export type EffectState = "absent" | "committed" | "unknown" | "compensated" | "compensationFailed"

/** One time that an effect came to the gate. */
export interface Passage {
  readonly attempt: number
  readonly intended: Of<"effect.intended">
  /** What is said of it until it comes to the gate again; the first is its fate. */
  readonly fates: ReadonlyArray<Of<"effect.refused" | "effect.committed" | "effect.unknown">>
}

export interface EffectTrace {
  readonly key: string
  readonly events: ReadonlyArray<EffectEvent>
  readonly passages: ReadonlyArray<Passage>
  readonly compensating: ReadonlyArray<Of<"effect.compensating">>
  readonly compensated: ReadonlyArray<Of<"effect.compensated" | "effect.compensationFailed">>
}

const isEffect = (event: Event): event is EffectEvent => event.type.startsWith("effect.")

/** Was it turned away at the gate, so that it did not begin? */
export const atGate = ({ reason }: Of<"effect.refused">): boolean =>
  reason === "stop" || reason === "journal" || reason === "contract"

type Open<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyArray<infer A> ? Array<A> : T[K] }

export const tracesOf = (events: ReadonlyArray<Event>): ReadonlyArray<EffectTrace> => {
  const traces = new Map<string, Open<EffectTrace>>()
  for (const event of events) {
    if (!isEffect(event)) continue
    let trace = traces.get(event.key)
    if (trace === undefined) {
      trace = { key: event.key, events: [], passages: [], compensating: [], compensated: [] }
      traces.set(event.key, trace)
    }
    trace.events.push(event)
    switch (event.type) {
      case "effect.intended":
        trace.passages.push({ attempt: event.attempt, intended: event, fates: [] })
        break
      case "effect.refused": {
        // what was left behind may be told of after another attempt has begun
        const own = trace.passages.findLast(({ attempt }) => attempt === event.attempt)
        if (own !== undefined) (own.fates as Array<typeof event>).push(event)
        break
      }
      case "effect.committed":
      case "effect.unknown":
        ;(trace.passages.at(-1)?.fates as Array<typeof event> | undefined)?.push(event)
        break
      case "effect.compensating":
        trace.compensating.push(event)
        break
      case "effect.compensated":
      case "effect.compensationFailed":
        trace.compensated.push(event)
    }
  }
  return [...traces.values()]
}

/** What is known of an effect when these events have been written. */
export const stateAfter = (events: ReadonlyArray<EffectEvent>): EffectState => {
  let state: EffectState = "absent"
  for (const event of events) {
    if (event.type === "effect.committed") state = "committed"
    else if (event.type === "effect.unknown") state = "unknown"
    else if (event.type === "effect.compensated") state = "compensated"
    else if (event.type === "effect.compensationFailed") state = "compensationFailed"
    else if (event.type === "effect.refused" && !atGate(event)) state = "absent"
  }
  return state
}
