/**
 * `npm run eval:peers -- [--only NAME …] [--concurrency N] [--keep DIR] [--stdout]`: installs the peers into this folder where that has not been done, runs every
 * adapter of this folder and the runners of Toolscope on every scenario, and writes docs/scoreboard.md. Exit 1 where a cell is not what was
 * found before and nothing explains it, where an adapter could not be run, or where Toolscope has no full score.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Eval from "../src/Eval.ts"
import * as Render from "../src/Render.ts"
import { board, differences } from "./board.ts"

const here = new URL("./", import.meta.url)
const helpers = [
  "ai-sdk.ts",
  "board.ts",
  "cells.ts",
  "common.ts",
  "langchain-agent.ts",
  "langchain-shared.ts",
  "main.ts"
]

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    concurrency: { type: "string" },
    keep: { type: "string" },
    stdout: { type: "boolean" }
  }
})

const install = () => {
  const installed = new URL("node_modules/.package-lock.json", here)
  const lock = new URL("package-lock.json", here)
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  console.error("installing the peers, half a gigabyte, into packages/eval/peers …")
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: here,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32"
  })
  if (status !== 0) throw new Error("the peers could not be installed: see above")
}

install()
const adapters = readdirSync(here)
  .filter((name) => name.endsWith(".ts") && !helpers.includes(name))
  .filter((name) => values.only === undefined || values.only.includes(name.replace(/\.ts$/, "")))
  .map((name) => fileURLToPath(new URL(name, here)))
const runners = [...Eval.ours, ...adapters]
let done = 0
const results = await Eval.run({
  runners,
  ...(values.concurrency === undefined ? {} : { concurrency: Number(values.concurrency) }),
  ...(values.keep === undefined ? {} : { journal: values.keep }),
  onResult: ({ runner, scenario, verdict }) => {
    done++
    if (process.stderr.isTTY) console.error(`${done}: ${runner.name}, ${scenario}: ${verdict}`)
  }
})
const lock = JSON.parse(readFileSync(new URL("package-lock.json", here), "utf8"))
const versions: { readonly [name: string]: string } = lock.packages[""].dependencies
const text = board(results, versions)
if (values.stdout === true) process.stdout.write(text)
else if (values.only === undefined) writeFileSync(new URL("../../../docs/scoreboard.md", here), text)
process.stdout.write(Render.table(results))
const broken = results.filter(({ verdict }) => verdict === "broken")
const ours = results.filter(({ runner }) => Eval.ours.includes(runner.module))
const unexplained = differences(results).filter(({ why }) => why === undefined)
for (const { cell, expected, runner, title } of unexplained) {
  console.log(`differs: ${runner}, ${title}: ${cell}; it was ${expected}`)
}
for (const { error, runner, scenario } of broken) console.log(`broken: ${runner.name}, ${scenario}: ${error}`)
process.exitCode = unexplained.length === 0 && broken.length === 0 && Eval.isSound(ours) ? 0 : 1
