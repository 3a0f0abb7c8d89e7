/**
 * Secrets of the configuration, and hostile text: whatever a server says, and however it ends, no output of ours holds what its entry
 * keeps; and what it says to people and models is plain text of a bounded length.
 */
import { assert, describe, it } from "@effect/vitest"
import { Contract, Journal, Report, Tool } from "@toolscope/core"
import { McpTools } from "@toolscope/mcp"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import { Secrets } from "../src/internal/secrets.ts"
import { cleaned } from "../src/internal/text.ts"
import { hostName, toolName } from "../src/internal/names.ts"
import { config, errorOf, newFile, outcomesOf, reportOf, serverOf, web } from "./support.ts"

/** Of signs that have a meaning somewhere: in patterns, in JSON, in URLs, in shells. */
const signs = Array.from("abcXYZ0189.*+?^$()[]|\\/\"'`&%#=: {}é漢~!")
const SecretText = Schema.Array(Schema.Literals(signs)).check(Schema.isMinLength(10), Schema.isMaxLength(40))
const secretOf = (chars: ReadonlyArray<string>): string => `s${chars.join("")}e`

const echoes = (mode: string, secrets: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL("fixtures/echoes.ts", import.meta.url)), mode, secrets[0]!, `--token=${secrets[1]!}`],
  env: { SECRET_A: secrets[2]!, SECRET_B: "${TOOLSCOPE_TEST_SECRET}" }
})

/** Everything that is said of servers in all tempers: errors, tools, reports, journals, what observers see. */
const saidOf = (secrets: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const said: Array<unknown> = []
    process.env.TOOLSCOPE_TEST_SECRET = secrets[3]!
    const servers = yield* McpTools.open(
      config({
        ok: echoes("ok", secrets),
        dies: echoes("dies", secrets),
        garbage: echoes("garbage", secrets),
        refuses: echoes("refuses", secrets)
      }),
      { startTimeout: "5 seconds", unusable: "leaveOut" }
    )
    delete process.env.TOOLSCOPE_TEST_SECRET
    assert.deepStrictEqual(
      servers.failures.map(({ reason }) => reason._tag),
      ["DiedAtStart", "NoHandshake", "BadAnswer"]
    )
    for (const { reason, server } of servers.failures) said.push(server, reason, reason.message)
    const tools = yield* servers.tools
    for (const tool of tools) said.push(tool.name, tool.description, Tool.parametersJsonSchema(tool))
    said.push(yield* servers.entries)
    const journal = Journal.memory()
    const events = yield* journal.observe()
    const settled = (name: string) => ({ id: name, settled: { call: `ok__${name}` } })
    for (const names of [["fails", "throws", "progress"], ["dies"]]) {
      const report = yield* Effect.provideService(
        reportOf(tools, { all: names.map(settled) }),
        Journal.Current,
        journal
      )
      said.push(
        Report.toJson(report),
        report.calls.map(({ outcome }) => String("error" in outcome && outcome.error))
      )
      assert.isFalse(outcomesOf(report).includes("Succeeded"))
    }
    said.push(journal.events)
    said.push(yield* Stream.runCollect(Stream.take(events, journal.events.length)))
    return said
  })

describe("secrets of the configuration", () => {
  it.live.prop(
    "are in no error, report, journal, list of tools or progress, however the server says them",
    [Schema.Tuple([SecretText, SecretText, SecretText, SecretText])],
    ([secrets]) =>
      Effect.gen(function* () {
        const all = secrets.map((chars, i) => `${i}${secretOf(chars)}`)
        const said = JSON.stringify(yield* saidOf(all))
        for (const secret of all) {
          for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) {
            assert.notInclude(said, form)
            // as a text within JSON
            assert.notInclude(said, JSON.stringify(form).slice(1, -1))
          }
        }
        assert.include(said, "[redacted env.SECRET_A]")
        assert.include(said, "[redacted args.3]")
      }).pipe(Effect.scoped),
    { timeout: 120_000, arbitrary: { runs: 3, maxShrinks: 0 } }
  )

  it.prop(
    "are replaced by their place, in every form, also where one is a part of another",
    [Schema.Tuple([SecretText, SecretText])],
    ([[first, second]]) => {
      const [a, b] = [secretOf(first), secretOf(first) + secretOf(second)]
      const secrets = new Secrets({ command: "x", env: { A: a, B: b } })
      for (const form of [a, b, encodeURIComponent(b), JSON.stringify(a)]) {
        const text = secrets.redact(`before ${form}${form} after ${b}${a}`)
        assert.notInclude(text, a)
        assert.notInclude(text, secretOf(second))
        assert.isTrue(text.startsWith("before ") && text.includes(" after "))
      }
    }
  )

  it("of a URL and of headers are all but the origin, with what follows the scheme of a header", () => {
    const secrets = new Secrets({
      url: "https://ada:love%20lace@example.org/s/0123456789abcdef/mcp?key=question&n=1#fragment",
      headers: { Authorization: "Bearer sesame-opens" }
    })
    const said = secrets.redact(
      "https://example.org got love lace, love%20lace, 0123456789abcdef, key=question, question, fragment, sesame-opens of /mcp"
    )
    assert.strictEqual(
      said,
      "https://example.org got [redacted url], [redacted url], [redacted url], key=[redacted url], [redacted url], [redacted url], [redacted headers.Authorization] of /mcp"
    )
  })

  it.live("of a server over HTTP are in nothing that it makes us say", () =>
    Effect.gen(function* () {
      const { url } = yield* web("token", newFile(), { TOKEN: "sesame-opens" })
      const address = new URL(url)
      address.search = "?key=query-secret"
      const s = { url: address.href, headers: { Authorization: "Bearer sesame-opens" } }
      const tools = yield* McpTools.connect(config({ s }))
      const report = yield* reportOf(tools, { call: "s__failing" })
      assert.include(errorOf(report)?.message, "no luck with [redacted headers.Authorization]")
      assert.notMatch(JSON.stringify(Report.toJson(report)), /sesame-opens|query-secret/)
    })
  )

  it.live("leave the value of a call that succeeded as it is", () =>
    Effect.gen(function* () {
      const server = serverOf("server.ts")
      const tools = yield* McpTools.connect(
        config({ s: server("plain", newFile(), { env: { WORD: "one and only" } }) })
      )
      assert.strictEqual((yield* reportOf(tools, { call: "s__text" })).value, "one")
    })
  )
})

