/**
 * How a call of an isolated tool fails beside the errors that its function throws.
 *
 * - {@link NotStarted}: the function was not called, so nothing happened. A typed error; every isolated tool may fail with it, and its
 *   contract says that it means `"nothing"`.
 * - {@link NoAnswer}: the function was called, and its process or worker ended without an answer. It is found in a
 *   `CallError` (`Rejected`); a tool that acts is then `Unknown`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

/**
 * The process or the worker could not be made. Look at its limits: processes, memory, open files.
 *
 * @since 0.1.0
 */
export const CannotSpawn = Schema.TaggedStruct("CannotSpawn", { detail: Schema.String })

/**
 * The process or the worker was made, and ended, or failed, before the module was loaded.
 *
 * @since 0.1.0
 */
export const CannotLoad = Schema.TaggedStruct("CannotLoad", { module: Schema.String, detail: Schema.String })

/**
 * The module has no function of this name.
 *
 * @since 0.1.0
 */
export const NoSuchExport = Schema.TaggedStruct("NoSuchExport", {
  module: Schema.String,
  export: Schema.String,
  detail: Schema.String
})

/**
 * The parameters cannot be written as JSON.
 *
 * @since 0.1.0
 */
export const BadParameters = Schema.TaggedStruct("BadParameters", { detail: Schema.String })

/**
 * The attempt was stopped before the function was called.
 *
 * @since 0.1.0
 */
export const StoppedBefore = Schema.TaggedStruct("StoppedBefore", {})

/**
 * @since 0.1.0
 */
export const NotStartedReason = Schema.Union([CannotSpawn, CannotLoad, NoSuchExport, BadParameters, StoppedBefore])

/**
 * The function was not called: nothing happened. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class NotStarted extends Schema.TaggedError<NotStarted>()("IsolatedNotStarted", { reason: NotStartedReason }) {
  override get message(): string {
    const { reason } = this
    switch (reason._tag) {
      case "CannotSpawn":
        return `it cannot be started: ${reason.detail}`
      case "CannotLoad":
        return `its module ${reason.module} cannot be loaded: ${reason.detail}`
      case "NoSuchExport":
        return `its module ${reason.module} has no function ${JSON.stringify(reason.export)}: ${reason.detail}`
      case "BadParameters":
        return `its parameters cannot be handed over: ${reason.detail}`
      case "StoppedBefore":
        return "it was stopped before its function was called"
    }
  }
}

interface Output {
  /** The last lines of its standard output, values of its `env` replaced. */
  readonly stdout: ReadonlyArray<string>
  /** The last lines of its standard error, values of its `env` replaced. */
  readonly stderr: ReadonlyArray<string>
}

/**
 * It ended by itself: it crashed, called `process.exit`, or ran out of memory.
 *
 * @since 0.1.0
 */
export class Crashed extends Data.TaggedClass("Crashed")<
  Output & {
    readonly exitCode: number | undefined
    readonly signal: string | undefined
    /** Its heap was full. */
    readonly outOfMemory: boolean
    /** What a worker threw outside of its function. */
    readonly error: string | undefined
  }
> {
  get message(): string {
    const how =
      this.error ??
      (this.signal !== undefined
        ? `signal ${this.signal}`
        : this.exitCode === undefined
          ? "exit code not known"
          : `exit code ${this.exitCode}`)
    const hint = this.outOfMemory
      ? "; it ran out of memory: give it more (memory), or less to do"
      : this.signal === "SIGKILL"
        ? "; somebody else killed it, perhaps the system for want of memory"
        : ""
    return `it ended without an answer (${how})${hint}${lastLines(this.stderr)}`
  }
}

/**
 * It had not ended shortly before the bound of its stop, and was killed with all that it had started. Let the function listen to its
 * signal, or give the fan-out a longer `drain`.
 *
 * @since 0.1.0
 */
export class Killed extends Data.TaggedClass("Killed")<Output & { readonly processes: number }> {
  get message(): string {
    const others = this.processes > 1 ? `, and ${this.processes - 1} that it had started` : ""
    return `it did not end when it was told to, and was killed${others}${lastLines(this.stderr)}`
  }
}

/**
 * Its answer was larger than can be handed over, and it was ended.
 *
 * @since 0.1.0
 */
export class AnswerTooLarge extends Data.TaggedClass("AnswerTooLarge")<Output & { readonly limit: number }> {
  get message(): string {
    return `its answer has more than ${this.limit} bytes: write it to a file, and answer with its name`
  }
}

/**
 * The Effect that it returned died.
 *
 * @since 0.1.0
 */
export class EffectDied extends Data.TaggedClass("EffectDied")<Output & { readonly defect: Error }> {
  get message(): string {
    return `its Effect died: ${this.defect.name}: ${this.defect.message}`
  }
}

/**
 * @since 0.1.0
 */
export type NoAnswerReason = Crashed | Killed | AnswerTooLarge | EffectDied

/**
 * The function was called and gave no answer: what it did by then is not known. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class NoAnswer extends Data.TaggedError("IsolatedNoAnswer")<{ readonly reason: NoAnswerReason }> {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * What is wrong with the options of a tool, found when it is made: all of it at once.
 *
 * @since 0.1.0
 */
export class BadOptions extends Data.TaggedError("IsolatedBadOptions")<{
  readonly tool: string
  readonly faults: ReadonlyArray<string>
}> {
  override get message(): string {
    return `Isolated.tool(${JSON.stringify(this.tool)}): ${this.faults.join("; ")}`
  }
}

const lastLines = (lines: ReadonlyArray<string>): string =>
  lines.length === 0 ? "" : `; the last of its standard error:\n${lines.map((line) => `  | ${line}`).join("\n")}`
