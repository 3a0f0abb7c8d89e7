/**
 * Judges the undo: of what happened, of what did not, and of what comes when it has been undone.
 */
import type { Called, Evidence, Undone } from "./evidence.ts"
import { didChange } from "./judgeEffects.ts"
import { type Contradiction, firstOf, type Judgement, notTried } from "./judgement.ts"
import { changed, where } from "./words.ts"

const declared = "compensate"

/** Why an undo failed, if it did. */
const failureOf = ({ played }: Undone): string | undefined => {
  const effect = played.call.effects.find(({ state }) => state === "compensationFailed")
  return effect === undefined ? undefined : (effect.error ?? "it does not say why")
}

const begin = (undone: Undone & { readonly tag?: string }): string =>
  undone.tag !== undefined
    ? `after ${undone.tag}`
    : undone.played.moment === undefined
      ? "after a success"
      : where(undone.played.moment)

export const undo = ({ undone, undoneFailures }: Evidence): Judgement => {
  const tried = [...undone, ...undoneFailures.filter(({ acted }) => acted)].filter(
    ({ played }) => !played.call.leftBehind
  )
  if (!tried.some(({ played }) => played.call.effects.length > 0)) {
    return notTried("nothing happened that could be undone: give params with which it acts")
  }
  return firstOf(tried, (run): Contradiction | undefined => {
    if (!didChange(run)) return undefined
    const error = failureOf(run)
    return {
      declared,
      seen: `${begin(run)}, its undo ${error === undefined ? "succeeded" : `failed (${error})`}, and ${changed(run.before, run.after)}`,
      todo: "leave compensate out, or let it find by its key what was done, and take it back"
    }
  })
}

const wrongCall = (when: string, { after, before, error }: Called): Contradiction | undefined => {
  const seen =
    error !== undefined
      ? `its undo failed: ${error}`
      : didChange({ before, after })
        ? `its undo changed something: ${changed(before, after)}`
        : undefined
  return seen === undefined
    ? undefined
    : {
        declared,
        seen: `${when}, ${seen}`,
        todo: "let compensate succeed, and do nothing, where it does not find its key"
      }
}

export const undoOfNothing = ({ undoOfNothing, undone, undoneFailures }: Evidence): Judgement => {
  const direct =
    undoOfNothing === undefined ? [] : [{ when: "asked for a key that was never used", called: undoOfNothing }]
  const runs = [
    // it failed, and there was nothing to be undone
    ...undone.filter((run) => failureOf(run) !== undefined && !didChange(run)),
    ...undoneFailures.filter(({ acted }) => !acted)
  ].map((run) => ({ when: begin(run), called: { before: run.before, after: run.after, error: failureOf(run) } }))
  const tried = [...direct, ...runs]
  return tried.length === 0
    ? notTried(
        "each commit says how it is undone; bring about an error that leaves it in doubt before anything happened, in failures"
      )
    : firstOf(tried, ({ called, when }) => wrongCall(when, called))
}

export const undoFirst = ({ cameLate }: Evidence): Judgement =>
  firstOf(cameLate, (called) =>
    didChange(called)
      ? {
          declared: "world.refusesAfterUndo",
          seen: `after the undo of ${called.undone === "nothing" ? "nothing" : "what it had done"}, it came again with the same key, and ${changed(called.before, called.after)}`,
          todo: "let the undo leave a mark under its key that the effect is refused by, or leave refusesAfterUndo out"
        }
      : undefined
  )

/** Not judged, only told: undone twice. */
export const noteOf = ({ undoneTwice }: Evidence): ReadonlyArray<string> => {
  if (undoneTwice === undefined) return []
  const wrong = wrongCall("undone already", undoneTwice)
  return [wrong === undefined ? "a second undo of the same key is harmless" : wrong.seen]
}
