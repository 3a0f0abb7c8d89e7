/**
 * An example: a service of a program that stands on Effect 3. `Vendors` is there already; `Offers` asks three of them, and takes the first two
 * answers. Everything around it stays as it is: tags, layers, typed errors, spans.
 */
import { call, contract, quorum, run, tool } from "@toolscope/effect3"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export class NoOffer extends Data.TaggedError("NoOffer")<{ readonly status: string }> {}

export class Vendors extends Context.Tag("Vendors")<
  Vendors,
  { readonly price: (vendor: string, article: string) => Effect.Effect<number> }
>() {}

export class Offers extends Context.Tag("Offers")<
  Offers,
  { readonly of: (article: string) => Effect.Effect<{ readonly [vendor: string]: number }, NoOffer> }
>() {
  static readonly layer = Layer.effect(
    Offers,
    Effect.gen(function* () {
      const ask = yield* tool({
        name: "ask",
        parameters: {
          type: "object",
          properties: { vendor: { type: "string" }, article: { type: "string" } },
          required: ["vendor", "article"]
        },
        result: { type: "number" },
        contract: contract.readOnly,
        handler: ({ article, vendor }) => Effect.flatMap(Vendors, ({ price }) => price(vendor, article))
      })
      const plan = (article: string) =>
        quorum(2, {
          ada: call(ask, { vendor: "ada", article }),
          bert: call(ask, { vendor: "bert", article }),
          eve: call(ask, { vendor: "eve", article })
        })
      return {
        of: (article) =>
          Effect.flatMap(run(plan(article), { tools: [ask], drain: "1 second" }), (report) =>
            report.status === "succeeded" ? Effect.succeed(report.value) : new NoOffer({ status: report.status })
          )
      }
    })
  )
}
