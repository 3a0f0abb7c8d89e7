/**
 * Lines of a server's standard output: whole whatever their pieces, bounded, and of what is too long it can be told whose answer it is.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { idOf, Lines, type Long } from "../src/internal/lines.ts"

const read = (text: string, pieces: number, limit: number) => {
  const lines: Array<string> = []
  const long: Array<Long> = []
  const reader = new Lines(
    limit,
    (line) => lines.push(line),
    (line) => long.push(line)
  )
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += pieces) reader.push(bytes.subarray(at, at + pieces))
  return { lines, long }
}

const Texts = Schema.Array(Schema.String)
const Pieces = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600 }))

describe("lines", () => {
  it.prop("are whole, however they were cut on their way", [Texts, Pieces], ([texts, pieces]) => {
    const sent = texts.map((text) => JSON.stringify(text))
    const { lines, long } = read(sent.map((line) => `${line}\n`).join(""), pieces, 1_000_000)
    assert.deepStrictEqual(
      lines,
      // what is no text on its own is not on a line either
      sent.map((line) => Buffer.from(line).toString())
    )
    assert.deepStrictEqual(long, [])
  })

  it.prop(
    "that are too long tell whose answer they are, and take no other with them",
    [Pieces, Schema.String],
    (given) => {
      const [pieces, text] = given
      const result = { content: [{ type: "text", text: `${text}","id":7}${"x".repeat(5_000)}{"id":8,` }] }
      const answers = [
        { jsonrpc: "2.0", id: 41, result },
        { result, jsonrpc: "2.0", id: 42 },
        { id: 43, jsonrpc: "2.0", result },
        { result, id: 44, jsonrpc: "2.0" }
      ]
      const { lines, long } = read(
        answers.map((answer) => `${JSON.stringify(answer)}\nshort\n`).join(""),
        pieces,
        2_000
      )
      assert.deepStrictEqual(long.map(idOf), [41, 42, 43, 44])
      assert.deepStrictEqual(lines, ["short", "short", "short", "short"])
    }
  )

  it("that are too long and no answer belong to nobody", () => {
    const { long } = read(`{"jsonrpc":"2.0","method":"x","params":"${"x".repeat(5_000)}"}\n`, 100, 2_000)
    assert.deepStrictEqual(long.map(idOf), [undefined])
  })
})
