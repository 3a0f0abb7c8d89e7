/**
 * The demo: `toolscope run` with the demo's plan, tools and MCP server, and the answer above the command's own table. It takes the
 * flags of `run` (`npm run demo -- --json`), and works from any folder.
 */
import { resolve } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { main } from "toolscope/main"
import { answerOf } from "./answer.ts"

/** The paths in the plan's companions are those of a clone's top folder, as they are for `toolscope run` there. */
const root = fileURLToPath(new URL("../../../../", import.meta.url))
const demo = "packages/examples/demo"
const base = ["run", `${demo}/plan.json`, "--tools", "packages/examples/src/demo/tools.ts", "--mcp", `${demo}/mcp.json`]

/** Files that the caller names are meant from where the caller is. */
const withPaths = (flags: ReadonlyArray<string>, from: string): ReadonlyArray<string> =>
  flags.map((flag, i) => {
    const [, name, path] = /^(--(?:journal|trace|snapshot|tools|mcp))=(.+)$/s.exec(flag) ?? []
    if (name !== undefined && path !== undefined) return `${name}=${resolve(from, path)}`
    return /^--(journal|trace|snapshot|tools|mcp)$/.test(flags[i - 1] ?? "") ? resolve(from, flag) : flag
  })

const flags = withPaths(process.argv.slice(2), process.cwd())
process.chdir(root)
process.exit(await main([...base, ...flags], { onReport: answerOf }))
