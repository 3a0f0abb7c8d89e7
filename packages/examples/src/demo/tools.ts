/**
 * The tools of the demo, as a module for `toolscope run --tools`: its default export is a layer, because they open things (two
 * databases in memory, a server on this machine) that are to be closed when the run is over.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Toolset } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { askForum } from "./forum.ts"
import { grepSources } from "./grepSources.ts"
import { effectFolder } from "./guides.ts"
import { logFile, noteQuestion } from "./note.ts"
import { packageTools } from "./packages.ts"
import { searchGuides } from "./searchGuides.ts"
import { guideIndex, guideTitles } from "./titles.ts"

const tools = Effect.gen(function* () {
  return [
    yield* searchGuides(),
    yield* grepSources(join(effectFolder, "src")),
    guideIndex,
    guideTitles,
    ...(yield* packageTools),
    yield* askForum,
    noteQuestion(logFile())
  ]
})

export default Toolset.layer(tools).pipe(Layer.provide(NodeServices.layer))
