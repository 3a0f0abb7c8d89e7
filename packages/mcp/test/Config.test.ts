/**
 * The configuration of MCP servers: all faults at once, each at its place, and no secret in any of them.
 */
import { assert, describe, it } from "@effect/vitest"
import { Config, type McpError } from "@toolscope/mcp"
import * as Effect from "effect/Effect"

const faultsOf = (error: McpError.McpError) => (error.reason._tag === "BadConfig" ? error.reason.faults : [])

describe("Config", () => {
  it.effect("takes the file that other clients use, and ignores what belongs to them", () =>
    Effect.gen(function* () {
      const config = yield* Config.parse(
        JSON.stringify({
          globalShortcut: "Ctrl+Space",
          mcpServers: {
            files: { command: "npx", args: ["-y", "x"], env: { A: "b" }, autoApprove: ["x"], type: "stdio" },
            own: { command: "x", toolscope: { trust: true, tools: { a: "readOnly", b: { repeat: "keyed" } } } },
            frail: { command: "x", toolscope: { unresponsive: "restart" } },
            web: { url: "https://example.org/mcp", headers: { Authorization: "Bearer ${TOKEN}" } },
            typed: { type: "streamable-http", url: "https://example.org/mcp" },
            camel: { type: "streamableHttp", url: "${BASE:-https://example.org}/mcp" },
            old: { type: "sse", url: "https://example.org/sse" },
            surf: { serverUrl: "https://example.org/mcp" }
          }
        })
      )
      assert.deepStrictEqual(config, {
        mcpServers: {
          files: { command: "npx", args: ["-y", "x"], env: { A: "b" } },
          own: { command: "x", toolscope: { trust: true, tools: { a: "readOnly", b: { repeat: "keyed" } } } },
          frail: { command: "x", toolscope: { unresponsive: "restart" } },
          web: { url: "https://example.org/mcp", headers: { Authorization: "Bearer ${TOKEN}" } },
          typed: { type: "http", url: "https://example.org/mcp" },
          camel: { type: "http", url: "${BASE:-https://example.org}/mcp" },
          old: { type: "sse", url: "https://example.org/sse" },
          surf: { url: "https://example.org/mcp" }
        }
      })
    })
  )

  it.effect("names every fault by its JSON Pointer, all at once", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Config.decode({
          mcpServers: {
            a: { command: 1, args: ["x", 5], env: { T: 1 }, cwd: null },
            "b/c": { toolscope: { trust: "yes", tool: {} } },
            d: { command: "x", toolscope: { tools: { q: "readonly", "w/x": { repaet: "never" } } } },
            deaf: { command: "x", toolscope: { unresponsive: "kill" } },
            e: 5,
            f: { url: "ftp://example.org" },
            g: { url: "https://example.org", headers: { "a b": "x" } },
            h: { url: "https://example.org", toolscope: { unresponsive: "restart" } },
            i: { type: "grpc", url: "https://example.org" },
            j: { command: "x", url: "https://example.org" },
            k: { type: "sse" },
            a__b: { command: "x" },
            "my server": { command: "x" },
            my_server: { command: "x" },
            "": { command: "x" }
          }
        })
      )
      assert.sameMembers(
        faultsOf(error).map(({ pointer }) => pointer),
        [
          "/mcpServers/a/command",
          "/mcpServers/a/args/1",
          "/mcpServers/a/env/T",
          "/mcpServers/a/cwd",
          "/mcpServers/b~1c/command",
          "/mcpServers/b~1c/toolscope/trust",
          "/mcpServers/b~1c/toolscope/tool",
          "/mcpServers/d/toolscope/tools/q",
          "/mcpServers/d/toolscope/tools/w~1x/repaet",
          "/mcpServers/deaf/toolscope/unresponsive",
          "/mcpServers/e",
          "/mcpServers/f/url",
          "/mcpServers/g/headers/a b",
          "/mcpServers/h/toolscope/unresponsive",
          "/mcpServers/i/type",
          "/mcpServers/j",
          "/mcpServers/k/url",
          "/mcpServers/a__b",
          "/mcpServers/my_server",
          "/mcpServers/"
        ]
      )
    })
  )

  it.effect("never shows a value: it may be secret", () =>
    Effect.gen(function* () {
      const texts = [
        `{"mcpServers": {"a": {"command": "x", "env": {"TOKEN": 123456789}, "args": [987654321]}}}`,
        `{"mcpServers": {"a": {"command": "x", "env": {"TOKEN": "hunter2" nonsense`,
        `{"mcpServers": {"a": {"command": "x", "env": "hunter2"}}}`,
        `hunter2`
      ]
      for (const text of texts) {
        const error = yield* Effect.flip(Config.parse(text))
        assert.notMatch(error.message + JSON.stringify(error), /hunter2|123456789|987654321/)
      }
    })
  )

  it.effect("has no server called __proto__, which would vanish", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Config.parse(`{"mcpServers": {"__proto__": {"command": "x"}}}`))
      assert.deepStrictEqual(
        faultsOf(error).map(({ pointer }) => pointer),
        ["/mcpServers/__proto__"]
      )
    })
  )
})
