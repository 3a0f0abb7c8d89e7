/**
 * Sessions of the promise entry: one fan-out at a time, with signals for interruption.
 */
import { assert, describe, it } from "@effect/vitest"
import { setTimeout as sleep } from "node:timers/promises"
import {
  all,
  atomic,
  call,
  contract,
  openSession,
  type Report,
  type RunEvent,
  type Session,
  SessionError,
  type SessionOptions,
  tool
} from "@toolscope/core/promise"
import * as z from "zod"

/** A world whose tools say what they do, and end when they are told to. */
const world = () => {
  const log: Array<string> = []
  const ends = new Map<string, () => void>()
  const named = z.object({ name: z.string() })
  const ended = (name: string) => new Promise<void>((resolve) => ends.set(name, resolve))
  /** Ends when it is told to stop. */
  const polite = tool({
    name: "polite",
    parameters: named,
    contract: contract.readOnly,
    execute: ({ name }, { signal }) =>
      new Promise<string>((resolve, reject) => {
        log.push(`${name} begins`)
        ends.set(name, () => {
          resolve(name)
        })
        signal.addEventListener("abort", () => {
          log.push(`${name} stops`)
          reject(signal.reason as Error)
        })
      })
  })
  /** Ends when the test lets it, and not before; it may act. */
  const deaf = tool({
    name: "deaf",
    parameters: named,
    contract: contract.irreversible,
    execute: async ({ name }) => {
      log.push(`${name} begins`)
      await ended(name)
      log.push(`${name} acts`)
      return name
    }
  })
  const quick = tool({
    name: "quick",
    parameters: named,
    contract: contract.readOnly,
    execute: async ({ name }) => {
      log.push(name)
      return name
    }
  })
  const fails = tool({
    name: "fails",
    contract: contract.readOnly,
    execute: async (): Promise<string> => {
      throw new Error("503")
    }
  })
  const throws = tool({
    name: "throws",
    contract: contract.readOnly,
    execute: (): string => {
      throw new Error("at once")
    }
  })
  const tools = [polite, deaf, quick, fails, throws]
  const open = (options: Partial<SessionOptions> = {}) => openSession({ tools, id: "s", ...options })
  const end = (name: string) => {
    ends.get(name)!()
  }
  return { deaf, end, fails, log, open, polite, quick, throws, tools }
}

const refusal = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => assert.fail("it was not refused"),
    (error: unknown) => error
  )
  if (!(error instanceof SessionError)) throw error
  return error.reason
}
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("it was not rejected"),
    (error: unknown) => error
  )
const stops = ({ calls }: Report) =>
  calls.map(({ stoppedBy }) => stoppedBy && `${stoppedBy.source}: ${stoppedBy.reason}`)
const isPending = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise.then(() => "over"), sleep(30, "pending")])) === "pending"

/** What was asked for in this breath has begun. */
const begun = Promise.resolve()

/** Whatever nobody handles while `body` runs, and shortly after. */
const unhandled = async (body: () => Promise<void>): Promise<ReadonlyArray<unknown>> => {
  const found: Array<unknown> = []
  const listener = (reason: unknown) => void found.push(reason)
  process.on("unhandledRejection", listener)
  try {
    await body()
    await sleep(10)
  } finally {
    process.off("unhandledRejection", listener)
  }
  return found
}

