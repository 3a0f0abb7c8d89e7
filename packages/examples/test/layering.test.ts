/**
 * The examples of layering, as services that stand already would use them: what is aborted drains, and nothing happens afterwards.
 */
import { assert, describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { spawn } from "node:child_process"
import { createServer } from "node:http"
import { fileURLToPath } from "node:url"
import { routes } from "../src/layering/http.ts"
import { make } from "../src/layering/managed.ts"
import { Vendors } from "../src/layering/offers.ts"

/** Lines, and a wait for one of them. */
const makeLog = () => {
  const lines: Array<string> = []
  const waiting: Array<() => void> = []
  return {
    lines,
    log: (line: string) => {
      lines.push(line)
      for (const wake of waiting.splice(0)) wake()
    },
    until: async (isThere: (lines: ReadonlyArray<string>) => boolean) => {
      while (!isThere(lines)) await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
}
const opened = ["ada opened", "bert opened", "eve opened"]
const closed = ["ada closed", "bert closed", "eve closed"]
const allOpen = (lines: ReadonlyArray<string>) => opened.every((line) => lines.includes(line))
const allClosed = (lines: ReadonlyArray<string>) => closed.every((line) => lines.includes(line))

describe("inside an Effect HTTP service", () => {
  const serve = <A>(
    use: (server: {
      readonly url: string
      readonly log: ReturnType<typeof makeLog>
      readonly spans: ReadonlyArray<Tracer.Span>
    }) => Promise<A>
  ) => {
    const log = makeLog()
    const spans: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const server = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
      Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 })),
      Layer.provide(Vendors.layer(log.log)),
      Layer.provide(Layer.succeed(Tracer.Tracer, tracer))
    )
    return Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const url = `http://127.0.0.1:${"port" in address ? address.port : 0}`
      return yield* Effect.promise(() => use({ url, log, spans }))
    }).pipe(Effect.provide(server))
  }

  it.live("answers with the value of the plan, and says why a plan was refused", () =>
    serve(async ({ log, url }) => {
      const answer = await fetch(`${url}/offers/teapot`)
      assert.deepStrictEqual([answer.status, await answer.json()], [200, { ada: 30, bert: 40 }])
      await log.until(allClosed)
      const refused = await fetch(`${url}/offers/42`)
      const { faults } = (await refused.json()) as { readonly faults: ReadonlyArray<{ readonly pointer: string }> }
      assert.strictEqual(refused.status, 400)
      assert.strictEqual(faults[0]!.pointer, "/plan/of/0/params/article")
    })
  )

  it.live("stops and drains the calls of a request that is aborted, and keeps their spans in its trace", () =>
    serve(async ({ log, spans, url }) => {
      const controller = new AbortController()
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` }
      const request = fetch(`${url}/offers/moon`, { signal: controller.signal, headers }).catch(
        (error: unknown) => error
      )
      await log.until(allOpen)
      controller.abort()
      assert.strictEqual(((await request) as Error).name, "AbortError")
      await log.until(allClosed)
      // the span of the request ends when its fiber does
      while (spans.some(({ status }) => status._tag !== "Ended")) await new Promise((resolve) => setTimeout(resolve, 5))
      const vendors = spans.filter(({ name }) => name === "vendor")
      assert.deepStrictEqual(vendors.map(({ attributes }) => attributes.get("vendor")).sort(), ["ada", "bert", "eve"])
      const requests = spans.filter(({ kind }) => kind === "server")
      assert.strictEqual(requests.length, 1)
      assert.deepStrictEqual([...new Set(spans.map((span) => span.traceId))], [traceId])
      for (const { parent } of vendors) {
        assert.strictEqual(parent._tag === "Some" ? parent.value.spanId : undefined, requests[0]!.spanId)
      }
      const endOf = ({ status }: Tracer.Span) => (status._tag === "Ended" ? status.endTime : 0n)
      assert.isTrue(vendors.every((span) => endOf(span) <= endOf(requests[0]!)))
    })
  )
})

describe("an Effect CLI", () => {
  const start = (article: string) => {
    const file = fileURLToPath(new URL("../src/layering/command.ts", import.meta.url))
    const child = spawn(process.execPath, ["--conditions=ws-source", file, article], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    const log = makeLog()
    let rest = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n")
      rest = lines.pop()!
      lines.forEach(log.log)
    })
    const code = new Promise<number | null>((resolve) => child.once("close", resolve))
    return { child, log, code }
  }

  it("prints the value of the plan", async () => {
    const { code, log } = start("teapot")
    assert.strictEqual(await code, 0)
    assert.include(log.lines, "{ ada: 30, bert: 40 }")
  })

  it("drains on Ctrl-C before it ends, with 130", async () => {
    const { child, code, log } = start("moon")
    await log.until(allOpen)
    child.kill("SIGINT")
    assert.strictEqual(await code, 130)
    assert.deepStrictEqual(log.lines, [...opened, ...closed, "interrupted, and drained"])
  })
})

describe("a ManagedRuntime, called from plain TypeScript", () => {
  it("gives a promise of the value", async () => {
    const { lines, log } = makeLog()
    const offers = make(log)
    assert.deepStrictEqual(await offers.of("teapot"), { ada: 30, bert: 40 })
    await offers.close()
    assert.isTrue(allClosed(lines))
  })

  it("rejects after the calls have drained, where its signal is aborted", async () => {
    const { lines, log, until } = makeLog()
    const offers = make(log)
    const controller = new AbortController()
    const moon = offers.of("moon", controller.signal).then(
      () => "a value",
      () => (allClosed(lines) ? "drained" : "not drained")
    )
    await until(allOpen)
    controller.abort()
    assert.strictEqual(await moon, "drained")
    // the runtime goes on
    assert.deepStrictEqual(await offers.of("teapot"), { ada: 30, bert: 40 })
    await offers.close()
  })

  it("stops and drains what runs, where the runtime is disposed of", async () => {
    const { lines, log, until } = makeLog()
    const offers = make(log)
    const moon = offers.of("moon").catch((error: unknown) => String(error))
    await until(allOpen)
    await offers.close()
    assert.isTrue(allClosed(lines))
    assert.include(await moon, "interrupted")
  })
})
