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

export interface LaunchFlags extends Sources {
  readonly journal: string | undefined
  /** `undefined`: if standard error is a terminal. */
  readonly progress: boolean | undefined
  /** Where a snapshot goes. */
  readonly snapshot: string | undefined
  readonly approve: "always" | "never" | "byContract" | undefined
  /** Who answers. `undefined`: the user whose process this is. */
  readonly by: string | undefined
}

export interface RunFlags extends LaunchFlags {
  readonly plan: string
}

export interface ResumeFlags extends LaunchFlags {
  readonly from: string
  readonly answer: ReadonlyArray<string>
  readonly deny: ReadonlyArray<string>
  readonly reclaim: boolean
}

export interface ToolsFlags extends Sources {
  /** A configuration with the contracts spelled out: where it goes, `"-"` for standard output. */
  readonly write: string | undefined
  readonly force: boolean
}

export interface McpFlags extends Omit<Sources, "json"> {
  readonly journal: string | undefined
  readonly approve: "always" | "never" | "byContract" | undefined
  readonly schema: "inline" | "refs"
}

export interface SchemaFlags {
  readonly format: "plan" | "report" | "journal" | "snapshot"
}

export interface EvalFlags {
  readonly runner: ReadonlyArray<string>
  readonly scenario: ReadonlyArray<string>
  readonly json: boolean
  readonly junit: string | undefined
  readonly journal: string | undefined
}

export type Invocation =
  | { readonly command: "run"; readonly flags: RunFlags }
  | { readonly command: "resume"; readonly flags: ResumeFlags }
  | { readonly command: "tools"; readonly flags: ToolsFlags }
  | { readonly command: "mcp"; readonly flags: McpFlags }
  | { readonly command: "schema"; readonly flags: SchemaFlags }
  | { readonly command: "eval"; readonly flags: EvalFlags }
  | { readonly command: "help"; readonly text: string }
  | { readonly command: "wrong"; readonly messages: ReadonlyArray<string>; readonly hint: string }

/** Part of the design, not of this version. */
const later = {
  commands: ["audit", "trace", "sessions", "serve"],
  flags: ["--trace"]
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

const exits =
  "Exit code: 0 succeeded; 1 the policy failed; 2 refused, nothing was started; 3 suspended, as questions are open: the snapshot to " +
  "resume from is in a file; 4 succeeded, but something left behind may still act; 70 internal; 130 or 143 interrupted, after draining"

const approve = Flag.Literals("approve", ["always", "never", "byContract"]).pipe(
  Flag.withDescription(
    "Before which calls a person has to agree, beside what their tools say: byContract, before those that act and cannot be undone"
  ),
  Flag.optional
)

/** The flags of whatever runs a plan. */
const launching = (journal: string) => ({
  ...sources,
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("The report as one JSON object on standard output, and nothing else there"),
    Flag.withDefault(false)
  ),
  journal: Flag.String("journal").pipe(Flag.withDescription(journal), Flag.withMetavar("FILE"), Flag.optional),
  progress: Flag.Boolean("progress").pipe(
    Flag.withDescription("Lines on standard error as things happen; by default if that is a terminal"),
    Flag.optional
  ),
  snapshot: Flag.String("snapshot").pipe(
    Flag.withDescription(
      "Where the snapshot goes if the run is suspended; by default beside the plan, with the run id in its name, or where it was resumed from"
    ),
    Flag.withMetavar("FILE"),
    Flag.optional
  ),
  approve,
  by: Flag.String("by").pipe(
    Flag.withDescription("Who answers; by default the user whose process this is"),
    Flag.withMetavar("NAME"),
    Flag.optional
  )
})

type Launching = ReturnType<typeof launching>
type Parsed = {
  readonly [K in "mcp" | "journal" | "progress" | "snapshot" | "approve" | "by"]: Launching[K] extends Flag.Flag<
    infer A
  >
    ? A
    : never
}

const launched = ({ approve, by, journal, mcp, progress, snapshot }: Parsed) => ({
  mcp: Option.getOrUndefined(mcp),
  journal: Option.getOrUndefined(journal),
  progress: Option.getOrUndefined(progress),
  snapshot: Option.getOrUndefined(snapshot),
  approve: Option.getOrUndefined(approve),
  by: Option.getOrUndefined(by)
})

/** Is `--json` among the arguments? Asked also where the rest of them cannot be read. */
export const wantsJson = (argv: ReadonlyArray<string>): boolean => {
  const end = argv.indexOf("--")
  return (end === -1 ? argv : argv.slice(0, end)).some((arg) => arg === "--json" || arg === "--json=true")
}