describe("a session of promises", () => {
  it("gives the report of each fan-out, numbers them, and keeps them", async () => {
    const { open, quick } = world()
    await using session = await open({ keep: 2 })
    const first = await session.fanout(all({ a: call(quick, { name: "x" }) }))
    assert.deepStrictEqual([first.status, first.value, first.runId], ["succeeded", { a: "x" }, "s.1"])
    await session.fanout(call(quick, { name: "y" }))
    const third = await session.replan(call(quick, { name: "z" }))
    assert.deepStrictEqual(
      session.reports().map(({ runId, value }) => [runId, value]),
      [
        ["s.2", "y"],
        ["s.3", "z"]
      ]
    )
    assert.strictEqual(session.reports()[1], third)
    assert.strictEqual(session.epoch(), 3)
  })

  it("keeps no report that it is told not to keep, and gives each all the same", async () => {
    const { fails, open, quick } = world()
    await using session = await open({ keep: 0 })
    assert.strictEqual((await session.fanout(call(quick, { name: "x" }))).value, "x")
    assert.strictEqual((await session.fanout(call(fails))).status, "failed")
    assert.deepStrictEqual(session.reports(), [])
  })

  it("gives a faulty plan as refused, with all faults, and stops nothing for it", async () => {
    const { end, open, polite } = world()
    await using session = await open()
    const running = session.fanout(call(polite, { name: "old" }))
    const refused = await session.replan({ all: [{ id: "a", call: "nobody" }] }, { drain: "soon" as never })
    assert.strictEqual(refused.status, "refused")
    assert.deepStrictEqual(
      refused.faults?.map(({ _tag, pointer }) => `${pointer} ${_tag}`),
      ["/plan/all/0/call UnknownTool", "/drain BadDuration"]
    )
    end("old")
    assert.strictEqual((await running).value, "old")
  })

  it("runs one fan-out at a time, and refuses another", async () => {
    const { end, open, polite, quick } = world()
    await using session = await open()
    const running = session.fanout(call(polite, { name: "a" }))
    assert.deepStrictEqual(await refusal(session.fanout(call(quick, { name: "b" }))), { _tag: "Busy", runId: "s.1" })
    end("a")
    assert.strictEqual((await running).status, "succeeded")
    assert.strictEqual((await session.fanout(call(quick, { name: "b" }))).status, "succeeded")
  })

  it("starts nothing of the new plan before the old one has drained and been undone", async () => {
    const { log, open, quick, tools } = world()
    const booked = tool({
      name: "booked",
      contract: {
        effect: "additive",
        compensate: async () => {
          log.push("undo begins")
          await sleep(20)
          log.push("undone")
        }
      },
      execute: () => void log.push("booked")
    })
    const slow = tool({
      name: "slow",
      contract: contract.readOnly,
      execute: (_, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            setTimeout(() => {
              log.push("drained")
              resolve()
            }, 20)
          })
        })
    })
    await using session = await open({ tools: [...tools, booked, slow] })
    const old = session.fanout(atomic(all([call(booked), call(slow)])))
    await sleep(10)
    await session.replan(call(quick, { name: "new" }), { reason: "news" })
    assert.deepStrictEqual(log, ["booked", "drained", "undo begins", "undone", "new"])
    const report = await old
    assert.strictEqual(report.status, "interrupted")
    assert.strictEqual(stops(report)[1], "replan: news")
  })

  it("runs the last of several that replan at once: there is one drain, and the others are superseded", async () => {
    const { log, open, polite, quick } = world()
    await using session = await open()
    void session.fanout(call(polite, { name: "old" }))
    const [b, c, d] = ["b", "c", "d"].map((name) => session.replan(call(quick, { name })))
    assert.deepStrictEqual(await refusal(b!), { _tag: "Superseded", by: "replan" })
    assert.deepStrictEqual(await refusal(c!), { _tag: "Superseded", by: "replan" })
    assert.strictEqual((await d!).value, "d")
    assert.deepStrictEqual(log, ["old begins", "old stops", "d"])
    assert.strictEqual(session.epoch(), 2)
  })

  it("does what it was asked for in one breath in the order in which it was asked", async () => {
    const { log, open, polite, quick } = world()
    const session = await open()
    const fanout = session.fanout(call(polite, { name: "a" }))
    const cancelled = session.cancel("no")
    const drained = session.drained()
    const closed = session.close()
    const late = session.fanout(call(quick, { name: "late" }))
    await Promise.all([cancelled, drained, closed])
    assert.deepStrictEqual(stops(await fanout), ["user: no"])
    assert.deepStrictEqual(await refusal(late), { _tag: "Closed" })
    assert.deepStrictEqual(log, ["a begins", "a stops"])
  })

  it("stops what runs when it is cancelled, and stays open", async () => {
    const { open, polite, quick } = world()
    await using session = await open()
    const old = session.fanout(call(polite, { name: "old" }))
    await session.cancel("never mind")
    assert.deepStrictEqual(stops(await old), ["user: never mind"])
    assert.strictEqual((await session.fanout(call(quick, { name: "x" }))).status, "succeeded")
  })

  it("names what was left behind and may act, until it has ended, or is overridden", async () => {
    const { deaf, end, log, open, quick } = world()
    await using session = await open()
    const old = session.fanout(call(deaf, { name: "mail" }), { drain: 10 })
    const reason = await refusal(session.replan(call(quick, { name: "new" })))
    if (reason._tag !== "NotDrained") return assert.fail(reason._tag)
    const ids = reason.leftBehind.map(({ id }) => id)
    assert.deepStrictEqual(ids, ["s.1/#1"])
    assert.strictEqual((await old).calls[0]?.leftBehind, true)
    assert.deepStrictEqual(
      session.quarantine.list().map(({ id, mayAct, tool }) => [id, mayAct, tool]),
      [["s.1/#1", true, "deaf"]]
    )
    assert.strictEqual((await session.replan(call(quick, { name: "despite" }), { despite: ids })).value, "despite")
    assert.strictEqual((await refusal(session.fanout(call(quick, { name: "new" }))))._tag, "NotDrained")

    const stopWaiting = new AbortController()
    const waits = session.quarantine.awaitEmpty({ ids, signal: stopWaiting.signal })
    stopWaiting.abort(new Error("no longer"))
    assert.match(String(await rejection(waits)), /no longer/)
    const empty = session.quarantine.awaitEmpty({ ids })
    end("mail")
    await empty
    await session.fanout(call(quick, { name: "new" }))
    assert.deepStrictEqual(log, ["mail begins", "despite", "mail acts", "new"])
  })

  it("refuses a call that fails the same way again and again", async () => {
    const { fails, open } = world()
    await using session = await open({ loop: 2 })
    for (let i = 0; i < 2; i++) assert.strictEqual((await session.fanout(call(fails))).status, "failed")
    const reason = await refusal(session.fanout(call(fails)))
    assert.deepStrictEqual(reason, {
      _tag: "LoopDetected",
      calls: [{ id: "/", tool: "fails", times: 2, error: "Rejected: rejected: Error: 503" }]
    })
  })

  it("tells its observer of all of its fan-outs, in order", async () => {
    const { open, quick } = world()
    const events: Array<RunEvent> = []
    {
      await using session = await open({
        onEvent: (event) => {
          events.push(event)
          throw new Error("nobody cares")
        }
      })
      await session.fanout(call(quick, { name: "a" }))
      await session.fanout(call(quick, { name: "b" }))
    }
    assert.deepStrictEqual(
      events.flatMap(({ epoch, type }) => (/^(session|fanout)/.test(type) ? [`${epoch} ${type}`] : [])),
      [
        "0 session.opened",
        ...[1, 2].flatMap((epoch) => ["opened", "drained", "closed"].map((what) => `${epoch} fanout.${what}`)),
        "2 session.closed"
      ]
    )
    assert.deepStrictEqual(
      events.map(({ seq }) => seq),
      events.map((_, i) => i)
    )
  })

  it("knows the tools of a single fan-out beside its own, and the nearer one of two with one name", async () => {
    const { open, quick } = world()
    await using session = await open()
    const other = tool({ name: "quick", contract: contract.readOnly, execute: () => "another" })
    const extra = tool({ name: "extra", contract: contract.readOnly, execute: () => "extra" })
    const plan = all({ a: call(other), b: call(extra) })
    assert.deepStrictEqual((await session.fanout(plan, { tools: [other, extra] })).value, { a: "another", b: "extra" })
    assert.strictEqual((await session.fanout(call(quick, { name: "own" }))).value, "own")
  })
})

