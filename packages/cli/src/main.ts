/**
 * The command as a function: arguments in, exit code out. Everything that it prints has been written when it returns.
 *
 * It does not end the process; what was left behind may still run. It does take standard output over while it runs (what tools print
 * goes to standard error), and SIGINT and SIGTERM while a plan runs.
 *
 * @since 0.1.0
 */
import type { Report } from "@toolscope/core"
import { exitCodes } from "./internal/exitCodes.ts"
import type { Invocation } from "./internal/arguments.ts"
import { type Foreign, watch } from "./internal/foreign.ts"
import { make, type Output } from "./internal/output.ts"
import { describe } from "./internal/refusal.ts"
import { printable } from "./internal/text.ts"

const version = "0.1.0"

/**
 * @since 0.1.0
 */
export interface Options {
  /** Gets the report of a run that began. The text that it returns is printed before the table; not with `--json`. */
  readonly onReport?: (report: Report.Json) => string | undefined
}

/**
 * Runs the command: `main(["run", "plan.json", "--tools", "tools.ts"])`. Resolves with the exit code, and never rejects.
 *
 * 0 succeeded · 1 the policy failed · 2 refused, nothing was started · 3 suspended, with a snapshot to resume from · 4 succeeded, but something
 * left behind may still act · 70 internal: also if the journal refuses, or standard output cannot be written · 130 or 143 interrupted by
 * SIGINT or SIGTERM.
 *
 * @since 0.1.0
 */
export const main = async (argv: ReadonlyArray<string>, options: Options = {}): Promise<number> => {
  const output = make()
  const foreign = watch(output)
  try {
    const code = await dispatch(argv, output, foreign, options)
    const failure = output.failure()
    if (failure === undefined) return code
    output.error(`toolscope: standard output cannot be written: ${printable(failure)}`)
    return exitCodes.internal
  } catch (error) {
    if (argv.includes("--json")) await output.write(`${JSON.stringify(internal(describe(error)))}\n`)
    const detail = error instanceof Error ? (error.stack ?? error.message) : describe(error)
    output.error(`toolscope: internal error: ${printable(detail)}`)
    return exitCodes.internal
  } finally {
    foreign.restore()
    output.restore()
  }
}

/** The one object of `--json` where nothing else could be made. */
const internal = (message: string): Report.Json => ({
  toolscope: 1,
  runId: "none",
  status: "failed",
  faults: [{ pointer: "", _tag: "Internal", message }],
  calls: [],
  nodes: [],
  drained: true,
  drainMillis: 0,
  budget: {},
  questions: []
})

const dispatch = async (
  argv: ReadonlyArray<string>,
  output: Output,
  foreign: Foreign,
  options: Options
): Promise<number> => {
  const { parse, wantsJson } = await import("./internal/arguments.ts")
  const invocation: Invocation = await parse(argv, version)
  // each command loads what it needs, and no more
  switch (invocation.command) {
    case "help":
      await output.write(invocation.text)
      return exitCodes.succeeded
    case "wrong": {
      const { hint, messages } = invocation
      if (wantsJson(argv)) {
        const [{ Report }, { newRunId }] = await Promise.all([import("@toolscope/core"), import("./internal/runId.ts")])
        const faults = messages.map((message) => ({ pointer: "", _tag: "BadUsage" as const, message }))
        await output.write(`${JSON.stringify(Report.refused(newRunId(), faults))}\n`)
      } else {
        for (const message of messages) output.error(`toolscope: ${printable(message)}`)
        if (hint !== "") output.error(hint)
      }
      return exitCodes.refused
    }
    case "run":
      return (await import("./commands/run.ts")).run(invocation.flags, output, foreign, options)
    case "resume":
      return (await import("./commands/resume.ts")).resume(invocation.flags, output, foreign, options)
    case "tools":
      return (await import("./commands/tools.ts")).tools(invocation.flags, output)
    case "eval":
      return (await import("./commands/eval.ts")).evaluate(invocation.flags, output)
    case "mcp":
      return (await import("./commands/mcp.ts")).mcp(invocation.flags, output, foreign)
    case "schema":
      return (await import("./commands/schema.ts")).schema(invocation.flags, output)
  }
}