const notYet = (argv: ReadonlyArray<string>): string | undefined => {
  const [command] = argv
  if (command !== undefined && later.commands.includes(command)) return `the command "${command}"`
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
      ...launching("Write what happens into this file, one JSON object per line; it is overwritten")
    },
    (flags) => find({ command: "run", flags: { ...flags, ...launched(flags) } })
  ).pipe(
    Command.withDescription(`Run a plan, and report how every call ended. ${exits}`),
    Command.withShortDescription("Run a plan, and report how every call ended")
  )

  const resume = Command.make(
    "resume",
    {
      from: Argument.String("snapshot").pipe(
        Argument.withDescription("A snapshot that a run has written; its plan is in it")
      ),
      answer: Flag.String("answer").pipe(
        Flag.withDescription(
          "ID=ANSWER: the answer to a question, as JSON, or as text where that is wanted; y or n for an approval; may be repeated"
        ),
        Flag.withMetavar("ID=ANSWER"),
        Flag.atLeast(0)
      ),
      deny: Flag.String("deny").pipe(
        Flag.withDescription("A question that nobody will answer: its call ends as denied; may be repeated"),
        Flag.withMetavar("ID"),
        Flag.atLeast(0)
      ),
      reclaim: Flag.Boolean("reclaim").pipe(
        Flag.withDescription("Run again what somebody has resumed already, knowing that it may act twice"),
        Flag.withDefault(false)
      ),
      ...launching("Add what happens to this file, one JSON object per line")
    },
    (flags) => find({ command: "resume", flags: { ...flags, ...launched(flags) } })
  ).pipe(
    Command.withDescription(
      `Go on with a run that was suspended, with answers to its questions; what is over is not run again. ${exits}`
    ),
    Command.withShortDescription("Go on with a run that was suspended")
  )

  const tools = Command.make(
    "tools",
    {
      ...sources,
      json: Flag.Boolean("json").pipe(Flag.withDescription("As one JSON object"), Flag.withDefault(false)),
      write: Flag.String("write").pipe(
        Flag.withDescription(
          "Propose the configuration of --mcp with every contract spelled out: the whole of it into this file, or, without a file, its new part on standard output"
        ),
        Flag.withMetavar("FILE"),
        Flag.optional
      ),
      force: Flag.Boolean("force").pipe(
        Flag.withDescription("With --write: replace the file if there is one"),
        Flag.withDefault(false)
      )
    },
    ({ mcp, write, ...rest }) =>
      find({
        command: "tools",
        flags: { ...rest, mcp: Option.getOrUndefined(mcp), write: Option.getOrUndefined(write) }
      })
  ).pipe(Command.withDescription("List tools: contract, who asserted it, and what follows from it"))

  const mcp = Command.make(
    "mcp",
    {
      ...sources,
      journal: Flag.String("journal").pipe(
        Flag.withDescription("Add what happens to this file, one JSON object per line"),
        Flag.withMetavar("FILE"),
        Flag.optional
      ),
      approve,
      schema: Flag.Literals("schema", ["inline", "refs"]).pipe(
        Flag.withDescription(
          "How the parameters of fanout are described: inline, without references, for hosts that cannot follow them; or whole, with references"
        ),
        Flag.withDefault("inline" as const)
      )
    },
    ({ approve, journal, mcp, ...rest }) =>
      find({
        command: "mcp",
        flags: {
          ...rest,
          mcp: Option.getOrUndefined(mcp),
          journal: Option.getOrUndefined(journal),
          approve: Option.getOrUndefined(approve)
        }
      })
  ).pipe(
    Command.withDescription(
      "Be an MCP server on standard input and output: offer a host the tools of --mcp and --tools, and fanout, which runs plans over them. Ends, after draining, when the host has gone, or at SIGTERM or SIGINT"
    ),
    Command.withShortDescription("Offer the tools, and plans over them, to an MCP host")
  )

  const schema = Command.make(
    "schema",
    {
      format: Argument.Literals("format", ["plan", "report", "journal", "snapshot"]).pipe(
        Argument.withDescription("Which format; a journal has one such object per line")
      )
    },
    (flags) => find({ command: "schema", flags })
  ).pipe(Command.withDescription("JSON Schema of a public format"))

  const evaluate = Command.make(
    "eval",
    {
      runner: Flag.String("runner").pipe(
        Flag.withDescription(
          "An ES module whose default export is a runner: a tool layer of your own; may be repeated. By default Toolscope itself"
        ),
        Flag.withMetavar("MODULE"),
        Flag.atLeast(0)
      ),
      scenario: Flag.String("scenario").pipe(
        Flag.withDescription("Only this scenario; may be repeated"),
        Flag.withMetavar("NAME"),
        Flag.atLeast(0)
      ),
      json: Flag.Boolean("json").pipe(Flag.withDescription("As one JSON object"), Flag.withDefault(false)),
      junit: Flag.String("junit").pipe(
        Flag.withDescription("Write the results into this file as JUnit, too"),
        Flag.withMetavar("FILE"),
        Flag.optional
      ),
      journal: Flag.String("journal").pipe(
        Flag.withDescription("Keep the ledger of each scenario in this folder"),
        Flag.withMetavar("DIR"),
        Flag.optional
      )
    },
    ({ journal, junit, ...rest }) =>
      find({
        command: "eval",
        flags: { ...rest, junit: Option.getOrUndefined(junit), journal: Option.getOrUndefined(journal) }
      })
  ).pipe(
    Command.withDescription(
      "Run the adversarial eval: hostile tools, and whether what a tool layer says of them is true. " +
        "Exit code: 0 full score; 1 something failed; 2 refused, nothing was started"
    ),
    Command.withShortDescription("Run the adversarial eval against a tool layer")
  )

  const root = Command.make("toolscope").pipe(
    Command.withDescription(
      "Run an agent's tool calls in parallel, decide when enough have answered, know that the rest have stopped"
    ),
    Command.withSubcommands([run, resume, tools, mcp, schema, evaluate])
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
    Command.runWith(root, { version })(withTarget(argv)).pipe(
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

/** `--write` without a file means standard output. */
const withTarget = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  argv.map((arg, i) => {
    const next = argv[i + 1]
    return arg === "--write" && (next === undefined || next.startsWith("--")) ? "--write=-" : arg
  })

const messageOf = (error: CliError.CliError): string => CliError.getUserMessage(error) ?? error.message
