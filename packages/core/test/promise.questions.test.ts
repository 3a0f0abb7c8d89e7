/**
 * Questions through the promise entry: handlers that ask, people who answer, and runs that are suspended and go on elsewhere.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Report as CoreReport, Snapshot as CoreSnapshot } from "@toolscope/core"
import * as Schema from "effect/Schema"
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises"
import {
  all,
  call,
  contract,
  type Contract,
  DeniedError,
  type ExecuteContext,
  openSession,
  type Question,
  QuestionError,
  type QuestionOptions,
  type Report,
  resume,
  type ResumeOptions,
  run,
  settled,
  type Snapshot,
  SnapshotError,
  type SuspendedReport,
  tool
} from "@toolscope/core/promise"
import * as z from "zod"

const unhandled: Array<unknown> = []
const note = (reason: unknown) => unhandled.push(reason)
beforeAll(() => {
  process.on("unhandledRejection", note)
})
afterAll(async () => {
  await turn()
  process.off("unhandledRejection", note)
  assert.deepStrictEqual(unhandled, [])
})

const marked: Contract = { effect: "additive", commit: "marked" }
const room = { prompt: "Which room?", schema: z.number() }
/** A tool whose handler does this. */
const agent = (execute: (context: ExecuteContext) => unknown, its: Contract = contract.readOnly, name = "agent") =>
  tool({ name, contract: its, execute: (_, context) => execute(context) })
const outcomes = ({ calls }: Report) => calls.map(({ id, outcome }) => `${id} ${outcome}`)
const states = ({ questions }: { readonly questions: ReadonlyArray<Question> }) =>
  questions.map(({ id, state }) => `${id} ${state}`)
