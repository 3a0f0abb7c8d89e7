/**
 * Plan documents for the suites: two tools, and valid documents at random.
 */
import { Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { acting, prng, reading } from "./support.ts"

export const Read = Tool.make("read", {
  parameters: Schema.Struct({ of: Schema.String, deep: Schema.optionalKey(Schema.Struct({ n: Schema.Int })) }),
  contract: reading,
  handler: ({ of }) => Effect.succeed(of)
})
export const Write = Tool.make("write", { contract: acting, handler: () => Effect.succeed("written") })
export const tools = [Read, Write]

export const plan = (node: unknown, settings: object = {}) => ({ toolscope: 1, plan: node, ...settings })

/** A node without a fault. */
export const good = { call: "read", params: { of: "x" } }

export type Node = { readonly [key: string]: unknown }

/** A valid node over `tools`, with the defaults left out or written, in the form that encoding gives. */
export const randomNode = (random: ReturnType<typeof prng>, depth: number, overlap = false): Node => {
  const children = (n: number, over = overlap): ReadonlyArray<Node> =>
    Array.from({ length: n }, (_, i) => ({
      id: random.pick(["a", "é", "~1", "x y", "0"]) + i,
      ...randomNode(random, depth - 1, over)
    }))
  const maybe = (part: Node): Node => (random.next() < 0.5 ? part : {})
  const time = (): unknown => random.pick(["50 millis", "2 seconds", 0, 1.5, 250])
  const size = 1 + random.int(3)
  switch (depth === 0 ? 0 : random.int(6)) {
    case 1:
      return {
        all: [
          ...children(random.int(3)),
          ...(random.next() < 0.5
            ? [{ id: "adv", advisory: randomNode(random, depth - 1, overlap), ...maybe({ grace: time() }) }]
            : [])
        ]
      }
    case 2: {
      const of = children(size)
      // outcomes cannot agree: they are fixed at the close
      const agree = JSON.stringify(of).includes('"settled"') ? {} : maybe({ agree: true })
      return { quorum: 1 + random.int(size), of, ...agree, ...maybe({ surplus: "keep" }) }
    }
    case 3:
      return random.next() < 0.5
        ? { firstSuccess: children(size, true), ...maybe({ stagger: time() }) }
        : { firstSuccess: children(size), stagger: "infinity" }
    case 4:
      return { settled: randomNode(random, depth - 1, overlap) }
    case 5:
      return { deadline: time(), of: randomNode(random, depth - 1, overlap) }
    default: {
      const rest = { ...maybe({ timeout: time() }), ...maybe({ idempotencyKey: "k" }) }
      return overlap || random.next() < 0.5
        ? {
            call: "read",
            params: { of: "x", ...maybe({ deep: { n: random.int(9) } }) },
            ...rest,
            ...maybe({ retry: 2 })
          }
        : { call: "write", params: {}, ...rest }
    }
  }
}
