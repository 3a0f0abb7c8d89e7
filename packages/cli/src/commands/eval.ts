/**
 * `toolscope eval`: the adversarial eval, of Toolscope itself or of the runners that are named. Each scenario has a process of its own; this
 * one loads no runner.
 */
import { Eval, Render, Scenario } from "@toolscope/eval"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import type { EvalFlags } from "../internal/arguments.ts"
import { exitCodes } from "../internal/exitCodes.ts"
import type { Output } from "../internal/output.ts"
import { describe } from "../internal/refusal.ts"
import * as Signals from "../internal/signals.ts"
import { oneLine } from "../internal/text.ts"

export const evaluate = async (flags: EvalFlags, output: Output): Promise<number> => {
  const all = Scenario.all()
  const faults = faultsOf(flags, all)
  if (faults.length > 0) {
    for (const fault of faults) output.error(`toolscope: ${oneLine(fault)}`)
    return exitCodes.refused
  }
  const { journal, json, junit, runner, scenario } = flags
  const controller = new AbortController()
  const signals = Signals.listen(
    () => {
      controller.abort()
    },
    () => {}
  )
  try {
    const results = await Eval.run({
      runners: runner.length === 0 ? Eval.ours : runner,
      scenarios: scenario.length === 0 ? all : all.filter(({ name }) => scenario.includes(name)),
      signal: controller.signal,
      ...(journal === undefined ? {} : { journal })
    })
    if (junit !== undefined) writeFileSync(junit, Render.junit(results))
    await output.write(json ? Render.json(results) : Render.table(results))
    return Eval.isSound(results) ? exitCodes.succeeded : exitCodes.failed
  } catch (error) {
    const first = signals.first()
    if (first === undefined) throw error
    output.error(`toolscope: ${first}: every scenario was ended`)
    return exitCodes[first]
  } finally {
    signals.restore()
  }
}

/** What can be known before anything starts, all of it at once. */
const faultsOf = (
  { journal, junit, runner, scenario }: EvalFlags,
  all: ReadonlyArray<Scenario.Scenario>
): ReadonlyArray<string> => {
  const names = all.map(({ name }) => name)
  const creates = (path: string, create: () => void) => {
    try {
      create()
      return []
    } catch (error) {
      return [`${path} cannot be written: ${describe(error)}`]
    }
  }
  return [
    ...runner.filter((path) => !existsSync(path)).map((path) => `runner ${path}: there is no such file`),
    ...scenario
      .filter((name) => !names.includes(name))
      .map((name) => `there is no scenario ${JSON.stringify(name)}; there are ${names.join(", ")}`),
    ...(journal === undefined ? [] : creates(journal, () => mkdirSync(journal, { recursive: true }))),
    ...(junit === undefined
      ? []
      : creates(junit, () => {
          mkdirSync(dirname(junit), { recursive: true })
          writeFileSync(junit, "")
        }))
  ]
}
