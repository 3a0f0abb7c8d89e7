/**
 * Races that `npm run simulate` found, each as the smallest scenario that showed it: journal, report and ledger must agree.
 */
import { assert, describe, it } from "@effect/vitest"
import { Simulation } from "@toolscope/testing"
import * as Effect from "effect/Effect"

type Scenario = Simulation.Run["scenario"]
const plain = { order: "plain", seed: 0 } as const
const reads = { reads: { contract: "readOnly" } } as const
const answer = { call: "reads", params: { then: "answer" } }

const found: { readonly [guarantee: string]: Scenario } = {
  "an answer after a timeout is journaled without the error of the timeout": {
    tools: { t: { contract: "readOnly", drives: "promise" } },
    plan: { toolscope: 1, plan: { call: "t", params: { then: "never", onStop: { then: "answer" } } } },
    schedule: plain
  },
  "the error of an attempt that heard no timeout is in the journal when another attempt follows": {
    tools: reads,
    plan: {
      toolscope: 1,
      plan: {
        call: "reads",
        params: { attempts: [{ after: 20, then: "fail", deaf: true }, { then: "answer" }] },
        timeout: 10,
        retry: 1
      }
    },
    schedule: plain
  },
  "what goes wrong in the cleanup of an attempt is kept when another attempt follows": {
    tools: reads,
    plan: { toolscope: 1, plan: { call: "reads", params: { then: "refuse", cleanup: { then: "die" } }, retry: 1 } },
    schedule: plain
  },
  "an attempt that was stopped between its record and its handler has not started, for the report too": {
    tools: reads,
    plan: {
      toolscope: 1,
      plan: {
        quorum: 1,
        of: [
          { id: "b", ...answer },
          { id: "c", ...answer }
        ]
      }
    },
    schedule: { order: "ranked", seed: 819880, yields: 30 }
  },
  "nor has one that was left behind there": {
    tools: { ...reads, t: { contract: "readOnly", drives: "promise" } },
    plan: {
      toolscope: 1,
      plan: {
        quorum: 1,
        of: [
          { id: "a", call: "reads", params: { after: 10, then: "answer" } },
          { id: "b", call: "reads", params: { after: 10, then: "refuse" } },
          { id: "c", call: "t", params: { then: "answer" } }
        ]
      },
      drain: 0
    },
    interruption: { by: "interrupt", at: { step: 48 } },
    schedule: plain
  },
  "what comes late between the close and the report is in the report": {
    tools: reads,
    plan: {
      toolscope: 1,
      plan: {
        all: [
          { id: "a", call: "reads", params: { after: 10, then: "fail" } },
          { id: "b", call: "reads", params: { then: "malformed" } }
        ]
      },
      drain: 0
    },
    schedule: { order: "ranked", seed: 6, yields: 30, changes: 1 }
  },
  "a bound that elapses while the driver waits for its turn to park is not slept through": {
    tools: {
      t: {
        contract: {
          effect: "destructive",
          repeat: "natural",
          failure: { Refused: "nothing", Broken: "maybe" },
          interruption: "never"
        }
      }
    },
    plan: {
      toolscope: 1,
      plan: {
        quorum: 2,
        of: [
          { id: "b", call: "t", params: { then: "commit", cleanup: { after: 10, then: "die" } } },
          { id: "c", call: "t", params: { after: 10, then: "commit" }, timeout: 10 }
        ]
      },
      drain: 0
    },
    schedule: { order: "ranked", seed: 13, yields: 30, changes: 1 }
  },
  "what a handler throws is kept, also when a stop comes before its fiber has ended": {
    tools: { reads: { contract: "readOnly" }, t: { contract: { effect: "additive" }, drives: "promise" } },
    plan: {
      toolscope: 1,
      plan: {
        all: [
          {
            id: "a",
            quorum: 1,
            of: [
              { id: "a", call: "t", params: { after: 10, then: "refuse" } },
              { id: "b", call: "t", params: { after: 10, then: "commit" } }
            ]
          },
          { id: "b", call: "reads", params: { after: 10, then: "answer" }, timeout: 10 },
          {
            id: "c",
            quorum: 2,
            of: [
              { id: "a", call: "t", params: { after: 10, then: "commit" } },
              { id: "b", call: "t", params: { after: 10, then: "answer" } },
              { id: "c", call: "reads", params: { then: "throw" } }
            ]
          }
        ]
      }
    },
    interruption: { by: "interrupt", at: { step: 116 } },
    schedule: plain
  },
  "what had ended when a stop comes between two starts has its own verdict, and is not asked to stop": {
    tools: { reads: { contract: "readOnly" } },
    plan: {
      toolscope: 1,
      plan: {
        all: [
          { id: "a", call: "reads", params: { after: 10, then: "die" } },
          { id: "b", call: "reads", params: { after: 10, then: "answer" }, timeout: 10 },
          {
            id: "c",
            all: [
              { id: "a", call: "reads", params: { then: "answer" } },
              { id: "b", call: "reads", params: { then: "refuse" } },
              { id: "c", call: "reads", params: { after: 10, then: "answer" } }
            ]
          }
        ]
      }
    },
    interruption: { by: "stop", at: { step: 116 } },
    schedule: { order: "any", seed: 484216, yields: 5, changes: 2 }
  }
}

describe("races", () => {
  for (const [guarantee, scenario] of Object.entries(found)) {
    it.effect(guarantee, () =>
      Effect.gen(function* () {
        const { violations } = yield* Simulation.run(scenario)
        assert.deepStrictEqual(violations, [])
      })
    )
  }
})
