/**
 * The scoreboard as text, from results alone.
 */
import { arch, platform } from "node:os"
import type { Result } from "../src/Eval.ts"
import { faultsOf, returnsOf } from "../src/Render.ts"
import * as Scenario from "../src/Scenario.ts"
import { type Own, rows } from "./cells.ts"

const byRunner = (results: ReadonlyArray<Result>): ReadonlyMap<string, Own> => {
  const found = new Map<string, Map<string, Result>>()
  for (const result of results) {
    const own = found.get(result.runner.name) ?? new Map<string, Result>()
    own.set(result.scenario, result)
    found.set(result.runner.name, own)
  }
  return found
}

export interface Difference {
  readonly title: string
  readonly runner: string
  readonly cell: string
  readonly expected: string
  readonly why: string | undefined
}

/** Cells that came out otherwise than they were found by hand. */
export const differences = (results: ReadonlyArray<Result>): ReadonlyArray<Difference> =>
  [...byRunner(results)].flatMap(([runner, own]) =>
    rows.flatMap(({ cell, found, title, why }): ReadonlyArray<Difference> => {
      const expected = found[runner]
      if (expected === undefined) return []
      const is = cell(own) ?? "n/a"
      const any = typeof expected === "string" ? [expected] : expected
      return any.includes(is) ? [] : [{ title, runner, cell: is, expected: any.join(" or "), why: why?.[runner] }]
    })
  )

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, body: ReadonlyArray<ReadonlyArray<string>>): string =>
  [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n")

/** Two tables are narrower than one: with frameworks, and with what a language or a library has. */
const groups = (names: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const ours = names.filter((name) => name.startsWith("Toolscope"))
  const bare = ["Promise.all", "Promise.allSettled", "p-map", "Effect.all"].filter((name) => names.includes(name))
  const frameworks = names.filter((name) => !ours.includes(name) && !bare.includes(name))
  return [ours, frameworks, bare].filter((group) => group.length > 0)
}

const grouped = (
  names: ReadonlyArray<string>,
  body: (of: ReadonlyArray<string>) => ReadonlyArray<ReadonlyArray<string>>
): string =>
  groups(names)
    .map((group) => table(["", ...group], body(group)))
    .join("\n\n")

const verdictOf = (result: Result | undefined): string => {
  if (result === undefined) return "not run"
  if (result.verdict !== "failed") return result.verdict === "passed" ? "ok" : result.verdict
  const failed = result.score?.marks.filter(({ verdict }) => verdict === "failed") ?? []
  return failed.map(({ check }) => check).join(", ")
}

/** The whole page. `versions`: of the peers, as they are pinned. */
export const board = (results: ReadonlyArray<Result>, versions: { readonly [name: string]: string }): string => {
  const runners = byRunner(results)
  const scenarios = Scenario.all()
  const about = [...runners.values()].map((own) => [...own.values()][0]!.runner)
  const scores = groups([...runners.keys()])
    .flat()
    .map((name) => {
      const own = runners.get(name)!
      const played = [...own.values()].filter(({ verdict }) => verdict !== "n/a")
      const passed = played.filter(({ verdict }) => verdict === "passed")
      return [name, [...own.values()][0]!.runner.version ?? "-", `${passed.length} of ${played.length}`]
    })
  const names = [...runners.keys()]
  const found = differences(results)
  const explained = found.map(
    ({ cell, expected, runner, title, why }) =>
      `- **${runner}**, ${title}: ${cell}. It was found as: ${expected}. ${why ?? "Nothing explains this yet."}`
  )
  const seen = names
    .map((name) => {
      const faults = faultsOf([...runners.get(name)!.values()])
      const clipped = faults.map((fault) => `- ${fault.length > 220 ? `${fault.slice(0, 219)}…` : fault}`)
      return faults.length === 0 ? "" : `### ${name}\n\n${clipped.join("\n")}\n`
    })
    .filter((text) => text !== "")
  const day = new Date().toISOString().slice(0, 10)
  return `# Scoreboard

What became of [the adversarial eval](eval.md) with Toolscope and with other ways to run the tool calls of a turn. This page is written by \`npm run eval:peers\`, which installs the peers as they are pinned in
[\`packages/eval/peers\`](../packages/eval/peers), and runs every scenario in a process of its own, with a scripted model and without network. Last written on ${day}, on ${platform()} ${arch()}, Node ${process.version}.

A scenario counts as passed where no check failed; one that needs what a layer does not have is \`n/a\`, and counts for nothing. Every layer is set as its own documentation advises for the task, see
[settings](#settings). The bridge of Toolscope for the AI SDK leaves approvals to the AI SDK: what \`partial\` says of \`generateText\` holds for it as well, and is not scored for it. Whoever sees a better setting: an adapter is 50 to 150 lines.

## Scores

${table(["layer", "version", "scenarios passed"], scores)}

Versions: ${Object.entries(versions)
    .map(([name, version]) => `\`${name}\` ${version}`)
    .join(", ")}.

## By scenario

The checks that failed; [what they mean](eval.md#what-is-scored). One cell alone: \`npx toolscope eval --runner packages/eval/peers/ADAPTER.ts --scenario NAME --journal DIR\`, which keeps its ledger.

${grouped(names, (group) =>
  scenarios.map(({ name }) => [`\`${name}\``, ...group.map((runner) => verdictOf(runners.get(runner)!.get(name)))])
)}

## When they return

Seconds from the start of each turn, and from each answer. The caller aborts at 3 s in \`adversarial\` and \`deaf\`, at 0.7 s in \`cancel\`.

${grouped(names, (group) =>
  ["adversarial", "cancel", "failures", "deaf", "retry", "cost"].map((name) => [
    `\`${name}\``,
    ...group.map((runner) => {
      const result = runners.get(runner)!.get(name)
      return result?.verdict === "n/a" ? "n/a" : result === undefined ? "-" : returnsOf(result)
    })
  ])
)}

## What separates them

${grouped(names, (group) =>
  rows.map(({ cell, title }) => [title, ...group.map((runner) => cell(runners.get(runner)!) ?? "n/a")])
)}

Most of these cells had been observed by hand before there was an eval. Where a cell came out otherwise:

${explained.length === 0 ? "- nowhere" : explained.join("\n")}

## Settings

${about.map(({ module, name, settings }) => `- **${name}** ([adapter](../packages/eval/${module.includes("/peers/") ? "peers" : "src/runners"}/${module.split("/").at(-1)!.replace(/\.js$/, ".ts")})): ${settings ?? "-"}`).join("\n")}

## What was seen

${seen.join("\n")}`
}