describe("a signal", () => {
  it("stops the fan-out that it was given to, with its reason", async () => {
    const { log, open, polite } = world()
    await using session = await open()
    const controller = new AbortController()
    const running = session.fanout(call(polite, { name: "a" }), { signal: controller.signal })
    await begun
    controller.abort("the user left")
    const report = await running
    assert.strictEqual(report.status, "interrupted")
    assert.deepStrictEqual(stops(report), ["user: the user left"])
    assert.deepStrictEqual(log, ["a begins", "a stops"])
  })

  it("aborted in the same breath lets nothing start: not even the stop of what a replan replaces", async () => {
    const { end, log, open, polite, quick } = world()
    await using session = await open()
    const running = session.fanout(call(polite, { name: "a" }))
    await begun
    const controller = new AbortController()
    const replan = session.replan(call(quick, { name: "x" }), { signal: controller.signal })
    controller.abort("no")
    assert.deepStrictEqual(await refusal(replan), { _tag: "Aborted", reason: "no" })
    end("a")
    assert.strictEqual((await running).status, "succeeded")
    assert.deepStrictEqual(log, ["a begins"])
  })

  it("of a fan-out that is over stops nothing that comes after it", async () => {
    const { end, open, polite, quick } = world()
    await using session = await open()
    const controller = new AbortController()
    await session.fanout(call(quick, { name: "a" }), { signal: controller.signal })
    const next = session.fanout(call(polite, { name: "b" }))
    await begun
    controller.abort("too late")
    end("b")
    assert.strictEqual((await next).status, "succeeded")
  })

  it("that was aborted before lets nothing start, and stops nothing", async () => {
    const { end, log, open, polite, quick } = world()
    await using session = await open()
    const running = session.fanout(call(polite, { name: "a" }))
    const signal = AbortSignal.abort("before")
    for (const refused of [
      session.fanout(call(quick, { name: "x" }), { signal }),
      session.replan(call(quick, { name: "x" }), { signal })
    ]) {
      assert.deepStrictEqual(await refusal(refused), { _tag: "Aborted", reason: "before" })
    }
    assert.strictEqual(await rejection(session.cancel("x", { signal })), "before")
    assert.deepStrictEqual(log, ["a begins"])
    end("a")
    assert.strictEqual((await running).status, "succeeded")
  })

  it("aborted while a replan waits ends the wait, not the stop: what is stopped drains, and the place is free again", async () => {
    const { deaf, end, log, open, quick } = world()
    await using session = await open()
    const old = session.fanout(call(deaf, { name: "old" }), { drain: "1 minute" })
    const controller = new AbortController()
    const waits = session.replan(call(quick, { name: "new" }), { reason: "first", signal: controller.signal })
    await begun
    controller.abort("changed my mind")
    assert.deepStrictEqual(await refusal(waits), { _tag: "Aborted", reason: "changed my mind" })
    assert.deepStrictEqual(await refusal(session.fanout(call(quick, { name: "x" }))), {
      _tag: "Stopping",
      runId: "s.1"
    })
    const drained = session.drained()
    assert.isTrue(await isPending(drained))
    end("old")
    await drained
    assert.deepStrictEqual(stops(await old), ["replan: first"])
    assert.strictEqual((await session.fanout(call(quick, { name: "next" }))).status, "succeeded")
    assert.deepStrictEqual(log, ["old begins", "old acts", "next"])
  })

  it("of what is being replaced takes no place from the replan that waits, and changes no reason", async () => {
    const { deaf, end, open, quick } = world()
    await using session = await open()
    const controller = new AbortController()
    const old = session.fanout(call(deaf, { name: "old" }), { signal: controller.signal, drain: "1 minute" })
    const next = session.replan(call(quick, { name: "new" }), { reason: "news" })
    await begun
    controller.abort("me too")
    end("old")
    assert.strictEqual((await next).value, "new")
    assert.deepStrictEqual(stops(await old), ["replan: news"])
  })

  it("ends any wait, and nothing else", async () => {
    const { deaf, end, open } = world()
    await using session = await open()
    const old = session.fanout(call(deaf, { name: "old" }), { drain: "1 minute" })
    const controller = new AbortController()
    const { signal } = controller
    const waits = [session.drained({ signal }), session.cancel("stop", { signal }), session.close({ signal })]
    controller.abort("no patience")
    for (const wait of waits) assert.strictEqual(await rejection(wait), "no patience")
    const closed = session.close()
    assert.isTrue(await isPending(closed))
    end("old")
    await closed
    assert.deepStrictEqual(stops(await old), ["user: stop"])
  })

  it("that a tool aborts while it begins stops its fan-out", async () => {
    const { open, polite, tools } = world()
    const controller = new AbortController()
    const aborts = tool({
      name: "aborts",
      contract: contract.readOnly,
      execute: () => {
        controller.abort("from within")
      }
    })
    await using session = await open({ tools: [...tools, aborts] })
    const plan = all({ first: call(aborts), second: call(polite, { name: "second" }) })
    const report = await session.fanout(plan, { signal: controller.signal })
    assert.deepStrictEqual([report.status, stops(report)[1]], ["interrupted", "user: from within"])
  })

  it("of the session closes it: what runs hears the reason, and nothing starts any more", async () => {
    const { log, open, polite, quick } = world()
    const controller = new AbortController()
    const session = await open({ signal: controller.signal })
    const running = session.fanout(call(polite, { name: "a" }))
    await begun
    controller.abort(new Error("shutting down"))
    assert.deepStrictEqual(stops(await running), ["user: shutting down"])
    assert.deepStrictEqual(await refusal(session.fanout(call(quick, { name: "x" }))), { _tag: "Closed" })
    await session.close()
    const late = await open({ signal: controller.signal })
    assert.deepStrictEqual(await refusal(late.replan(call(quick, { name: "x" }))), { _tag: "Closed" })
    assert.deepStrictEqual(log, ["a begins", "a stops"])
  })

  it("is let go when what it was given to is over", async () => {
    const { open, quick } = world()
    const signal = new AbortController().signal
    let listeners = 0
    const counted = new Proxy(signal, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== "function") return value
        return (...args: ReadonlyArray<unknown>): unknown => {
          if (key === "addEventListener") listeners++
          if (key === "removeEventListener") listeners--
          return Reflect.apply(value, target, args)
        }
      }
    })
    const session = await open({ signal: counted })
    for (let i = 0; i < 3; i++) await session.fanout(call(quick, { name: "x" }), { signal: counted })
    await session.drained({ signal: counted })
    assert.strictEqual(listeners, 1, "that of the session")
    await session.close()
    assert.strictEqual(listeners, 0, "listeners")
  })
})

