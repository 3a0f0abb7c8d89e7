/**
 * Fixtures as tools of Toolscope, for the runners that use its Effect entry.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Schema from "effect/Schema"
import type { Fixture, Turn } from "../Runner.ts"
import { contractOf, retriesOf } from "./shared.ts"

const Answer = Schema.Struct({ text: Schema.String })

export const toolOf = (fixture: Fixture) =>
  Tool.fromPromise(fixture.name, {
    description: fixture.description,
    success: Answer,
    contract: Contract.make(contractOf(fixture)),
    ...(fixture.timeout === undefined ? {} : { timeout: fixture.timeout }),
    ...retriesOf(fixture),
    ...(fixture.asks ? { approval: "always" as const } : {}),
    execute: (params, { signal }) => fixture.execute(params, { signal })
  })

/** Settings of a fan-out, as a turn has them. */
export const optionsOf = ({ concurrency, drain }: Turn) => ({
  drain,
  ...(concurrency === undefined ? {} : { concurrency })
})
