/**
 * A tool need not come from the copy of this package that runs it: an installed command loads modules that bring their own.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Core from "@toolscope/core"
import * as Effect from "effect/Effect"
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** A second copy of the package, beside the same Effect. */
const otherCopy = Effect.acquireRelease(
  Effect.promise(async () => {
    const folder = mkdtempSync(join(tmpdir(), "toolscope-core-"))
    cpSync(here("../src"), join(folder, "src"), { recursive: true })
    symlinkSync(here("../../../node_modules"), join(folder, "node_modules"))
    const other = (await import(pathToFileURL(join(folder, "src/index.ts")).href)) as typeof Core
    return { folder, other }
  }),
  ({ folder }) =>
    Effect.sync(() => {
      rmSync(folder, { recursive: true, force: true })
    })
)

describe("a tool of another copy", () => {
  it.live("runs, and fails as one of this copy does", () =>
    Effect.gen(function* () {
      const { other } = yield* otherCopy
      assert.notStrictEqual(other.CallError.CallError, Core.CallError.CallError)
      const tool = (name: string, execute: () => Promise<unknown>): Core.Tool.Any =>
        other.Tool.fromPromise(name, { contract: Core.Contract.irreversible, execute })
      const answers = tool("answers", () => Promise.resolve(1))
      const rejects = tool("rejects", () => Promise.reject(new Error("no")))
      const throws = tool("throws", () => {
        throw new Error("at once")
      })
      const tools = [answers, rejects, throws]
      const document = {
        toolscope: 1,
        plan: { all: tools.map(({ name }) => ({ id: name, settled: { call: name } })) }
      }
      const { plan } = yield* Core.PlanDocument.decode(document, tools)
      const handle = yield* Core.Fanout.start(plan)
      const { calls } = Core.Report.toJson(yield* handle.report)
      assert.deepStrictEqual(
        calls.map(({ error, outcome }) => [outcome, error?._tag]),
        [
          ["Succeeded", undefined],
          ["Failed", "Rejected"],
          ["Unknown", "Threw"]
        ]
      )
    })
  )
})
