/**
 * Versions of the protocol: what is offered, and what a server may answer.
 */
import { assert, describe, it } from "@effect/vitest"
import { McpTools } from "@toolscope/mcp"
import { LATEST_PROTOCOL_VERSION, SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { config, newFile, reportOf, serverOf } from "./support.ts"

const server = serverOf("server.ts")

describe("versions of the protocol", () => {
  it("are known from the newest of the SDK back to the first that was published", () => {
    assert.strictEqual(SUPPORTED_PROTOCOL_VERSIONS[0], LATEST_PROTOCOL_VERSION)
    assert.includeMembers(SUPPORTED_PROTOCOL_VERSIONS, ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"])
  })

  for (const version of SUPPORTED_PROTOCOL_VERSIONS) {
    it.live(`of a server may be ${version}: the newest is offered, and what it answers is taken`, () =>
      Effect.gen(function* () {
        const file = newFile()
        const tools = yield* McpTools.connect(config({ s: server("version", file, { env: { VERSION: version } }) }))
        assert.strictEqual((yield* reportOf(tools, { call: "s__text" })).value, "one")
        assert.include(readFileSync(file, "utf8"), `offered ${LATEST_PROTOCOL_VERSION}`)
      })
    )
  }

  it.live("of a server that are not known are refused, with those that are", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        McpTools.connect(config({ s: server("version", newFile(), { env: { VERSION: "2031-01-01" } }) }))
      )
      const { reason } = error
      assert.strictEqual(reason._tag === "ServersFailed" && reason.servers[0]!.reason._tag, "UnsupportedVersion")
      assert.include(error.message, "2025-11-25")
    })
  )
})
