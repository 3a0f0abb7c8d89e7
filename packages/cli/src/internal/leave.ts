/**
 * Leaving a run at once: what may still be under way goes to standard error, and with `--json` the report as far as it is known to standard
 * output. Nothing here waits.
 */
import type { Output } from "./output.ts"
import { reportJson } from "./jsonText.ts"
import type { Scene } from "./scene.ts"
import { oneLine, table } from "./text.ts"

const maxLines = 20

interface Leaving {
  readonly runId: string
  readonly output: Output
  readonly flags: { readonly json: boolean }
  readonly scene: Scene
}

export const leave = ({ flags, output, runId, scene }: Leaving, signal: string): void => {
  for (const line of linesOf(scene, signal)) output.error(line)
  if (!flags.json) return
  for (const piece of reportJson(scene.report(runId, Date.now()))) output.writeSync(piece)
}

const linesOf = (scene: Scene, signal: string): ReadonlyArray<string> => {
  const unfinished = scene.unfinished()
  const more = unfinished.length - maxLines
  if (unfinished.length === 0) return [`toolscope: left at once (${signal}); no call was running`]
  const rows = unfinished.slice(0, maxLines).map(({ call, state, tool }) => [oneLine(call), oneLine(tool), state])
  return [
    `toolscope: left at once (${signal}); these have not ended, and what they have sent may still happen:`,
    table(["call", "tool", "state"], rows).trimEnd().replaceAll(/^/gm, "  "),
    ...(more > 0 ? [`  and ${more} more`] : [])
  ]
}
