/**
 * The one place that uses `effect/cli`: from arguments to what is asked for. It runs nothing and prints nothing.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

interface Sources {
  readonly tools: ReadonlyArray<string>
  readonly mcp: string | undefined
  readonly json: boolean
}

export interface RunFlags extends Sources {
  readonly plan: string
  readonly journal: string | undefined
  /** `undefined`: if standard error is a terminal. */
  readonly progress: boolean | undefined
}

export type ToolsFlags = Sources

export interface SchemaFlags {
  readonly format: "plan" | "report" | "journal"
}

export type Invocation =
  | { readonly command: "run"; readonly flags: RunFlags }
  | { readonly command: "tools"; readonly flags: ToolsFlags }
  | { readonly command: "schema"; readonly flags: SchemaFlags }
  | { readonly command: "help"; readonly text: string }
  | { readonly command: "wrong"; readonly messages: ReadonlyArray<string>; readonly hint: string }

/** Part of the design, not of this version. */
const later = {
  commands: ["resume", "eval", "audit", "trace", "mcp", "sessions", "serve"],
  flags: ["--trace", "--snapshot"],
  formats: ["snapshot"]
}

const sources = {
  tools: Flag.String("tools").pipe(
    Flag.withDescription("An ES module whose default export is an array of tools, or a layer of them; may be repeated"),
    Flag.withMetavar("MODULE"),
    Flag.atLeast(0)
  ),
  mcp: Flag.String("mcp").pipe(
    Flag.withDescription("A file with mcpServers: their tools are SERVER__TOOL"),
    Flag.withMetavar("CONFIG"),
    Flag.optional
  )
}

/** Is `--json` among the arguments? Asked also where the rest of them cannot be read. */
export const wantsJson = (argv: ReadonlyArray<string>): boolean => {
  const end = argv.indexOf("--")
  return (end === -1 ? argv : argv.slice(0, end)).some((arg) => arg === "--json" || arg === "--json=true")
}

const notYet = (argv: ReadonlyArray<string>): string | undefined => {
  const [command, format] = argv
  if (command !== undefined && later.commands.includes(command)) return `the command "${command}"`
  if (command === "schema" && format !== undefined && later.formats.includes(format)) return `the format "${format}"`
  const flag = later.flags.find((name) => argv.some((arg) => arg === name || arg.startsWith(`${name}=`)))
  return flag === undefined ? undefined : `the flag ${flag}`
}

export const parse = async (argv: ReadonlyArray<string>, version: string): Promise<Invocation> => {
  const missing = notYet(argv)
  if (missing !== undefined) {
    return { command: "wrong", messages: [`this version of toolscope does not have ${missing}`], hint: "" }
  }
  let found: Invocation | undefined
  const find = (invocation: Invocation) =>
    Effect.sync(() => {
      found = invocation
    })

  const run = Command.make(
    "run",
    {
      plan: Argument.String("plan").pipe(Argument.withDescription('A plan document, or "-" for standard input')),
      ...sources,
      json: Flag.Boolean("json").pipe(
        Flag.withDescription("The report as one JSON object on standard output, and nothing else there"),
        Flag.withDefault(false)
      ),
      journal: Flag.String("journal").pipe(
        Flag.withDescription("Write what happens into this file, one JSON object per line; it is overwritten"),
        Flag.withMetavar("FILE"),
        Flag.optional
      ),
      progress: Flag.Boolean("progress").pipe(
        Flag.withDescription("Lines on standard error as things happen; by default if that is a terminal"),
        Flag.optional
      )
    },
    ({ journal, mcp, progress, ...rest }) =>
      find({
        command: "run",
        flags: {
          ...rest,
          mcp: Option.getOrUndefined(mcp),
          journal: Option.getOrUndefined(journal),
          progress: Option.getOrUndefined(progress)
        }
      })
  ).pipe(
    Command.withDescription(
      "Run a plan, and report how every call ended. Exit code: 0 succeeded; 1 the policy failed; 2 refused, nothing was started; " +
        "4 succeeded, but something left behind may still act; 70 internal; 130 or 143 interrupted, after draining"
    ),
    Command.withShortDescription("Run a plan, and report how every call ended")
  )

  const tools = Command.make(
    "tools",
    {
      ...sources,
      json: Flag.Boolean("json").pipe(Flag.withDescription("As one JSON object"), Flag.withDefault(false))
    },
    ({ mcp, ...rest }) => find({ command: "tools", flags: { ...rest, mcp: Option.getOrUndefined(mcp) } })
  ).pipe(Command.withDescription("List tools: contract, who asserted it, and what follows from it"))

  const schema = Command.make(
    "schema",
    {
      format: Argument.Literals("format", ["plan", "report", "journal"]).pipe(
        Argument.withDescription("Which format; a journal has one such object per line")
      )
    },
    (flags) => find({ command: "schema", flags })
  ).pipe(Command.withDescription("JSON Schema of a public format"))

  const root = Command.make("toolscope").pipe(
    Command.withDescription(
      "Run an agent's tool calls in parallel, decide when enough have answered, know that the rest have stopped"
    ),
    Command.withSubcommands([run, tools, schema])
  )

  const formatter = CliOutput.defaultFormatter({ colors: false })
  let help = ""
  const present: CliOutput.Presenter["present"] = (event) =>
    Effect.sync(() => {
      if (event._tag === "Version") help = event.version
      else help = formatter.formatHelpDoc(event.helpDoc)
    })
  const layer = Layer.mergeAll(
    NodeServices.layer,
    CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] }),
    CliOutput.layerPresenter({ present })
  )
  const error = await Effect.runPromise(
    Command.runWith(root, { version })(argv).pipe(
      Effect.as(undefined),
      Effect.catch((e) => Effect.succeed(e)),
      Effect.provide(layer)
    )
  )
  if (found !== undefined) return found
  const errors = error === undefined ? [] : error._tag === "ShowHelp" ? error.errors : [error]
  if (error === undefined) return { command: "help", text: `${help.trimEnd()}\n` }
  const path = error._tag === "ShowHelp" ? error.commandPath.join(" ") : "toolscope"
  return {
    command: "wrong",
    messages:
      errors.length === 0
        ? [path === "toolscope" ? "a command is missing" : `${path}: something is missing`]
        : errors.map(messageOf),
    hint: `see: ${path} --help`
  }
}

const messageOf = (error: CliError.CliError): string => CliError.getUserMessage(error) ?? error.message
