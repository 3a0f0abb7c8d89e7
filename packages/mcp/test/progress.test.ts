/**
 * Progress of calls: what a server says of it reaches who observes the run, under the call that it is about.
 */
import { assert, describe, it } from "@effect/vitest"
import { Journal } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { config, everything, reportOf } from "./support.ts"

describe("progress", () => {
  it.live("of a call is an event of its attempt, also where two run at once", () =>
    Effect.gen(function* () {
      const tools = yield* McpTools.connect(config({ any: everything() }))
      const journal = Journal.memory()
      const events = yield* journal.observe()
      const long = (id: string, steps: number) => ({
        id,
        call: "any__trigger-long-running-operation",
        params: { duration: 0.3, steps }
      })
      const report = yield* reportOf(tools, { all: [long("a", 3), long("b", 2)] }).pipe(
        Effect.provideService(Journal.Current, journal)
      )
      assert.strictEqual(report.status, "succeeded")
      const seen = yield* events.pipe(
        Stream.takeUntil(({ type }) => type === "fanout.closed"),
        Stream.filter((event) => event.type === "attempt.progress"),
        Stream.runCollect
      )
      const of = (path: string) => seen.filter(({ call }) => call === path).map(({ done, total }) => [done, total])
      assert.deepStrictEqual(
        [of("/a"), of("/b")],
        [
          [
            [1, 3],
            [2, 3],
            [3, 3]
          ],
          [
            [1, 2],
            [2, 2]
          ]
        ]
      )
      assert.isFalse(journal.events.some(({ type }) => type === "attempt.progress"))
    })
  )
})
