/**
 * `toolscope mcp`: an MCP server on standard input and output, for the host that has started it.
 *
 * Standard output carries the protocol and nothing else; whatever there is to say to people goes to standard error, which hosts keep in a log.
 * When the host closes its end, and at SIGINT and SIGTERM, everything is stopped and awaited to the bound, then the servers are ended. A second
 * signal leaves at once, and says what has not ended.
 */
import { Journal, type Tool } from "@toolscope/core"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Writable } from "node:stream"
import type { McpFlags } from "../internal/arguments.ts"
import { exitCodes } from "../internal/exitCodes.ts"
import type { Foreign } from "../internal/foreign.ts"
import type { JournalFile } from "../internal/journalFile.ts"
import { closing, openJournal, refusalLines } from "../internal/launch.ts"
import { leave } from "../internal/leave.ts"
import type { Output } from "../internal/output.ts"
import { fault, Refusal } from "../internal/refusal.ts"
import { Scene } from "../internal/scene.ts"
import * as Signals from "../internal/signals.ts"
import { loadAll, openAll } from "../internal/sources.ts"
import { oneLine, printable } from "../internal/text.ts"

export const mcp = async (flags: McpFlags, output: Output, foreign: Foreign): Promise<number> => {
  const scenes = new Map<string, Scene>()
  let stop: (reason: string) => void = () => {}
  foreign.onCrash = () => {
    stop("an exception outside of any call")
  }
  const signals = Signals.listen(
    (signal) => {
      const calls = [...scenes.values()].reduce((sum, scene) => sum + scene.running, 0)
      if (calls > 0) output.error(`toolscope: ${signal}: waiting for ${calls} call${calls === 1 ? "" : "s"} to stop`)
      stop(signal)
    },
    (signal) => {
      for (const [runId, scene] of scenes) leave({ flags: { json: false }, output, runId, scene }, signal)
    }
  )
  const scope = Scope.makeUnsafe()
  const fiber = Effect.runFork(
    Effect.provideService(
      serve(flags, output, scenes, (f) => {
        stop = f
      }),
      Scope.Scope,
      scope
    )
  )
  stop = () => {
    fiber.interruptUnsafe()
  }
  const exit = await Effect.runPromise(Fiber.await(fiber))
  await closing(scope, exit, output)
  signals.restore()
  const first = signals.first()
  if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
    const error = Cause.squash(exit.cause)
    if (!(error instanceof Refusal)) throw error
    for (const line of refusalLines(error.faults)) output.error(line)
    return exitCodes.refused
  }
  if (first !== undefined) return exitCodes[first]
  return foreign.crash === undefined ? exitCodes.succeeded : exitCodes.internal
}

