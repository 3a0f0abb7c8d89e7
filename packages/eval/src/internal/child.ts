/**
 * The process of one scenario: loads the runner, is its caller, and writes the ledger. It judges nothing.
 *
 * Arguments: the module of the runner, the file of the ledger. The scenario stands in the environment.
 */
import { openSync, writeSync } from "node:fs"
import { pathToFileURL } from "node:url"
import type { Line } from "../Ledger.ts"
import type { Call, Question, Returned, Runner, Turn } from "../Runner.ts"
import { faultOf, faultOfReturned } from "../Runner.ts"
import type { Scenario, Step } from "../Scenario.ts"
import { fixtures } from "./fixtures.ts"

// a runner is told neither where its ledger is nor which scenario it plays
const [module, path] = process.argv.splice(2) as [string, string]
const scenario = JSON.parse(process.env.TOOLSCOPE_EVAL_SCENARIO!) as Scenario
delete process.env.TOOLSCOPE_EVAL_SCENARIO
const file = openSync(path, "a")
let turn = 0

const write = (line: object) => {
  const at = Math.round(performance.now() * 10) / 10
  writeSync(file, `${JSON.stringify({ at, turn, ...line } satisfies Partial<Line>, plain)}\n`)
}
/** What a runner claims may hold anything. */
const plain = (_: string, value: unknown): unknown => (typeof value === "bigint" ? String(value) : value)

const describe = (u: unknown): string => (u instanceof Error ? `${u.name}: ${u.message}` : String(u)).slice(0, 500)

process.on("uncaughtException", (error) => {
  write({ what: "uncaught", error: describe(error) })
})
process.on("unhandledRejection", (error) => {
  write({ what: "uncaught", error: describe(error) })
})

const attempts = new Map<string, number>()

/** Told of each start. */
let onStart = () => {}

/** Milliseconds after which the abort is due, if nothing has started. */
const maxStart = 3_000

const turnOf = (names: ReadonlyArray<string>, signal: AbortSignal): Turn => ({
  tools: fixtures(Object.fromEntries(names.map((name) => [name, scenario.tools[name]!])), turn, attempts, (line) => {
    write(line)
    if (line.what === "started") onStart()
  }),
  calls: names.map((name): Call => ({ id: name, tool: name })),
  signal,
  drain: scenario.drain,
  concurrency: scenario.concurrency,
  budget: scenario.budget
})

let last: Returned = { claims: [] }
let begun: Turn | undefined

/** What does not keep to the interface cannot be scored. */
const refuse = (error: string): never => {
  write({ what: "notARunner", error })
  process.exit()
}

const returned = async (what: Promise<Returned>): Promise<Returned> => {
  try {
    const found = await what
    const fault = faultOfReturned(found)
    if (fault !== undefined) refuse(fault)
    const { claims, error, questions = [] } = found
    try {
      write({ what: "returned", claims, questions, error, threw: false })
    } catch {
      // a value that is no JSON: the claim stands without it
      const bare = claims.map(({ value: _, ...claim }) => ({ ...claim, value: "(no JSON)" }))
      write({ what: "returned", claims: bare, questions, error, threw: false })
    }
    return found
  } catch (error) {
    write({ what: "returned", claims: [], questions: [], error: describe(error), threw: true })
    return { claims: [] }
  }
}

const idOf = (questions: ReadonlyArray<Question>, call: string) => questions.find((each) => each.call === call)?.id

/** Answers that are due as soon as their question is shown. */
const owed = new Map<string, boolean>()

const owedAnswer = () => [...owed].find(([call]) => idOf(last.questions ?? [], call) !== undefined)

const give = async (
  runner: Runner,
  byCall: ReadonlyMap<string, boolean>,
  again?: "after" | "atOnce"
): Promise<void> => {
  if (byCall.size === 0) return
  const { questions = [], state } = last
  const answers = new Map([...byCall].map(([call, answer]) => [idOf(questions, call) ?? call, answer]))
  const resume = () => invoke(() => runner.resume!(begun!, state, answers))
  const note = (isAgain: boolean) => {
    write({ what: "answered", answers: Object.fromEntries(byCall), again: isAgain })
  }
  note(again === "atOnce")
  const found = await returned(again === "atOnce" ? firstOf(resume(), resume()) : resume())
  // who refuses an answer has changed nothing
  if (found.claims.length > 0 || found.questions !== undefined) last = found
  if (again !== "after") return
  note(true)
  await returned(resume())
}

/** Of two resumes at the same time: when both have ended, the one that was taken. */
const firstOf = async (...both: ReadonlyArray<Promise<Returned>>): Promise<Returned> => {
  const ends = await Promise.allSettled(both)
  return ends.find((end) => end.status === "fulfilled")?.value ?? both[0]!
}

const play = async (runner: Runner, step: Step): Promise<void> => {
  if ("answer" in step) {
    const { questions = [] } = last
    // a name that is no call is an id that nobody has asked with
    const names = Object.keys(step.answer)
    const unasked = names.filter((name) => name in scenario.tools && idOf(questions, name) === undefined)
    if (unasked.length > 0) write({ what: "unasked", calls: unasked })
    const given = names.filter((name) => !unasked.includes(name))
    for (const name of unasked) owed.set(name, step.answer[name]!)
    await give(runner, new Map(given.map((name) => [name, step.answer[name]!])), step.again)
    // who asks one after the other gets the answers one after the other
    for (let next = owedAnswer(); next !== undefined; next = owedAnswer()) {
      owed.delete(next[0])
      await give(runner, new Map([next]))
    }
    return
  }
  turn++
  const controller = new AbortController()
  const names = "turn" in step ? step.turn : step.loop
  begun = turnOf(names, controller.signal)
  write({ what: "turn", calls: names })
  const abortAt = "turn" in step ? step.abortAt : undefined
  let timer: NodeJS.Timeout | undefined
  const waitForAbort = () => {
    if (abortAt === undefined) return
    onStart = () => {}
    clearTimeout(timer)
    timer = setTimeout(() => {
      write({ what: "aborted" })
      controller.abort(new DOMException("the caller aborted", "AbortError"))
    }, abortAt)
  }
  // it counts from the first start: who takes its time to get there is not to be aborted before it has begun
  onStart = waitForAbort
  if (abortAt !== undefined) timer = setTimeout(waitForAbort, maxStart)
  last = await returned(invoke(() => ("turn" in step ? runner.turn(begun!) : runner.loop!(begun!))))
  clearTimeout(timer)
  onStart = () => {}
}

const invoke = async (run: () => Promise<Returned>): Promise<Returned> => run()

const main = async () => {
  let runner: Runner
  try {
    const loaded = ((await import(pathToFileURL(module).href)) as { readonly default?: unknown }).default
    const fault = faultOf(loaded)
    if (fault !== undefined) throw new Error(fault)
    runner = loaded as Runner
  } catch (error) {
    write({ what: "notARunner", error: describe(error) })
    return
  }
  const { can, name, settings, version } = runner
  write({ what: "runner", name, version, settings, can })
  if (scenario.needs.some((need) => !can.includes(need))) return
  // from here on the watchdog counts
  writeSync(3, "ready\n")
  // what waits for nothing but a promise keeps no process; and where the parent has gone, this one goes, too
  setTimeout(() => process.exit(), 2 * scenario.watchdog + scenario.watch)
  for (const step of scenario.steps) await play(runner, step)
  await new Promise((resolve) => setTimeout(resolve, scenario.watch))
  write({ what: "watched" })
}

await main()
process.exit()
