/**
 * From the core's errors about questions and snapshots to those that the promise entry shows.
 */
import type * as CoreQuestion from "../../QuestionError.ts"
import type * as CoreSnapshot from "../../Snapshot.ts"
import { QuestionError, type QuestionRefusal, SnapshotError } from "./questionError.ts"

export const plainRefusal = (reason: CoreQuestion.Reason): QuestionRefusal => Object.assign({}, reason)

export const questionError = ({ message, reason }: CoreQuestion.QuestionError): QuestionError =>
  new QuestionError(plainRefusal(reason), message)

export const snapshotError = ({ message, reason }: CoreSnapshot.SnapshotError): SnapshotError =>
  new SnapshotError(Object.assign({}, reason), message)

/** The errors of the core that a resume can end with. */
export const plainError = <E>(error: E | CoreQuestion.QuestionError | CoreSnapshot.SnapshotError): unknown => {
  const { _tag } = error as { readonly _tag?: unknown }
  if (_tag === "QuestionError") return questionError(error as CoreQuestion.QuestionError)
  return _tag === "SnapshotError" ? snapshotError(error as CoreSnapshot.SnapshotError) : error
}
