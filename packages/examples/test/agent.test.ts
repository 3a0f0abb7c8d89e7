/**
 * `npm run demo:agent` as people run it: with the scripted model, and with a server in its place.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"

const main = fileURLToPath(new URL("../src/agent/main.ts", import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
}

const run = (env: Record<string, string> = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const { FORCE_COLOR: _, OPENAI_API_KEY: _key, OPENAI_BASE_URL: _url, OPENAI_MODEL: _model, ...own } = process.env
    const options = { env: { ...own, NO_COLOR: "1", ...env } }
    const child = execFile(process.execPath, ["--conditions=ws-source", main], options, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout })
    })
    child.stdin?.end()
  })

describe("the demo of an agent", { timeout: 60_000 }, () => {
  it("plans anew when what is essential fails, lets the news hang, asks before it books, and answers", async () => {
    const { code, stdout } = await run()
    assert.strictEqual(code, 0, stdout)
    const lines = stdout.split("\n").map((line) => line.trim().replaceAll(/ +/g, " "))
    for (const expected of [
      "turn 1: search_trains, search_hotels, local_news",
      "search_trains failed: NoSeats: the night train is sold out on Friday. It only reads: nothing was changed.",
      "search_hotels stopped (an essential call of / failed: /call_1_1). It only reads: nothing was changed.",
      "turn 2: fanout",
      "a plan, which succeeded",
      '/ride/train {"train":"NJ 233 on Thursday","euros":89}',
      "turn 3: book, book",
      'book may it, with {"what":"Albergo del Sole","euros":140}? A script says yes',
      'book "booked: NJ 233 on Thursday"',
      "You leave on Thursday night with NJ 233 and stay at the Albergo del Sole: 229 euros in all."
    ])
      assert.include(lines, expected, stdout)
    assert.include(stdout, "/ride/bus     stopped (one at /call_2_1/ride has succeeded")
    assert.include(stdout, "Answered, after 4 turns")
  })

  it("has the same code with a server in place of the script, and ends with 1 where that fails", async () => {
    const requests: Array<any> = []
    const server = createServer((request, response) => {
      let text = ""
      request.on("data", (chunk: Buffer) => (text += chunk.toString()))
      request.on("end", () => {
        requests.push(JSON.parse(text))
        response.writeHead(requests.length > 1 ? 401 : 200, { "content-type": "text/event-stream" })
        response.end(
          'data: {"choices":[{"index":0,"delta":{"content":"Stay at home."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
        )
      })
    })
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    try {
      const env = {
        OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
        OPENAI_API_KEY: "key",
        OPENAI_MODEL: "small"
      }
      const first = await run(env)
      assert.strictEqual(first.code, 0, first.stdout)
      assert.include(first.stdout, "Stay at home.")
      assert.strictEqual(requests[0].model, "small")
      assert.include(
        requests[0].tools.map((tool: any) => tool.function.name),
        "fanout"
      )
      const second = await run(env)
      assert.strictEqual(second.code, 1)
      assert.include(second.stdout, "ModelFailed")
    } finally {
      server.close()
    }
  })
})