const suspended = (report: Report): SuspendedReport => {
  assert(report.status === "suspended", JSON.stringify(report))
  return report
}
/** As it would go to another process. */
const copy = (snapshot: Snapshot): unknown => JSON.parse(JSON.stringify(snapshot))
const reasonOf = async (promise: Promise<unknown>): Promise<{ readonly _tag: string }> => {
  const error = await promise.then(
    () => assert.fail("it was taken"),
    (error: unknown) => error
  )
  assert(error instanceof QuestionError || error instanceof SnapshotError, String(error))
  return error.reason
}
const orders = <A>(of: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  of.length === 0 ? [[]] : of.flatMap((one, i) => orders(of.toSpliced(i, 1)).map((rest) => [one, ...rest]))

/** Three that ask, beside one that fails, one that is slow, and one that just answers. */
const scene = () => {
  const runs: Record<string, number> = {}
  const named = (name: string, execute: (context: ExecuteContext) => unknown) =>
    tool({
      name,
      contract: contract.readOnly,
      execute: (_, context) => {
        runs[name] = (runs[name] ?? 0) + 1
        return execute(context)
      }
    })
  const asks = (name: string) => named(name, async ({ ask }) => `${name} ${await ask(room)}`)
  const tools = [
    ...["one", "two", "three"].map(asks),
    named("fails", async () => {
      throw new Error("no")
    }),
    named("slow", () => sleep(30, "slow")),
    named("plain", () => "plain")
  ]
  const plan = all(Object.fromEntries(tools.map((one) => [one.name, settled(call(one))])))
  return { plan, runs, tools }
}
const sceneIds = ["r/one?0", "r/two?0", "r/three?0"]
const sceneEnd = (denied: string) => [
  ...["/one", "/two", "/three"].map((id) => `${id} ${`r${id}?0` === denied ? "Denied" : "Succeeded"}`),
  "/fails Failed",
  "/slow Succeeded",
  "/plain Succeeded"
]

describe("three questions beside a failing, a slow and a plain tool", () => {
  it("are all seen, and answered in every order while the run goes on, one of them with a no", async () => {
    for (const order of orders(sceneIds)) {
      const { plan, runs, tools } = scene()
      const seen: Array<string> = []
      const report = await run(plan, {
        tools,
        runId: "r",
        onQuestion: async ({ id }, { answer, deny }) => {
          if (seen.push(id) < 3) return
          await deny(order[0]!, { by: "Ada", reason: "full" })
          await answer(order[1]!, 1, { by: "Bob" })
          await answer(order[2]!, 2)
        }
      })
      assert.deepStrictEqual([...seen].sort(), [...sceneIds].sort())
      assert.deepStrictEqual(outcomes(report), sceneEnd(order[0]!))
      assert.deepStrictEqual(new Set(Object.values(runs)), new Set([1]))
      const { by, reason } = report.questions.find(({ id }) => id === order[0])!
      assert.deepStrictEqual([by, reason], ["Ada", "full"])
    }
  })

  it("are all in one snapshot, which goes through text, and are answered one by one, in every order: siblings are not run again", async () => {
    for (const order of orders(sceneIds)) {
      const { plan, runs, tools } = scene()
      let report = suspended(await run(plan, { tools, runId: "r" }))
      assert.deepStrictEqual(
        states(report),
        sceneIds.map((id) => `${id} open`)
      )
      assert.deepStrictEqual(outcomes(report).slice(0, 3), ["/one Suspended", "/two Suspended", "/three Suspended"])
      const deny = { deny: [order[0]!], by: "Ada" }
      report = suspended(await resume(plan, copy(report.snapshot), { tools, ...deny }))
      report = suspended(await resume(plan, copy(report.snapshot), { tools, answers: { [order[1]!]: 1 } }))
      assert.deepStrictEqual(
        report.questions.filter(({ state }) => state === "open").map(({ id }) => id),
        [order[2]]
      )
      const end = await resume(plan, copy(report.snapshot), { tools, answers: { [order[2]!]: 2 } })
      assert.deepStrictEqual([end.status, ...outcomes(end)], ["succeeded", ...sceneEnd(order[0]!)])
      assert.deepStrictEqual(runs, { one: 2, two: 2, three: 2, fails: 1, slow: 1, plain: 1 })
    }
  })
})

describe("an answer", () => {
  it("is refused with a typed error where it is misdirected, malformed, or the second, and the question stays as it was", async () => {
    const its = agent(async ({ ask }) => ask(room))
    const refusals: Array<unknown> = []
    const report = await run(call(its), {
      tools: [its],
      runId: "r",
      onQuestion: async ({ id }, { answer, deny }) => {
        refusals.push(await reasonOf(answer("r/b?0", 1)))
        refusals.push(await reasonOf(answer(id, "204")))
        await answer(id, 204, { by: "Ada" })
        refusals.push(await reasonOf(answer(id, 205)))
        refusals.push(await reasonOf(deny(id)))
      }
    })
    assert.deepStrictEqual([report.value, states(report)], [204, ["r/?0 answered"]])
    await sleep(1)
    const message = "Invalid input: expected number, received string"
    assert.deepStrictEqual(refusals, [
      { _tag: "UnknownQuestion", id: "r/b?0", open: ["r/?0"] },
      { _tag: "MalformedAnswer", id: "r/?0", issues: [{ pointer: "", message }] },
      { _tag: "AlreadyAnswered", id: "r/?0", by: "Ada" },
      { _tag: "AlreadyAnswered", id: "r/?0", by: "Ada" }
    ])
  })

  it("that nobody waits to see refused ends no program, and what nobody answers is waited for until a signal", async () => {
    const its = agent(async ({ ask }) => ask(room))
    const report = await run(call(its), {
      tools: [its],
      signal: AbortSignal.timeout(30),
      onQuestion: ({ id }, { answer }) => {
        void answer(id, "204")
        void answer("nobody", 1)
      }
    })
    assert.deepStrictEqual([report.status, report.questions[0]?.state], ["interrupted", "withdrawn"])
  })

  it("may be what its schema makes of it, also where JSON Schema cannot say that", async () => {
    const its = agent(async ({ ask }) => (await ask({ prompt: "When?", schema: z.coerce.date() })).getFullYear())
    const { value } = await run(call(its), {
      tools: [its],
      onQuestion: ({ id, schema }, { answer }) => {
        assert.deepStrictEqual(schema, {})
        return answer(id, "2026-11-22T12:00:00Z")
      }
    })
    assert.strictEqual(value, 2026)
  })
})

describe("who asks", () => {
  it("is denied by a typed error, which let through makes the call denied, and gets it as a value where it knows better", async () => {
    let seen: unknown
    const lets = agent(
      async ({ ask }) => {
        try {
          return await ask(room)
        } catch (error) {
          seen = error
          throw error
        }
      },
      marked,
      "lets"
    )
    const knows = agent(({ askResult }) => askResult(room), contract.readOnly, "knows")
    const late = agent(({ askResult }) => askResult({ ...room, expires: 5 }), contract.readOnly, "late")
    const report = await run(all({ lets: settled(call(lets)), knows: call(knows), late: call(late) }), {
      tools: [lets, knows, late],
      onQuestion: ({ id, tool }, { deny }) => (tool === "late" ? undefined : deny(id, { by: "Ada", reason: "full" }))
    })
    assert.deepStrictEqual(outcomes(report), ["/lets Denied", "/knows Succeeded", "/late Succeeded"])
    assert(seen instanceof DeniedError)
    assert.deepStrictEqual(
      [seen.expired, seen.by, seen.why, seen.message],
      [false, "Ada", "full", "denied by Ada: full"]
    )
    assert.deepStrictEqual(report.calls[1]?.value, { _tag: "Denied", expired: false, by: "Ada", why: "full" })
    assert.deepStrictEqual(report.calls[2]?.value, { _tag: "Denied", expired: true, why: "nobody answered in time" })
  })

  it("is rejected with the reason of a stop, and its question is withdrawn and says why", async () => {
    let seen: unknown
    const its = agent(({ ask }) =>
      ask(room).catch((error: unknown) => {
        seen = error
        throw error
      })
    )
    const fails = agent(
      async () => {
        await sleep(10)
        throw new Error("no")
      },
      contract.readOnly,
      "fails"
    )
    const report = await run(all({ a: call(its), bad: call(fails) }), { tools: [its, fails], runId: "r" })
    assert.deepStrictEqual(outcomes(report), ["/a Cancelled", "/bad Failed"])
    assert.deepStrictEqual(seen, { source: "sibling", call: "/bad", reason: "an essential call of / failed" })
    assert.deepStrictEqual(
      [states(report), report.questions[0]?.reason],
      [["r/a?0 withdrawn"], "an essential call of / failed"]
    )
    assert.deepStrictEqual([report.drained, report.calls[0]?.afterStop], [true, undefined])
  })

  it("must not have acted by then: a tool that commits at start may not ask", async () => {
    const its = agent(async ({ ask }) => ask(room), contract.idempotent)
    const { calls, questions } = await run(call(its), { tools: [its] })
    assert.deepStrictEqual([questions, calls[0]?.error?._tag], [[], "ContractViolation"])
  })

  it("holds no permit, and no timeout of it runs", async () => {
    const its = agent(async ({ ask }) => ask(room))
    let ended = false
    const quick = agent(
      () => {
        ended = true
      },
      contract.readOnly,
      "quick"
    )
    const report = await run(all({ a: call(its), b: call(quick) }), {
      tools: [its, quick],
      concurrency: 1,
      timeout: 40,
      onQuestion: async ({ id }, { answer }) => {
        await sleep(120)
        assert.isTrue(ended)
        await answer(id, 1)
      }
    })
    assert.deepStrictEqual(outcomes(report), ["/a Succeeded", "/b Succeeded"])
  })

  it("asks several things at once, and in a further attempt is not asked again", async () => {
    let attempts = 0
    const its = agent(async ({ ask }) => {
      const answers = await Promise.all([ask(room), ask({ ...room, prompt: "And?" })])
      if (++attempts === 1) throw new Error("again")
      return answers
    })
    let asked = 0
    const report = await run(call(its, {}, { retry: 1 }), {
      tools: [its],
      onQuestion: ({ id }, { answer }) => answer(id, ++asked)
    })
    assert.deepStrictEqual([report.value, asked, attempts], [[1, 2], 2, 2])
  })

  it("may end without waiting for its answer: the question is withdrawn, and nothing is left waiting", async () => {
    for (const wait of [0, 10]) {
      let kept: ExecuteContext | undefined
      let asked: Promise<number> | undefined
      const its = agent(async (context) => {
        kept = context
        asked = context.ask(room)
        if (wait > 0) await sleep(wait)
        return "ended"
      })
      const report = await run(call(its), { tools: [its], runId: "r", onQuestion: () => {} })
      assert.deepStrictEqual([report.value, states(report)], ["ended", ["r/?0 withdrawn"]])
      const tag = (error: unknown) => (error as { readonly reason: { readonly _tag: string } }).reason._tag
      assert.strictEqual(await asked!.then(() => "answered", tag), "ContractViolation")
      assert.strictEqual(await kept!.ask(room).then(() => "answered", tag), "ContractViolation")
    }
  })

  it("and gives no prompt or no schema makes a mistake in the program", async () => {
    const wrongs: ReadonlyArray<[object, string]> = [
      [{ schema: z.number() }, "ask(): prompt is text, not empty, got undefined"],
      [{ prompt: "?" }, "ask(): a schema is required: say what an answer is"],
      [
        { ...room, expires: "soon" },
        'ask(): expires is a duration: milliseconds, or text such as "2 hours", got "soon"'
      ],
      [{ ...room, timeout: 1 }, 'ask(): unknown option "timeout"; there is: prompt, schema, expires']
    ]
    for (const [options, message] of wrongs) {
      const its = agent(({ ask }) => ask(options as never))
      const { calls } = await run(call(its), { tools: [its] })
      const cause = calls[0]?.error?.cause
      assert(cause instanceof TypeError)
      assert.strictEqual(cause.message, message)
    }
  })
})

describe("who answers", () => {
  it("and fails has denied, with what was thrown as the reason", async () => {
    for (const onQuestion of [
      () => {
        throw new Error("the line is dead")
      },
      async () => {
        await sleep(1)
        throw new Error("the line is dead")
      }
    ]) {
      const its = agent(async ({ ask }) => ask(room))
      const report = await run(call(its), { tools: [its], onQuestion })
      assert.deepStrictEqual(outcomes(report), ["/ Denied"])
      assert.strictEqual(report.questions[0]?.reason, "the line is dead")
    }
  })

  it("is told of questions, and has the rest of the run to answer, where only questions suspend it", async () => {
    const its = agent(async ({ ask }) => ask(room))
    const slow = agent(() => sleep(30, 1), contract.readOnly, "slow")
    const options: QuestionOptions = {
      questions: "suspend",
      onQuestion: ({ call, id }, { answer }) => (call === "/a" ? answer(id, 1) : undefined)
    }
    const plan = all({ a: call(its), b: call(its), slow: call(slow) })
    const report = suspended(await run(plan, { tools: [its, slow], runId: "r", ...options }))
    assert.deepStrictEqual(states(report), ["r/a?0 answered", "r/b?0 open"])
  })

  it("gets what is still open when a run is resumed, and not what the resume answers", async () => {
    const its = agent(async ({ ask }) => ask(room))
    const plan = all({ a: call(its), b: call(its) })
    const { snapshot } = suspended(await run(plan, { tools: [its], runId: "r" }))
    const seen: Array<string> = []
    const report = await resume(plan, copy(snapshot), {
      tools: [its],
      answers: { "r/a?0": 1 },
      onQuestion: ({ id }, { answer }) => {
        seen.push(id)
        return answer(id, 2)
      }
    })
    assert.deepStrictEqual([report.value, seen], [{ a: 1, b: 2 }, ["r/b?0"]])
  })

  it("is told by a signal when a question needs no answer any more, and is waited for before a run is suspended", async () => {
    const log: Array<string> = []
    const its = agent(async ({ ask }) => ask(room))
    const options: QuestionOptions = {
      questions: "suspend",
      onQuestion: async ({ call, id }, { answer, signal }) => {
        signal.addEventListener("abort", () => log.push(`${id} is over`))
        if (call === "/a") await sleep(1)
        else {
          await sleep(20)
          log.push("answers both")
          await answer("r/a?0", 1)
          await answer(id, 2)
          log.push("goes on")
        }
        if (call === "/a") await sleep(60_000, undefined, { signal })
      }
    }
    const report = await run(all({ a: call(its), b: call(its) }), { tools: [its], runId: "r", ...options })
    assert.deepStrictEqual(report.value, { a: 1, b: 2 })
    assert.deepStrictEqual(log, ["answers both", "r/a?0 is over", "goes on"])
  })

  it("is told once of what is open inside of a handler that runs again", async () => {
    const asks = agent(async ({ ask }) => ask(room), contract.readOnly, "asks")
    const outer = agent(async ({ fanout }) => (await fanout(all({ x: call(asks), y: call(asks) }))).value)
    const tools = [outer, asks]
    const plan = all({ a: call(outer) })
    const { snapshot } = suspended(await run(plan, { tools, runId: "r" }))
    const seen: Array<string> = []
    const report = await resume(plan, copy(snapshot), {
      tools,
      answers: { "r/a/x?0": 1 },
      onQuestion: async ({ id }, { answer }) => {
        seen.push(id)
        await sleep(20)
        await answer(id, 2)
      }
    })
    assert.deepStrictEqual([report.value, seen], [{ a: { x: 1, y: 2 } }, ["r/a/y?0"]])
  })

  it("has to be there, where a run is to wait", async () => {
    const its = agent(async ({ ask }) => ask(room))
    const rejection = (options: object) =>
      run(call(its), { tools: [its], ...options }).then(
        () => "ran",
        (error: unknown) => (error instanceof TypeError ? error.message : String(error))
      )
    assert.strictEqual(
      await rejection({ questions: "wait" }),
      'run(): with questions: "wait" somebody has to answer: give onQuestion'
    )
    assert.strictEqual(await rejection({ questions: "never" }), 'run(): questions is "suspend" or "wait", got "never"')
    assert.strictEqual(await rejection({ onQuestion: 1 }), "run(): onQuestion is a function, got 1")
    assert.strictEqual(await rejection({ key: "" }), 'run(): key is text, not empty, got ""')
    assert.match(await rejection({ approval: "sometimes" }), /^run\(\): approval is "always"/)
  })
})

describe("an approval", () => {
  const sent: Array<string> = []
  const send = tool({
    name: "send",
    parameters: z.object({ to: z.string() }),
    contract: contract.irreversible,
    approval: ({ to }, { effect }) => effect === "destructive" && !to.endsWith("@example.org"),
    execute: ({ to }) => sent.push(to)
  })
  const read = tool({ name: "read", contract: contract.readOnly, execute: () => "read" })
  const plan = all({
    ours: settled(call(send, { to: "ada@example.org" })),
    theirs: settled(call(send, { to: "bob@example.com" })),
    others: settled(call(send, { to: "eve@example.com" })),
    read: call(read)
  })
  const tools = [send, read]

  it("is asked for before a call starts, with its parameters, where the rule of its tool says so", async () => {
    sent.length = 0
    const report = await run(plan, {
      tools,
      onQuestion: ({ id, kind, params, prompt }, { answer }) => {
        assert.deepStrictEqual([kind, prompt], ["approval", "May send run? (destructive)"])
        const approved = (params as { to: string }).to === "eve@example.com"
        return answer(id, approved ? true : { approved, reason: "a stranger" }, { by: "Ada" })
      }
    })
    assert.deepStrictEqual(outcomes(report), [
      "/ours Succeeded",
      "/theirs Denied",
      "/others Succeeded",
      "/read Succeeded"
    ])
    assert.deepStrictEqual(sent, ["ada@example.org", "eve@example.com"])
    assert.deepStrictEqual([report.questions[0]?.by, report.questions[0]?.reason], ["Ada", "a stranger"])
  })

  it("is asked for by the rule of a run, and may be given where the run is resumed", async () => {
    sent.length = 0
    const first = suspended(await run(plan, { tools, runId: "r", approval: "byContract" }))
    assert.deepStrictEqual(states(first), ["r/ours?approval open", "r/theirs?approval open", "r/others?approval open"])
    assert.deepStrictEqual(sent, [])
    const report = await resume(plan, copy(first.snapshot), {
      tools,
      answers: { "r/ours?approval": true },
      deny: ["r/theirs?approval", "r/others?approval"]
    })
    assert.deepStrictEqual(outcomes(report), ["/ours Succeeded", "/theirs Denied", "/others Denied", "/read Succeeded"])
    assert.deepStrictEqual(sent, ["ada@example.org"])
  })

  it("is asked for by a rule that throws, or that forgets to say", async () => {
    for (const rule of [() => undefined, async () => false, () => assert.fail("no rule")]) {
      const { questions } = await run(call(read), { tools, approval: rule as never })
      assert.strictEqual(questions.length, 1)
    }
  })
})

describe("a suspended run", () => {
  it("tells its handlers by their signals, with the suspension as the reason", async () => {
    const seen: Array<unknown> = []
    const its = agent(async ({ ask, signal }) => {
      try {
        return await ask(room)
      } catch (error) {
        seen.push(error === signal.reason, signal.reason)
        throw error
      }
    })
    const report = suspended(await run(call(its), { tools: [its] }))
    assert.deepStrictEqual(seen, [true, { source: "suspend", reason: "the fan-out is suspended" }])
    assert.deepStrictEqual([report.drained, report.calls[0]?.leftBehind], [true, false])
  })

  it("leaves a handler behind that does not end, asks again all the same, and runs it again where it is resumed", async () => {
    const log: Array<string> = []
    let left: Promise<unknown> | undefined
    const its = agent(async ({ ask, commit }) => {
      log.push("begins")
      const asked = ask(room)
      await asked.catch(async () => {
        left = sleep(60).then(() => commit(() => log.push("too late")).catch(() => log.push("fenced")))
        await left
      })
      return commit((key) => {
        log.push(`commit ${key}`)
        return asked
      })
    }, marked)
    const first = suspended(await run(call(its), { tools: [its], runId: "r", drain: 10 }))
    assert.deepStrictEqual([first.drained, first.calls[0]?.leftBehind, states(first)], [false, true, ["r/?0 open"]])
    const end = await resume(call(its), copy(first.snapshot), { tools: [its], answers: { "r/?0": 7 } })
    await left
    assert.deepStrictEqual([end.status, end.value, end.drained], ["succeeded", 7, true])
    assert.deepStrictEqual(log, ["begins", "begins", "commit r/#0", "fenced"])
  })

  it("takes no answer from a handler that goes on without one: it runs again where it is resumed", async () => {
    const its = agent(({ ask }) => ask(room).catch(() => -1))
    const first = suspended(await run(call(its), { tools: [its], runId: "r" }))
    assert.deepStrictEqual(outcomes(first), ["/ Suspended"])
    assert.strictEqual((await resume(call(its), first.snapshot, { tools: [its], answers: { "r/?0": 7 } })).value, 7)
  })

  it("gives a handler what it had committed and been answered, in place of doing it again", async () => {
    const log: Array<string> = []
    const its = agent(async ({ ask, commit }) => {
      log.push("begins")
      const first = await ask(room)
      const offer = await commit((key) => {
        log.push(key)
        return { key, first }
      })
      const second = await ask({ prompt: `How many, at ${offer.key}?`, schema: z.number() })
      return [offer.first, second]
    }, marked)
    const one = suspended(await run(call(its), { tools: [its], runId: "r" }))
    const two = suspended(await resume(call(its), copy(one.snapshot), { tools: [its], answers: { "r/?0": 1 } }))
    const end = await resume(call(its), copy(two.snapshot), { tools: [its], answers: { "r/?1": 2 } })
    assert.deepStrictEqual(end.value, [1, 2])
    assert.deepStrictEqual(log, ["begins", "begins", "r/#0", "begins"])
  })

  it("has a public report without the snapshot, and a snapshot that is plain JSON, as published", async () => {
    const { plan, tools } = scene()
    const report = suspended(await run(plan, { tools, runId: "r" }))
    const json = JSON.parse(JSON.stringify(report)) as { readonly snapshot?: unknown }
    assert.strictEqual(json.snapshot, undefined)
    Schema.decodeUnknownSync(CoreReport.Json)(json, { onExcessProperty: "error" })
    assert.deepStrictEqual(copy(report.snapshot), report.snapshot)
    Schema.decodeUnknownSync(CoreSnapshot.Json)(report.snapshot, { onExcessProperty: "error" })
  })

  it("goes on inside of handlers: what a fan-out there had come to is not run again", async () => {
    let runs = 0
    const leaf = agent(() => ++runs, contract.readOnly, "leaf")
    const asks = agent(async ({ ask }) => ask(room), contract.readOnly, "asks")
    const caught: Array<unknown> = []
    const outer = agent(async ({ fanout, signal }) => {
      try {
        return (await fanout(all({ x: call(leaf), y: call(asks) }))).value
      } catch (error) {
        caught.push(error === signal.reason)
        throw error
      }
    })
    const tools = [outer, leaf, asks]
    const first = suspended(await run(all({ a: call(outer) }), { tools, runId: "r" }))
    assert.deepStrictEqual([states(first), caught], [["r/a/y?0 open"], [true]])
    const end = await resume(all({ a: call(outer) }), copy(first.snapshot), { tools, answers: { "r/a/y?0": 5 } })
    assert.deepStrictEqual([end.value, runs], [{ a: { x: 1, y: 5 } }, 1])
  })

  it("is stopped instead, and says why, where a value cannot be written down", async () => {
    const when = agent(() => new Date(0), contract.readOnly, "when")
    const its = agent(async ({ ask }) => ask(room))
    const report = await run(all({ a: call(its), when: call(when) }), { tools: [its, when] })
    assert.strictEqual(report.status, "interrupted")
    assert.match(report.calls[0]!.stoppedBy!.reason, /^it cannot be suspended: \/when: /)
  })
})

describe("a resume", () => {
  const its = agent(async ({ ask }) => ask(room))
  const plan = all({ a: call(its), b: call(its) })
  const start = async () => suspended(await run(plan, { tools: [its], runId: "r" })).snapshot
  const both = { answers: { "r/a?0": 1, "r/b?0": 2 } }
  const resumed = (snapshot: unknown, options: Partial<ResumeOptions> = {}, its_ = its, of: unknown = plan) =>
    resume(of, snapshot, { tools: [its_], ...both, ...options })

  it("happens once: a second one runs nothing", async () => {
    const snapshot = await start()
    assert.deepStrictEqual((await resumed(copy(snapshot))).value, { a: 1, b: 2 })
    assert.strictEqual((await reasonOf(resumed(copy(snapshot))))._tag, "AlreadyClaimed")
  })

  it("is refused, and claims nothing, with what is no snapshot, another plan, other tools, or ids that nobody asked", async () => {
    const snapshot = await start()
    const text = copy(snapshot)
    assert.strictEqual((await reasonOf(resumed({ ...(text as object), toolscope: 2 })))._tag, "BadSnapshot")
    assert.strictEqual((await reasonOf(resumed(undefined)))._tag, "BadSnapshot")
    const other = await reasonOf(resumed(text, {}, its, all({ a: call(its), c: call(its) })))
    assert.deepStrictEqual(other, { _tag: "OtherPlan", differences: ["/plan"] } as never)
    const changed = agent(async ({ ask }) => ask(room), marked)
    assert.strictEqual((await reasonOf(resumed(text, {}, changed)))._tag, "OtherPlan")
    const unknown = await reasonOf(resumed(text, { answers: { "r/c?0": 1 } }))
    assert.deepStrictEqual(unknown, { _tag: "UnknownQuestion", id: "r/c?0", open: ["r/a?0", "r/b?0"] } as never)
    const faulty = await resumed(text, {}, its, { call: "nobody" })
    assert.deepStrictEqual([faulty.status, faulty.runId], ["refused", "r"])
    const mistaken = resume(plan, text, { tools: [its], answer: {} } as never).catch((error: unknown) => error)
    assert.instanceOf(await mistaken, TypeError)
    assert.strictEqual((await resumed(text)).status, "succeeded")
  })

  it("leaves a question open whose answer it cannot take, and says why", async () => {
    const again = suspended(await resumed(await start(), { answers: { "r/a?0": "1", "r/b?0": 2 } }))
    assert.deepStrictEqual(states(again), ["r/a?0 open", "r/b?0 answered"])
    assert.strictEqual(again.refused[0]?._tag, "MalformedAnswer")
    assert.deepStrictEqual((await resumed(again.snapshot, { answers: { "r/a?0": 1 } })).value, { a: 1, b: 2 })
  })

  it("takes only what was signed, where there is a key", async () => {
    const signed = suspended(await run(plan, { tools: [its], runId: "r", key: "secret" })).snapshot
    assert.strictEqual(typeof signed.signature, "string")
    const options = { key: "secret" }
    const forged = { ...(copy(signed) as Snapshot), runId: "s" }
    assert.strictEqual((await reasonOf(resumed(forged, options)))._tag, "BadSignature")
    assert.strictEqual((await reasonOf(resumed(await start(), options)))._tag, "BadSignature")
    assert.strictEqual((await resumed(copy(signed), options)).status, "succeeded")
  })

  it("is claimed where it is told to", async () => {
    const snapshot = await start()
    const claimed = new Set<string>()
    const claim = async ({ snapshot }: Snapshot) => {
      await turn()
      const isFirst = !claimed.has(snapshot)
      claimed.add(snapshot)
      return isFirst
    }
    const ends = await Promise.allSettled([resumed(snapshot, { claim }), resumed(snapshot, { claim })])
    assert.deepStrictEqual(ends.map(({ status }) => status).sort(), ["fulfilled", "rejected"])
    const broken = await resumed(await start(), { claim: () => assert.fail("no database") }).catch(
      (error: unknown) => (error as Error).message
    )
    assert.strictEqual(broken, "no database")
  })

  it("can be stopped by a signal", async () => {
    const stopped = await resumed(await start(), { signal: AbortSignal.abort("the user left") })
    assert.strictEqual(stopped.status, "interrupted")
  })
})

describe("a session", () => {
  const its = agent(async ({ ask }) => ask(room))
  const plan = all({ a: call(its), b: call(its) })

  it("has all questions, takes answers by id, and tells of them as they are asked", async () => {
    await using session = await openSession({ tools: [its], id: "s", questions: "wait" })
    const fanout = session.fanout(plan)
    const seen: Array<string> = []
    for await (const { id } of session.questionStream) if (seen.push(id) === 2) break
    assert.deepStrictEqual(seen, ["s.1/a?0", "s.1/b?0"])
    assert.strictEqual((await reasonOf(session.answer("s.1/c?0", 1)))._tag, "UnknownQuestion")
    await session.answer("s.1/a?0", 1, { by: "Ada" })
    assert.strictEqual((await reasonOf(session.answer("s.1/a?0", 1)))._tag, "AlreadyAnswered")
    await session.deny("s.1/b?0")
    assert.deepStrictEqual(outcomes(await fanout), ["/a Succeeded", "/b Denied"])
    assert.deepStrictEqual(states({ questions: session.questions() }), ["s.1/a?0 answered", "s.1/b?0 denied"])
    void session.answer("s.1/a?0", 1)
    const wrong = await session.answer(1 as never, 1).catch((error: unknown) => error)
    assert.instanceOf(wrong, TypeError)
  })

  it("suspends a fan-out, tells who answers it to resume first, and takes it up in a further epoch", async () => {
    await using session = await openSession({ tools: [its], id: "s" })
    const { snapshot } = suspended(await session.fanout(plan))
    assert.strictEqual((await reasonOf(session.answer("s.1/a?0", 1)))._tag, "ResumeFirst")
    const again = suspended(await session.resume(plan, copy(snapshot), { answers: { "s.1/a?0": 1 }, by: "Ada" }))
    const end = await session.resume(plan, copy(again.snapshot), { answers: { "s.1/b?0": 2 } })
    assert.deepStrictEqual([end.status, end.runId, end.value, session.epoch()], ["succeeded", "s.1", { a: 1, b: 2 }, 3])
    assert.deepStrictEqual(
      session.reports().map(({ status }) => status),
      ["suspended", "suspended", "succeeded"]
    )
    assert.strictEqual((await reasonOf(session.resume(plan, copy(snapshot))))._tag, "AlreadyClaimed")
    assert.strictEqual((await reasonOf(session.resume(plan, {})))._tag, "BadSnapshot")
  })

  it("takes up a run of elsewhere: its loop over questions hears what is open, and an answer there counts", async () => {
    const { snapshot } = suspended(await run(plan, { tools: [its], runId: "r" }))
    await using session = await openSession({ tools: [its], id: "s", questions: "wait" })
    const seen: Array<string> = []
    const answering = (async () => {
      for await (const { id } of session.questionStream) {
        seen.push(id)
        await session.answer(id, 2)
      }
    })()
    const end = await session.resume(plan, copy(snapshot), { answers: { "r/a?0": 1 } })
    assert.deepStrictEqual([end.value, seen], [{ a: 1, b: 2 }, ["r/b?0"]])
    await session.close()
    await answering
  })

  it("withdraws the questions of a plan that another takes the place of", async () => {
    await using session = await openSession({
      tools: [its],
      id: "s",
      onQuestion: ({ id }, { answer }) => (id.startsWith("s.2") ? answer(id, 2) : undefined)
    })
    const first = session.fanout(call(its))
    for await (const _ of session.questionStream) break
    assert.strictEqual((await session.replan(call(its))).value, 2)
    assert.deepStrictEqual(states(await first), ["s.1/?0 withdrawn"])
    assert.strictEqual((await reasonOf(session.answer("s.1/?0", 1)))._tag, "Withdrawn")
  })
})