describe("the close of a session", () => {
  it("stops and drains what runs, when its block is left, also by an error", async () => {
    const { log, open, polite } = world()
    let running: Promise<Report> | undefined
    const left = (async () => {
      await using session = await open()
      running = session.fanout(call(polite, { name: "a" }))
      throw new Error("out")
    })()
    assert.match(String(await rejection(left)), /out/)
    assert.deepStrictEqual(log, ["a begins", "a stops"])
    assert.deepStrictEqual(stops(await running!), ["parent: the session was closed"])
  })

  it("is one close, however often it is asked for: all wait for the same drain", async () => {
    const { deaf, end, open } = world()
    const session = await open()
    void session.fanout(call(deaf, { name: "a" }), { drain: "1 minute" })
    const closes = [session.close(), session.close(), session[Symbol.asyncDispose]()]
    for (const close of closes) assert.isTrue(await isPending(close))
    end("a")
    await Promise.all(closes)
    await session.close()
  })

  it("refuses what waits, and what comes", async () => {
    const { deaf, end, log, open, quick } = world()
    const session = await open()
    void session.fanout(call(deaf, { name: "old" }), { drain: "1 minute" })
    const waits = session.replan(call(quick, { name: "new" }))
    const closed = session.close()
    assert.deepStrictEqual(await refusal(session.fanout(call(quick, { name: "x" }))), { _tag: "Closed" })
    end("old")
    assert.deepStrictEqual(await refusal(waits), { _tag: "Closed" })
    await closed
    assert.deepStrictEqual(log, ["old begins", "old acts"])
  })
})

