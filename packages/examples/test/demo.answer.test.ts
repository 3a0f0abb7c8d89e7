/**
 * The text of the demo's answer, from reports of every kind: what a tool says is shown, never obeyed.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Report } from "@toolscope/core"
import { join } from "node:path"
import { answerOf } from "../src/demo/answer.ts"
import { effectFolder } from "../src/demo/guides.ts"

const guide = "ai-docs/src/06_schedule/10_schedules.ts"
const other = "ai-docs/src/60_child-process/10_working-with-child-processes.ts"
const hit = { source: guide, title: "", snippet: "", score: 1 }
const question = "How do I retry an effect with an exponential schedule?"

const report = (value: unknown, status: Report.Json["status"] = "succeeded"): Report.Json => ({
  toolscope: 1,
  runId: "run_1",
  status,
  value: value as never,
  calls: [],
  nodes: [],
  drained: true,
  drainMillis: 0,
  budget: {},
  questions: []
})

const answer = (searches: object, more: object = {}) =>
  answerOf(report({ answer: searches, note: { question }, version: "4.1.0", license: "MIT", forum: null, ...more }))!

describe("the answer", () => {
  it("is the guide that the counted searches agree on", () => {
    const files = { content: `${join(effectFolder, guide)}\n${join(effectFolder, "ai-docs/src/06_schedule")}` }
    const hits = [
      { ...hit, source: other },
      { ...hit, source: `${guide}:3` }
    ]
    assert.include(answer({ guides: [{ ...hit, source: other }, hit] }), `${other}:`)
    assert.include(answer({ guides: hits, files }), `${guide}:`)
    assert.include(answer({ guides: [hit], files: { content: join(effectFolder, other) } }), `${guide}:`)
    assert.include(answer({ sources: [{ source: "a.ts:1", text: "export const a" }], files }), `${guide}:`)
  })

  it("shows the first paragraph that has most of the words, with its line", () => {
    const text = answer({ guides: [hit] })
    assert.include(text, `${guide}:8`)
    assert.include(text, "    export const productionRetrySchedule = Schedule.min([\n")
  })

  it("says so when nothing was found", () => {
    for (const files of ["No matches found", { content: "" }, null, { content: [{ type: "text", text: "?" }] }]) {
      assert.include(answer({ guides: [], files }), "No guide has any of these words.")
    }
  })

  it("names no file outside of the guides", () => {
    for (const path of ["/etc/passwd", join(effectFolder, "package.json"), `${effectFolder}/ai-docs/../package.json`]) {
      assert.include(answer({ files: { content: path } }), "No guide has any of these words.")
    }
  })

  it("has no control characters and at most 100 columns, whatever the tools say", () => {
    const long = `${"x".repeat(250)} \u001b[2J\u0007\u202e ${"word ".repeat(60)}`
    const text = answer(
      { guides: [hit], sources: [{ source: long, text: long }] },
      { note: { question: long }, version: long, license: long, forum: `${long}\n${long}\r` }
    )
    for (const line of text.split("\n")) {
      assert.isAtMost(line.length, 100)
      assert.notMatch(line, /[\p{Cc}\p{Cf}]/u)
    }
  })

  it("is none where the run did not succeed", () => {
    for (const status of ["failed", "interrupted", "refused", "suspended"] as const) {
      assert.isUndefined(answerOf(report({ answer: { guides: [hit] } }, status)))
    }
    assert.isUndefined(answerOf(report(undefined)))
  })
})
