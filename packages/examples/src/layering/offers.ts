/**
 * What the examples in this folder layer into a service: vendors that are asked for an offer, of which two are enough. A vendor is reached over
 * a connection, which takes a moment to close: that is what a stop has to wait for.
 */
import { Contract, Plan, Tool } from "@toolscope/core"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** The service that the application has already. */
export class Vendors extends Context.Service<
  Vendors,
  { readonly price: (vendor: string, article: string) => Effect.Effect<number> }
>()("examples/Vendors") {
  /** `log` hears of each connection. Nobody has a price for a `moon`: there they think for ever. */
  static readonly layer = (log: (line: string) => void): Layer.Layer<Vendors> =>
    Layer.succeed(Vendors, {
      price: (vendor, article) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            log(`${vendor} opened`)
          }),
          () => (article === "moon" ? Effect.never : Effect.delay(Effect.succeed(vendor.length * 10), 5)),
          () =>
            Effect.delay(
              Effect.sync(() => {
                log(`${vendor} closed`)
              }),
              50
            )
        ).pipe(Effect.withSpan("vendor", { attributes: { vendor } }))
    })
}

const Ask = Tool.make("ask", {
  description: "Asks a vendor for the price of an article",
  parameters: Schema.Struct({ vendor: Schema.String, article: Schema.String.check(Schema.isPattern(/^[a-z]+$/)) }),
  success: Schema.Number,
  contract: Contract.readOnly,
  handler: ({ article, vendor }) => Vendors.use(({ price }) => price(vendor, article))
})

/** Two of three are enough. What it requires, `Vendors`, is in its type. */
export const offers = (article: string) =>
  Plan.quorum(2, {
    ada: Plan.call(Ask, { vendor: "ada", article }),
    bert: Plan.call(Ask, { vendor: "bert", article }),
    eve: Plan.call(Ask, { vendor: "eve", article })
  })