/** Serves until the host has gone, or until it is told to stop; then everything has drained. */
const serve = (
  flags: McpFlags,
  output: Output,
  scenes: Map<string, Scene>,
  onReady: (stop: (reason: string) => void) => void
): Effect.Effect<void, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const [loaded, opened] = yield* Effect.promise(() => Promise.all([loadAll(flags), openJournal(flags.journal)]))
    const file = opened.value
    yield* Effect.addFinalizer(() => Effect.promise(async () => file?.close()))
    const none =
      flags.mcp === undefined && flags.tools.length === 0
        ? [fault("there is nothing to offer: name servers with --mcp CONFIG, or tools with --tools MODULE", "BadUsage")]
        : []
    const faults = [...none, ...loaded.faults, ...opened.faults]
    if (faults.length > 0) return yield* new Refusal({ faults })
    if (flags.journal !== undefined) yield* Effect.promise(async () => file?.add(flags.journal!))
    const [{ Gateway, McpTools }, { StdioServerTransport }] = yield* Effect.promise(() =>
      Promise.all([import("@toolscope/mcp"), import("@toolscope/mcp/Stdio")])
    )
    const { config, modules } = loaded.value
    const own = (yield* openAll({ config: undefined, modules })).map(({ tool }) => tool)
    const servers = yield* McpTools.open(config ?? { mcpServers: {} }, { unusable: "leaveOut" }).pipe(
      Effect.mapError((error) => new Refusal({ faults: [fault(error.message, "BadServer")] }))
    )
    const failures = servers.failures.map(
      ({ reason, server }) => `MCP server ${JSON.stringify(server)}: ${reason.message}`
    )
    const toolsOf = (tools: ReadonlyArray<Tool.Any>) => [...own, ...tools]
    const tools = toolsOf(yield* servers.tools)
    // a host has use for what can be used; where nothing can, it is to learn why at once
    if (tools.length === 0 && failures.length > 0) {
      return yield* new Refusal({ faults: failures.map((message) => fault(message, "BadServer")) })
    }
    for (const failure of failures) output.error(`toolscope: left out: ${printable(failure)}`)

    const out = writable(output)
    const transport = new StdioServerTransport(process.stdin, out)
    const gateway = yield* Gateway.serve(transport, {
      tools,
      schema: flags.schema,
      ...(flags.approve === undefined ? {} : { approval: flags.approve })
    }).pipe(
      Effect.provideService(Journal.Current, journalOf(file, scenes, output)),
      Effect.mapError((error) => new Refusal({ faults: [fault(error.message, "DuplicateTool")] }))
    )
    output.error(`toolscope: offers ${tools.length} tool${tools.length === 1 ? "" : "s"}, and fanout`)
    yield* servers.changes.pipe(
      Stream.runForEach((changed) =>
        Effect.catch(gateway.update(toolsOf(changed)), ({ message }) =>
          Effect.sync(() => {
            output.error(`toolscope: a list of tools that has changed is not offered: ${oneLine(message)}`)
          })
        )
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    const told = Deferred.makeUnsafe<string>()
    onReady((reason) => {
      Deferred.doneUnsafe(told, Effect.succeed(reason))
    })
    for (const event of ["end", "close"]) process.stdin.once(event, () => void transport.close())
    const reason = yield* Effect.raceFirst(Deferred.await(told), Effect.as(gateway.gone, "the host has gone"))
    yield* gateway.stop(reason)
    // answers that are on their way; a host that reads nothing is not waited for
    const written = Effect.promise(() => new Promise<void>((resolve) => out.end(resolve)))
    yield* Effect.timeoutOption(written, "2 seconds")
  })

/** One message after the other, whoever else prints. */
const writable = (output: Output): Writable => {
  const out = new Writable({
    decodeStrings: false,
    // never says that it is full: the SDK would listen once per message, and leaving such a crowd takes longer than anybody waits
    highWaterMark: Number.MAX_SAFE_INTEGER,
    write: (chunk: string | Buffer, _, done) => {
      void output.write(chunk.toString()).then(() => {
        done()
      })
    }
  })
  return out
}

/** What is under way is kept in mind, for a second signal; what is over is said only where it may still act. */
const journalOf = (file: JournalFile | undefined, scenes: Map<string, Scene>, output: Output): Journal.Journal => {
  let refused = false
  return Journal.make({
    write: (event) => {
      file?.write(event)
      const scene = scenes.get(event.run) ?? new Scene()
      scenes.set(event.run, scene)
      scene.note(event)
      if (event.type === "attempt.leftBehind") {
        const { state, tool } = scene.unfinished().find(({ call }) => call === event.call) ?? {}
        output.error(
          `toolscope: left behind: ${oneLine(event.call)} (${oneLine(tool ?? "")}), ${state ?? ""}; ${event.run}`
        )
      } else if (event.type === "fanout.closed") {
        scenes.delete(event.run)
        if (file?.failure === undefined || refused) return
        refused = true
        output.error(`toolscope: the journal refuses, and nothing starts any more: ${oneLine(file.failure)}`)
      }
    },
    flush: file?.flush ?? Effect.void
  })
}
