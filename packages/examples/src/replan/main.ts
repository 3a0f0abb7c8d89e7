/**
 * `npm run demo:replan`: a planner changes its mind while a slow write is under way; with promises, and in a session. With `--json` the
 * facts as one object. Ends with 1 if a write of the session's old plan landed after the new one.
 */
import process from "node:process"
import { runBoth } from "./planners.ts"
import { inTheEnd, late, print } from "./table.ts"

const runs = await runBoth()
const facts = runs.map((run) => ({ ...run, late: late(run).map(({ what }) => what), inTheEnd: inTheEnd(run) }))
process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(facts, null, 2)}\n` : print(runs))
process.exitCode = facts.at(-1)!.late.length === 0 ? 0 : 1