describe("hostile text", () => {
  it.prop("is plain when it is cleaned, and no longer than allowed", [Schema.String], ([text]) => {
    const hostile = `\u001b[31m${text}\u202e\u200b\u0007\u001b]0;title\u0007\ud800\u{e0041}`
    const plain = cleaned(hostile, 20)
    assert.notMatch(
      plain,
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/u
    )
    assert.notInclude(plain, "[31m")
    assert.isAtMost(plain.length, 20)
  })

  it.live("of descriptions and of names is gone before anybody sees it; two names that look alike stay two", () =>
    Effect.gen(function* () {
      const server = serverOf("server.ts")
      const tools = yield* McpTools.connect(config({ "my server": server("vile") }))
      for (const { description, name } of tools) {
        assert.match(name, /^my_server__[A-Za-z0-9_./-]+$/)
        assert.isAtMost(name.length, 128)
        assert.notMatch(description, /[\u0000-\u0008\u001b\u202e]/)
        assert.isAtMost(description.length, 10_000)
      }
      assert.strictEqual(new Set(tools.map(({ name }) => name)).size, tools.length)
      assert.deepStrictEqual(tools[0]!.contract, Contract.unknown)
      // it is called by its own name all the same
      assert.strictEqual((yield* reportOf(tools, { call: tools[1]!.name })).value, "vile 1")
    })
  )

  it.live("over standard output that is too long fails the call that it answers, typed, and no other", () =>
    Effect.gen(function* () {
      const server = serverOf("server.ts")
      const tools = yield* McpTools.connect(
        config({ s: server("plain", newFile(), { toolscope: { maxMessageBytes: 1_000_000 } }) })
      )
      const report = yield* reportOf(tools, {
        all: [
          { id: "big", settled: { call: "s__big" } },
          { id: "small", call: "s__text" }
        ]
      })
      assert.deepStrictEqual(outcomesOf(report), ["Failed", "Succeeded"])
      assert.strictEqual(errorOf(report)?._tag, "McpResultTooLarge")
      assert.include(errorOf(report)?.message, "1000000 bytes")
      assert.strictEqual(report.calls[0]!.effects[0]?.state, "unknown")
      // its server goes on
      assert.deepStrictEqual(outcomesOf(yield* reportOf(tools, { call: "s__text" })), ["Succeeded"])
    })
  )
})

describe("names of tools", () => {
  it("stay two where they differ in halves of signs only, which no encoding keeps apart", () => {
    assert.notStrictEqual(hostName("\ud800"), hostName("\udbff"))
    assert.notStrictEqual(toolName("a", "\ud800"), toolName("a", "\udbff"))
  })

  const Name = Schema.String.check(Schema.isMinLength(1))

  it.prop("of two servers are never the same, whatever their tools are called", [Name, Name], ([one, two]) => {
    for (const [a, b] of [
      ["a", "a_b"],
      ["a", "a.b"],
      ["ab", "abc"]
    ] as const) {
      assert.notStrictEqual(toolName(a, one), toolName(b, two))
      assert.notStrictEqual(toolName(a, `_${one}`), toolName(b, one))
    }
  })

  it.prop(
    "are such as every host takes where that is asked for, and different where they were",
    [Name, Name],
    (names) => {
      const [one, two] = names
      for (const name of [one, two, one + two, `${one}__${"x".repeat(100)}`])
        assert.match(hostName(name), /^[A-Za-z0-9_-]{1,64}$/)
      if (one !== two) assert.notStrictEqual(hostName(one), hostName(two))
    }
  )
})
