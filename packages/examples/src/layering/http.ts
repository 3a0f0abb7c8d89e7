/**
 * Inside an Effect HTTP service. A fan-out runs on the fiber of its request: a client that goes away interrupts that, and the calls are stopped
 * and drained before the fiber is over. Handlers keep the span of the request as their parent.
 */
import { Fanout, Report } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { offers } from "./offers.ts"

/** `GET /offers/teapot` */
export const routes = HttpRouter.add(
  "GET",
  "/offers/:article",
  Effect.gen(function* () {
    const { article = "" } = yield* HttpRouter.params
    return HttpServerResponse.jsonUnsafe(
      yield* Fanout.run(offers(article), { drain: "1 second", timeout: "10 seconds" })
    )
  }).pipe(
    Effect.catchTags({
      PlanError: ({ faults }) => Effect.succeed(HttpServerResponse.jsonUnsafe({ faults }, { status: 400 })),
      FanoutError: ({ report }) => Effect.succeed(HttpServerResponse.jsonUnsafe(Report.toJson(report), { status: 502 }))
    })
  )
)
