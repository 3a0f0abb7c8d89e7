/**
 * The two tables of docs/contracts.md, "What becomes of a stopped call", cell by cell, for each source of a stop. The expectations are
 * read from the page.
 */
import { assert, describe, it } from "@effect/vitest"
import { Attempt, Commit, Contract, Fanout, Plan, type Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"

const page = readFileSync(new URL("../../../../docs/contracts.md", import.meta.url), "utf8")

/** The table that follows this comment: rows by their first cell, cells by the heading of their column. */
const tableOf = (name: string): ReadonlyArray<{ readonly moment: string; readonly cells: Record<string, string> }> => {
  const [, after] = page.split(`<!-- ${name} -->\n\n`)
  assert(after !== undefined, `docs/contracts.md has the table ${name}`)
  const lines = after.split("\n\n")[0]!.split("\n")
  const [head, , ...rows] = lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim())
  )
  return rows.map(([moment, ...cells]) => ({
    moment: moment!,
    cells: Object.fromEntries(cells.map((cell, i) => [head![i + 1]!, cell]))
  }))
}

const undo = () => Effect.void
const acting = (fields: Partial<Contract.Acting>) => Contract.make({ effect: "additive", repeat: "keyed", ...fields })
const marked = (interruption: Contract.Acting["interruption"]) => acting({ commit: "marked", interruption })

const contracts: Record<string, Contract.Contract> = {
  reads: Contract.readOnly,
  "commits at start": acting({}),
  "at start, undone": acting({ compensate: undo }),
  "gate, anywhere": marked("anywhere"),
  "gate, beforeCommit": marked("beforeCommit"),
  "gate, never": marked("never"),
  "gate, undone": acting({ commit: "marked", compensate: undo })
}

/** What the handler does until and after the stop, which comes at 50 ms. `commit` does nothing for tools without a gate. */
type Handler = (commit: (millis: number) => Effect.Effect<void>) => Effect.Effect<string, string>
const answer = Effect.succeed("done")
const moments: Record<string, { readonly does: Handler; readonly waits?: true; readonly retries?: true }> = {
  "it waits for a permit": { does: () => answer, waits: true },
  "it runs, before its gate": {
    does: (commit) => Effect.andThen(Effect.sleep(100), Effect.andThen(commit(0), answer))
  },
  "it runs, in its commit": { does: (commit) => Effect.andThen(commit(100), answer) },
  "it runs, after its commit": {
    does: (commit) => Effect.andThen(commit(0), Effect.andThen(Effect.sleep(100), answer))
  },
  "between two attempts": { does: (commit) => Effect.andThen(commit(0), Effect.fail("again")), retries: true },
  "it is deaf, before its gate": {
    does: (commit) => Effect.uninterruptible(Effect.andThen(Effect.sleep(9_000), Effect.andThen(commit(0), answer)))
  },
  "it is deaf, in its commit": { does: (commit) => Effect.andThen(commit(9_000), answer) }
}

const answersAt = (millis: number) => Plan.effect(Effect.delay(Effect.succeed("ok"), millis), Contract.readOnly)
const failsAt = (millis: number) => Plan.effect(Effect.delay(Effect.fail("bad"), millis), Contract.readOnly)
const blocked = (it: Plan.Plan<string, string>) => Plan.all({ blocker: answersAt(20_000), it })

/** Where a stop comes from: what stands around the call, or who asks. */
const sources: Record<string, (it: Plan.Plan<string, string>, isBlocked: boolean) => Plan.Any> = {
  sibling: (it) => Plan.all({ bad: failsAt(50), it }),
  policy: (it) => Plan.quorum(1, { other: answersAt(50), it }),
  deadline: (it, isBlocked) => (isBlocked ? Plan.deadline(blocked(it), 50) : Plan.deadline(it, 50)),
  parent: (it, isBlocked) => (isBlocked ? blocked(it) : it),
  user: (it, isBlocked) => (isBlocked ? blocked(it) : it)
}

/** Runs it under the clock of the test, and stops it at 50 ms where the plan does not. */
const reportOf = (plan: Plan.Any, source: string, concurrency: number): Effect.Effect<Report.Report> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const started = Fanout.start(plan as Plan.Plan<unknown>, { drain: "1 second", undo: "1 second", concurrency })
    const handle = yield* Effect.orDie(Effect.provideService(started, Scope.Scope, scope))
    yield* TestClock.adjust(50)
    if (source === "user") yield* Effect.forkChild(handle.stop("enough"))
    if (source === "parent") yield* Effect.forkChild(Scope.close(scope, Exit.interrupt()))
    const report = yield* Effect.forkChild(handle.report)
    yield* TestClock.adjust("5 seconds")
    const made = yield* Fiber.join(report)
    // so that nothing of it is left
    yield* TestClock.adjust("1 minute")
    return made
  })

const cellOf = (moment: string, name: string, source: string): Effect.Effect<string> =>
  Effect.gen(function* () {
    const contract = contracts[name]!
    const { does, retries, waits } = moments[moment]!
    const hasGate = contract.effect !== "none" && contract.commit === "marked"
    const commit = (millis: number): Effect.Effect<void> => (hasGate ? Commit.run(Effect.sleep(millis)) : Effect.void)
    const call = Plan.effect(
      Effect.andThen(Attempt.current, does(commit)),
      contract,
      retries === undefined
        ? { name: "it", timeout: source === "timeout" ? 50 : 30_000 }
        : { name: "it", retry: Schedule.spaced("5 seconds") }
    )
    const it = name.endsWith("undone") ? Plan.atomic(call) : call
    const plan = source === "timeout" ? it : sources[source]!(it, waits === true)
    const report = yield* reportOf(plan, source, waits === undefined ? 8 : 1)
    const { effects, leftBehind, outcome, used } = report.calls.find(({ tool }) => tool === "it")!
    assert.isFalse(used)
    return [outcome._tag, ...effects.map(({ state }) => state), ...(leftBehind ? ["left behind"] : [])].join(", ")
  })

for (const [table, stops] of [
  ["stopped", Object.keys(sources)],
  ["timed out", ["timeout"]]
] as const) {
  describe(`a call that is ${table}`, () => {
    for (const { cells, moment } of tableOf(table)) {
      for (const [name, expected] of Object.entries(cells)) {
        if (expected === "–") continue
        for (const source of stops) {
          it.effect(`${moment} · ${name} · ${source}: ${expected}`, () =>
            Effect.map(cellOf(moment, name, source), (cell) => {
              assert.strictEqual(cell, expected)
            })
          )
        }
      }
    }
  })
}
