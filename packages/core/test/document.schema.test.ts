/**
 * The JSON Schema of the plan format accepts what the decoder accepts, and refuses what has the wrong shape.
 */
import { assert, describe, it } from "@effect/vitest"
import { PlanDocument } from "@toolscope/core"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import { good, plan, randomNode, tools } from "./documents.ts"
import { prng } from "./support.ts"

const validate = new Ajv2020({ strict: false, allErrors: true }).compile(PlanDocument.jsonSchema())

describe("the JSON Schema of plans", () => {
  it.effect("accepts every document that decodes", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 300; seed++) {
        const random = prng(seed)
        const settings = random.next() < 0.5 ? { drain: "1 second", undo: 0, concurrency: 3 } : {}
        const document = plan(randomNode(random, 4), settings)
        yield* PlanDocument.decode(document, tools)
        assert.isTrue(validate(document), `seed ${seed}: ${JSON.stringify(validate.errors?.[0])}`)
      }
    })
  )

  it("refuses what has the wrong shape", () => {
    const child = { id: "a", ...good }
    const wrong: ReadonlyArray<unknown> = [
      7,
      {},
      { plan: good },
      { toolscope: 2, plan: good },
      plan({}),
      plan({ all: {} }),
      plan({ all: [good] }),
      plan({ all: [child], quorum: 1, of: [child] }),
      plan({ ...good, x: 1 }),
      plan(good, { speed: 1 })
    ]
    for (const document of wrong) assert.isFalse(validate(document), JSON.stringify(document))
  })
})