const seen = async (session: Session, until: number): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for await (const { call, epoch } of session.outcomes) {
    found.push(`${epoch}${call.id} ${call.outcome}`)
    if (found.length === until) break
  }
  return found
}

describe("outcomes", () => {
  it("come as calls settle, so that the planner plans anew from inside of the loop", async () => {
    const { fails, log, open, polite, quick } = world()
    await using session = await open()
    const plan = all({ slow: call(polite, { name: "slow" }), news: call(quick, { name: "sold out" }) })
    const old = session.fanout(plan)
    const found: Array<string> = []
    for await (const { call: settled, epoch } of session.outcomes) {
      found.push(`${epoch}${settled.id} ${settled.outcome}`)
      if (settled.value === "sold out") await session.replan(call(fails), { reason: "sold out" })
      if (epoch === 2) {
        assert.strictEqual(settled.error?.message, "rejected: Error: 503")
        assert.strictEqual((settled.error?.cause as Error).message, "503")
        break
      }
    }
    assert.deepStrictEqual(found, ["1/news Succeeded", "1/slow Cancelled", "2/ Failed"])
    assert.deepStrictEqual(stops(await old), ["replan: sold out", undefined])
    assert.deepStrictEqual(log, ["slow begins", "sold out", "slow stops"])
  })

  it("begin with their loop: one that begins in the same breath as the fan-out misses nothing", async () => {
    const { open, throws } = world()
    await using session = await open()
    void session.fanout(all([call(throws), call(throws)]))
    assert.deepStrictEqual(await seen(session, 2), ["1/0 Failed", "1/1 Failed"])
  })

  it("are lost to no reader that is slow, or that asks for several at once, and end with the session", async () => {
    const { open, quick } = world()
    const session = await open()
    const reader = session.outcomes[Symbol.asyncIterator]()
    const plan = all(Array.from({ length: 5 }, (_, i) => call(quick, { name: String(i) })))
    await session.fanout(plan)
    const first = await Promise.all([reader.next(), reader.next(), reader.next()])
    await session.close()
    const rest = await Promise.all([reader.next(), reader.next(), reader.next(), reader.next()])
    assert.deepStrictEqual(
      [...first, ...rest].map(({ done, value }) =>
        done === true ? "done" : (value as { call: { id: string } }).call.id
      ),
      ["/0", "/1", "/2", "/3", "/4", "done", "done"]
    )
    assert.deepStrictEqual(await seen(session, 1), [])
  })

  it("that are abandoned half way hold neither the other readers nor the session", async () => {
    const { open, quick } = world()
    const session = await open()
    const forgotten = session.outcomes[Symbol.asyncIterator]()
    const left = seen(session, 1)
    const other = seen(session, 3)
    const returned = session.outcomes[Symbol.asyncIterator]()
    const pending = returned.next()
    assert.deepStrictEqual(await returned.return!(), { done: true, value: undefined })
    assert.strictEqual((await pending).done, true)
    for (let i = 0; i < 3; i++) await session.fanout(call(quick, { name: "x" }))
    assert.deepStrictEqual(await left, ["1/ Succeeded"])
    assert.deepStrictEqual(await other, ["1/ Succeeded", "2/ Succeeded", "3/ Succeeded"])
    await session.close()
    assert.strictEqual((await forgotten.next()).done, false)
    assert.strictEqual((await returned.next()).done, true)
  })
})

