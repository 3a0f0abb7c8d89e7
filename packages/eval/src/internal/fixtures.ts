/**
 * The hostile tools, made from a scenario: each writes down what it does before it does anything else.
 */
import type { ToolLine } from "../Ledger.ts"
import type { Answer, Fixture } from "../Runner.ts"
import type { Behaviour } from "../Scenario.ts"

/** A line, without what the writer of the ledger adds. */
export type Note = (line: Omit<ToolLine, "at">) => void

export const resultSchema = {
  type: "object",
  properties: { text: { type: "string" } },
  required: ["text"],
  additionalProperties: false
}

export const accepts = (value: unknown): value is Answer =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as { readonly text?: unknown }).text === "string" &&
  Object.keys(value).length === 1

const sleep = (millis: number) => new Promise<void>((resolve) => void setTimeout(resolve, millis))

/** The tools of a scenario for one turn; `attempts` counts over all turns. */
export const fixtures = (
  tools: { readonly [name: string]: Behaviour },
  turn: number,
  attempts: Map<string, number>,
  note: Note
): ReadonlyArray<Fixture> =>
  Object.entries(tools).map(([name, behaviour]) => ({
    name,
    description: `The tool ${name} of an eval`,
    acts: behaviour.acts ?? false,
    repeat: behaviour.repeat ?? (behaviour.acts === true ? "never" : "safe"),
    timeout: behaviour.timeout,
    retries: behaviour.retries ?? 0,
    asks: behaviour.asks ?? false,
    result: resultSchema,
    accepts,
    execute: async (_params, context) => {
      const attempt = (attempts.get(name) ?? 0) + 1
      attempts.set(name, attempt)
      let isOver = false
      const write = (what: ToolLine["what"], how?: ToolLine["how"]) => {
        isOver ||= what === "ended"
        note({ turn, what, call: name, attempt, ...(how === undefined ? {} : { how }) })
      }
      write("started")
      const signal = context?.signal
      const heard = signal === undefined ? new Promise<never>(() => {}) : aborted(signal)
      void heard.then(() => {
        if (!isOver) write("signalled")
      })
      const hangs = behaviour.after === "never" || attempt <= (behaviour.hangs ?? 0)
      const end = hangs ? new Promise<never>(() => {}) : sleep(behaviour.after)
      const stopped = heard.then(() => true as const)
      const isStopped = behaviour.hears === true ? await Promise.race([stopped, end]) : await end
      if (isStopped === true) {
        write("cleaning")
        await sleep(behaviour.cleanup ?? 0)
        write("cleaned")
        write("ended", "aborted")
        throw new DOMException(`${name} was aborted`, "AbortError")
      }
      if (behaviour.acts === true) write("effect")
      const how = attempt <= (behaviour.failures ?? 0) ? "fail" : (behaviour.then ?? "answer")
      switch (how) {
        case "fail":
          write("ended", "failed")
          throw new Error(`${name} failed`)
        case "malformed":
          write("ended", "malformed")
          return { text: 42 }
        case "answer":
          write("ended", "answered")
          return { text: name }
      }
    }
  }))

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener("abort", () => resolve(), { once: true })
  })
