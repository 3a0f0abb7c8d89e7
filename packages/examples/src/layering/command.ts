/**
 * An Effect CLI: `node --conditions=ws-source command.ts teapot`. Ctrl-C interrupts the fiber of the command; the process ends when the calls
 * have drained, with the exit code 130.
 */
import { Fanout } from "@toolscope/core"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { offers, Vendors } from "./offers.ts"

const command = Command.make("offers", { article: Argument.String("article") }, ({ article }) =>
  Fanout.run(offers(article), { drain: "1 second" }).pipe(
    Effect.flatMap((prices) => Console.log(prices)),
    Effect.onInterrupt(() => Console.log("interrupted, and drained"))
  )
)

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.provide(
    Vendors.layer((line) => {
      console.log(line)
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