describe("what nobody waits for", () => {
  it("is no unhandled rejection, whatever it comes to", async () => {
    const { deaf, end, fails, log, open, polite, quick } = world()
    const found = await unhandled(async () => {
      const session = await open({ loop: 1, budget: { cohorts: 4 } })
      const controller = new AbortController()
      const { signal } = controller
      void session.fanout(call(polite, { name: "a" }))
      void session.fanout(call(quick, { name: "busy" }))
      void session.replan(call(quick, { name: "superseded" }))
      void session.replan(call(deaf, { name: "deaf" }), { drain: 5 })
      void session.drained({ signal: AbortSignal.timeout(1) })
      while (!log.includes("deaf begins")) await sleep(1)
      void session.replan(call(quick, { name: "waits" }), { signal })
      void session.drained({ signal })
      void session.cancel("x", { signal })
      void session.fanout(call(quick, { name: "stopping" }))
      controller.abort()
      void session.drained({ signal })
      void session.fanout(call(quick, { name: "aborted" }), { signal })
      await session.drained()
      void session.fanout(call(quick, { name: "not drained" }))
      void session.quarantine.awaitEmpty({ signal: AbortSignal.timeout(1) })
      await sleep(5)
      end("deaf")
      await session.quarantine.awaitEmpty()
      await session.fanout(call(fails))
      void session.fanout(call(fails))
      void session.fanout({ call: "nobody" })
      await session.fanout(call(quick, { name: "last" }))
      void session.fanout(call(quick, { name: "no cohort" }))
      void session.close({ signal })
      void session.fanout(call(quick, { name: "closed" }))
      await session.close()
    })
    assert.deepStrictEqual(found, [])
  })

  it("is told all the same to somebody who does wait", async () => {
    const { open, quick } = world()
    const session = await open()
    await session.close()
    const error = await rejection(session.fanout(call(quick, { name: "x" })))
    assert.instanceOf(error, SessionError)
    assert.strictEqual(error.message, "the session has been closed: open another")
  })
})

