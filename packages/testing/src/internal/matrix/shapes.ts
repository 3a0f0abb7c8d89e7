/**
 * The plans of the matrix: an animal under each policy, beside a call that ends when it is told to (the *trigger*), which makes the policy
 * stop the animal. Everything else is the moment.
 */
import { Contract, Plan } from "@toolscope/core"
import * as Zoo from "../../Zoo.ts"

export type AnyPlan = Plan.Plan<unknown, unknown>

/** What a shape is made with. */
export interface Parts {
  readonly animal: AnyPlan
  /** The animal with this timeout, in milliseconds. */
  readonly timed: (timeout: number) => AnyPlan
  /** Ends when it is told to: with an answer, or with a failure. */
  readonly answers: AnyPlan
  readonly fails: AnyPlan
  /** When the plan itself is to stop the animal, in milliseconds; otherwise never. */
  readonly at: number
}

export interface Shape {
  readonly plan: (parts: Parts) => AnyPlan
  /** How the plan itself stops the animal: a sibling ends, or a time elapses. */
  readonly by: "sibling" | "time" | "nothing"
  /** It may have to undo what the animal did. */
  readonly undoes?: true
  /** The animal has to wait where there is one permit. */
  readonly waits: boolean
}

const ok = Plan.call(Zoo.tools.reads, { after: 5, then: "answer" })

/** Has committed before the animal has: it is undone after it. */
const before = Plan.call(Zoo.tools.undoable, { after: 5, then: "commit" })

export const shapes = {
  call: { plan: ({ animal }) => animal, by: "nothing", waits: false },
  all: { plan: ({ animal, fails }) => Plan.all({ fails, animal }), by: "sibling", waits: true },
  advisory: {
    plan: ({ animal, answers }) => Plan.all({ answers, animal: Plan.advisory(animal, { grace: 10 }) }),
    by: "sibling",
    waits: true
  },
  quorum: { plan: ({ animal, answers }) => Plan.quorum(1, { answers, animal }), by: "sibling", waits: true },
  "quorum, surplus undone": {
    plan: ({ animal, answers }) => Plan.quorum(1, { answers, animal }, { surplus: "undo" }),
    by: "sibling",
    undoes: true,
    waits: true
  },
  "first success": {
    plan: ({ animal, answers }) => Plan.firstSuccess({ answers, animal }),
    by: "sibling",
    undoes: true,
    waits: true
  },
  "first success, one after the other": {
    plan: ({ animal, fails }) =>
      Plan.firstSuccess({ first: Plan.all({ fails, before, animal }), second: ok }, { stagger: "infinity" }),
    by: "sibling",
    waits: true
  },
  settled: {
    plan: ({ animal, fails }) => Plan.all({ fails, animal: Plan.settled(animal) }),
    by: "sibling",
    waits: true
  },
  atomic: {
    plan: ({ animal, fails }) => Plan.atomic(Plan.all({ fails, before, animal })),
    by: "sibling",
    undoes: true,
    waits: true
  },
  "atomic in an atomic": {
    plan: ({ animal, fails }) => Plan.atomic(Plan.all({ fails, before, animal: Plan.settled(Plan.atomic(animal)) })),
    by: "sibling",
    undoes: true,
    waits: true
  },
  timeout: { plan: ({ at, timed }) => timed(at), by: "time", waits: false },
  "timeout in an atomic": {
    plan: ({ at, timed }) => Plan.atomic(timed(at)),
    by: "time",
    undoes: true,
    waits: false
  },
  deadline: {
    plan: ({ animal, answers, at }) => Plan.deadline(Plan.all({ answers, animal }), at),
    by: "time",
    waits: true
  },
  "deadline in an atomic": {
    plan: ({ animal, at }) => Plan.atomic(Plan.all({ animal: Plan.deadline(animal, at), ok })),
    by: "time",
    undoes: true,
    waits: false
  }
} as const satisfies { readonly [name: string]: Shape }

export type ShapeName = keyof typeof shapes

/** What may have to be undone has to be undoable; other plans are refused. */
export const isAllowed = ({ undoes }: Shape, { tool }: Zoo.Animal): boolean =>
  undoes === undefined || Contract.canUndo(Zoo.tools[tool].contract)
