/**
 * The matrix: every animal under every policy, stopped at every moment, by everybody who can. What comes of it is counted.
 */
import { Contract } from "@toolscope/core"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Zoo from "../../Zoo.ts"
import { type By, type Cell, type Moment, moments, type Result, run } from "./cell.ts"
import { timeOf } from "./moments.ts"
import { isAllowed, type Shape, type ShapeName, shapes } from "./shapes.ts"

/** What takes real time under a clock that stands still is no matter of a matrix. */
export const animals = (Object.keys(Zoo.animals) as ReadonlyArray<Cell["animal"]>).filter(
  (name) => Zoo.animals[name].realTime !== true
)

export const policies = Object.keys(shapes) as ReadonlyArray<ShapeName>

/** Who can stop what, when. What acts only at its start has nothing between the beginning and the end of its commit. */
const stoppersOf = (animal: Cell["animal"], policy: ShapeName, moment: Moment): ReadonlyArray<By> => {
  const { by, undoes, waits }: Shape = shapes[policy]
  const { contract } = Zoo.tools[Zoo.animals[animal].tool]
  const acts = contract.effect !== "none"
  const outside: ReadonlyArray<By> = ["user", "parent"]
  const all: ReadonlyArray<By> = by === "nothing" ? outside : ["plan", ...outside]
  switch (moment) {
    case "never":
      return ["nobody"]
    case "before start":
      return waits ? (by === "time" ? outside : all) : []
    case "before commit":
      return all
    case "in commit":
      return acts && contract.commit === "marked" ? all : []
    case "after commit":
      return acts ? all : []
    case "in undo":
      return acts && Contract.canUndo(contract) && (undoes === true || policy === "first success, one after the other")
        ? ["plan", ...outside]
        : []
  }
}

/** Those of one animal under one policy; none where the plan would be refused. */
const cellsOf = (animal: Cell["animal"], policy: ShapeName): ReadonlyArray<Cell> =>
  isAllowed(shapes[policy], Zoo.animals[animal])
    ? moments.flatMap((moment) =>
        stoppersOf(animal, policy, moment).map((by): Cell => ({ animal, policy, moment, by }))
      )
    : []

export interface Options {
  /** Only these cells. */
  readonly only?: Partial<Cell>
  /** Every so many cells only. Default 1: all. */
  readonly every?: number
  /** Where the ledgers are kept, one file for each cell. Default: nowhere. */
  readonly keep?: string
  readonly onResult?: (done: number, of: number, result: Result) => void
  readonly signal?: AbortSignal
}

const counts = [
  "reached",
  "passed",
  "passedAfterStop",
  "committed",
  "undone",
  "calls",
  "withoutOutcome",
  "falseCancelled",
  "falseCommitted",
  "falseCompensated",
  "unsaid",
  "late",
  "hung",
  "violations"
] as const

/** `cells`: runs; `reached`: those in which the moment came. The others are sums over the runs. */
export type Counts = { readonly [Name in (typeof counts)[number] | "cells"]: number }

export interface Summary {
  readonly animals: number
  readonly policies: number
  /** Pairs of an animal and a policy whose plan would be refused: what cannot be undone may not stand there. */
  readonly refused: number
  readonly byMoment: { readonly [M in Moment]: Counts }
  readonly total: Counts
  /** The longest wait for a return, in milliseconds, and its bound. */
  readonly longest: { readonly waited: number; readonly cell: Cell | undefined }
  /** Cells in which anything is wrong. */
  readonly wrong: ReadonlyArray<Result>
}

const none = (): { -readonly [K in keyof Counts]: number } =>
  Object.fromEntries(["cells", ...counts].map((name) => [name, 0])) as never

/** Is anything wrong in it? */
export const isWrong = (result: Result): boolean =>
  result.passedAfterStop +
    result.withoutOutcome +
    result.falseCancelled +
    result.falseCommitted +
    result.falseCompensated +
    result.unsaid +
    result.violations.length >
    0 ||
  result.late ||
  result.hang !== undefined

export const runAll = async (options: Options = {}): Promise<Summary> => {
  const { every = 1, keep, only = {}, onResult, signal = new AbortController().signal } = options
  const isAsked = (cell: Cell) => Object.entries(only).every(([key, value]) => cell[key as keyof Cell] === value)
  const pairs = animals.flatMap((animal) => policies.map((policy) => cellsOf(animal, policy)))
  let index = 0
  const chosen = pairs.map((cells) => cells.filter((cell) => isAsked(cell) && index++ % every === 0))
  const of = chosen.flat().length
  const byMoment = Object.fromEntries(moments.map((moment) => [moment, none()])) as {
    [M in Moment]: ReturnType<typeof none>
  }
  const total = none()
  const wrong: Array<Result> = []
  let longest: Summary["longest"] = { waited: 0, cell: undefined }
  let done = 0
  const directory = keep ?? mkdtempSync(join(tmpdir(), "toolscope-matrix-"))
  mkdirSync(directory, { recursive: true })
  let files = 0
  const runCell = async (cell: Cell, at: number | undefined): Promise<Result> => {
    const file = join(directory, `${String(++files).padStart(5, "0")}.ndjson`)
    const result = await run(cell, file, at, signal)
    if (keep === undefined) rmSync(file, { force: true })
    return result
  }
  try {
    for (const cells of chosen) {
      let first: Result["firstAt"] | undefined
      for (const cell of cells) {
        if (first === undefined && shapes[cell.policy].by === "time")
          first = (await runCell({ ...cell, moment: "never", by: "nobody" }, undefined)).firstAt
        const result = await runCell(cell, timeOf(cell, first ?? {}))
        count(byMoment[cell.moment], result)
        count(total, result)
        if (isWrong(result)) wrong.push(result)
        if (result.waited > longest.waited) longest = { waited: result.waited, cell }
        onResult?.(++done, of, result)
      }
    }
  } finally {
    if (keep === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return {
    animals: animals.length,
    policies: policies.length,
    refused: pairs.filter(({ length }) => length === 0).length,
    byMoment,
    total,
    longest,
    wrong
  }
}

const count = (sums: ReturnType<typeof none>, result: Result): void => {
  const { hang, violations } = result
  sums.cells++
  for (const name of counts) {
    if (name === "hung") sums.hung += hang === undefined ? 0 : 1
    else if (name === "violations") sums.violations += violations.length
    else sums[name] += Number(result[name])
  }
}