describe("what is wrong in the program", () => {
  const { quick, tools } = world()
  const plan = call(quick, { name: "x" })
  it.each<[string, SessionOptions, RegExp]>([
    ["no tools", {} as never, /openSession\(\): tools is a list of tools/],
    ["an option that is misspelt", { tools, budgets: {} } as never, /unknown option "budgets"/],
    ["a limit that is misspelt", { tools, limits: { tool: {} } } as never, /unknown option "tool"/],
    ["limits of a wrong kind", { tools, limits: { tools: 3 } } as never, /limits\.tools is an object/],
    ["a signal that is none", { tools, signal: {} as never }, /signal is an AbortSignal/],
    ["an empty id", { tools, id: "" }, /id is text, not empty/],
    ["a number that is text", { tools, loop: "3" as never }, /loop is a number/],
    [
      "settings, all at once",
      { tools, loop: 0, keep: -1, retryRatio: -1, limits: { concurrency: 0 }, budget: { calls: -1 } },
      /limits\.concurrency: .*; loop: .*; keep: .*; retryRatio: .*; budget\.calls: /
    ]
  ])("is a TypeError when a session is opened: %s", async (_, options, message) => {
    const error = await rejection(openSession(options))
    assert.instanceOf(error, TypeError)
    assert.match(error.message, message)
  })

  it.each<[string, (session: Session) => Promise<unknown>, RegExp]>([
    [
      "an option of replan in fanout",
      (s) => s.fanout(plan, { reason: "x" } as never),
      /fanout\(\): unknown option "reason"/
    ],
    ["a runId", (s) => s.replan(plan, { runId: "x" } as never), /replan\(\): unknown option "runId"/],
    ["despite that is no list", (s) => s.replan(plan, { despite: "s.1" as never }), /despite is a list of ids/],
    [
      "a signal in the place of options",
      (s) => s.drained(new AbortController().signal as never),
      /drained\(\): options are an object/
    ],
    ["a reason that is no text", (s) => s.cancel(1 as never), /cancel\(\): reason is text/],
    ["ids that are no list", (s) => s.quarantine.awaitEmpty({ ids: "x" as never }), /ids is a list of ids/]
  ])("is a TypeError of the promise that was asked for: %s", async (_, ask, message) => {
    await using session = await openSession({ tools })
    const error = await rejection(ask(session))
    assert.instanceOf(error, TypeError)
    assert.match(error.message, message)
  })
})
