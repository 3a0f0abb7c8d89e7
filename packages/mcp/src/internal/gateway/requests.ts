/**
 * The requests of a host that run: each a fan-out of its own. A request that is cancelled is stopped, and awaited to its bound.
 */
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import type { RequestHandlerExtra } from "@modelcontextprotocol/sdk/shared/protocol.js"
import {
  type CallToolResult,
  ElicitResultSchema,
  ErrorCode,
  McpError as ProtocolError,
  type ServerNotification,
  type ServerRequest
} from "@modelcontextprotocol/sdk/types.js"
import { Fanout, Journal, type Plan, PlanDocument, Questions, Report, type Tool } from "@toolscope/core"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { listen } from "../origins.ts"
import { type Elicit, policyOf } from "./asking.ts"
import { countCalls, Own, Progress, type Step } from "./progress.ts"
import { ofCall, ofPlan, refusedCall, refusedPlan } from "./results.ts"

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>
type Server = McpServer["server"]

/** The longest that a timer can be: people answer when they answer. */
const noTimeout = 2 ** 31 - 1

/** Of reports of plans that were refused: they never ran. */
const noRun = "none"

interface Steps {
  readonly next: (event: Journal.Event) => Step | undefined
}

interface Running {
  readonly stop: (reason: string) => void
  readonly ended: Promise<unknown>
}

interface Decided {
  readonly report: Report.Json
  readonly raw: CallToolResult | undefined
}

export class Requests {
  private readonly server: Server
  private readonly context: Context.Context<never>
  private readonly approval: Tool.Approval<unknown> | undefined
  private readonly running = new Set<Running>()
  /** Why nothing starts any more, once nothing does. */
  private stopped: string | undefined

  constructor(server: Server, context: Context.Context<never>, approval: Tool.Approval<unknown> | undefined) {
    this.server = server
    this.context = context
    this.approval = approval
  }

  get size(): number {
    return this.running.size
  }

  /** A single tool, as a fan-out of one. */
  call(tool: Tool.Any, params: unknown, extra: Extra): Promise<CallToolResult> {
    return this.answer(
      extra,
      Effect.flatMap(PlanDocument.decode({ toolscope: 1, plan: { call: tool.name, params } }, [tool]), (decoded) =>
        Effect.map(this.run(decoded, new Own(), extra), ({ raw, report }) => ofCall(report, raw))
      ).pipe(Effect.catchTag("PlanError", ({ faults }) => Effect.succeed(refusedCall(tool.name, faults))))
    )
  }

  /** A plan, as `fanout` takes it. */
  plan(document: Record<string, unknown>, tools: ReadonlyArray<Tool.Any>, extra: Extra): Promise<CallToolResult> {
    return this.answer(
      extra,
      Effect.flatMap(PlanDocument.decode({ toolscope: 1, ...document }, tools), (decoded) =>
        Effect.map(this.run(decoded, new Progress(countCalls(document.plan)), extra), ({ report }) => ofPlan(report))
      ).pipe(Effect.catchTag("PlanError", ({ faults }) => Effect.succeed(refusedPlan(noRun, faults))))
    )
  }

  hostIsGone(): void {
    this.stopAll("the host has gone")
  }

  /** Waits until everything has drained and its answer has been handed on. */
  stop(reason: string): Effect.Effect<void> {
    return Effect.promise(async () => {
      this.stopAll(reason)
      while (this.running.size > 0) await Promise.allSettled([...this.running].map(({ ended }) => ended))
      // the answers go out behind the ends
      await new Promise((resolve) => setImmediate(resolve))
    })
  }

  private stopAll(reason: string): void {
    this.stopped ??= reason
    for (const { stop } of this.running) stop(this.stopped)
  }

  private answer({ signal }: Extra, result: Effect.Effect<CallToolResult>): Promise<CallToolResult> {
    const why = this.stopped ?? (signal.aborted ? cancelled(signal.reason) : undefined)
    if (why !== undefined) {
      return Promise.reject(new ProtocolError(ErrorCode.InternalError, `nothing was started: ${why}`))
    }
    return Effect.runPromiseWith(this.context)(result)
  }

  private run(
    { plan, settings }: PlanDocument.Decoded<unknown>,
    steps: Steps,
    extra: Extra
  ): Effect.Effect<Decided, import("@toolscope/core").PlanError.PlanError> {
    return Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const shared = yield* Journal.Current
        const handle = yield* Fanout.start(plan as Plan.Plan<unknown, unknown>, {
          ...settings,
          ...(this.approval === undefined ? {} : { approval: this.approval })
        }).pipe(
          Effect.provideService(
            Questions.Current,
            policyOf(() => this.elicit(extra))
          ),
          Effect.provideService(Journal.Current, journalOf(shared, steps, extra))
        )
        let raw: CallToolResult | undefined
        const forget = listen(handle.runId, (result) => {
          raw = result
        })
        const ended = Effect.runPromise(handle.report)
        const running: Running = {
          ended,
          stop: (reason) => {
            Effect.runFork(handle.stop(reason))
          }
        }
        this.running.add(running)
        const onCancel = () => {
          running.stop(this.stopped ?? cancelled(extra.signal.reason))
        }
        extra.signal.addEventListener("abort", onCancel)
        const report = yield* Effect.ensuring(
          Effect.promise(() => ended),
          Effect.sync(() => {
            forget()
            this.running.delete(running)
            extra.signal.removeEventListener("abort", onCancel)
          })
        )
        return { report: Report.toJson(report), raw }
      })
    )
  }

  /** Through this host, for the sake of this request. */
  private elicit(extra: Extra): Elicit | undefined {
    // a host of before there were modes declares an empty object; the SDK reads that as forms
    if (this.server.getClientCapabilities()?.elicitation?.form === undefined) return undefined
    return (params, signal) =>
      extra.sendRequest({ method: "elicitation/create", params: { ...params, mode: "form" } }, ElicitResultSchema, {
        signal,
        timeout: noTimeout
      })
  }
}

/** Tells the host how far it has come, if it wants to know, and hands every event on. */
const journalOf = (shared: Journal.Journal | undefined, steps: Steps, extra: Extra): Journal.Journal => {
  const progressToken = extra._meta?.progressToken
  const tell = (event: Journal.Event) => {
    const step = progressToken === undefined ? undefined : steps.next(event)
    if (step === undefined) return
    void extra
      .sendNotification({ method: "notifications/progress", params: { progressToken: progressToken!, ...step } })
      .catch(() => {})
  }
  const own = Journal.make({
    write: (event) => {
      shared?.write(event)
      tell(event)
    },
    flush: shared?.flush ?? Effect.void
  })
  return {
    ...own,
    show: (draft) => {
      shared?.show(draft)
      tell(draft)
    }
  }
}

const cancelled = (reason: unknown): string =>
  typeof reason === "string" && reason !== "" ? `the host cancelled it: ${reason}` : "the host cancelled it"
