/**
 * Reports in words, for a model that decides what to do next: what happened, what may have happened, and what must not be repeated blindly. Pure.
 *
 * What tools, servers and people have said stands in quotes and on one line, so that none of it can pass for a line of ours.
 */
import type { Report } from "@toolscope/core"

export type Call = Report.Json["calls"][number]

const maxQuote = 600

/** Foreign text, on one line. */
export const quote = (text: string): string =>
  JSON.stringify(text.length <= maxQuote ? text : `${text.slice(0, maxQuote - 1)}…`)

/** A path or a name, which may be foreign, too: in quotes where it holds more than a word. */
const word = (text: string): string => (/^[\w./#:-]{1,200}$/.test(text) ? text : quote(text))

/** What became of a call, in one line. */
export const callText = (call: Call, report: Pick<Report.Json, "questions">): string => {
  const parts = [outcomeText(call, report), ...effectTexts(call)]
  if (call.stoppedBy !== undefined) parts.push(`stopped: ${quote(call.stoppedBy.reason)}`)
  if (call.leftBehind) {
    const acts = call.contract.effect !== "none"
    parts.push(`it had not ended when it was left behind${acts ? ", and may still act" : "; it only reads"}`)
  }
  return parts.join("; ")
}

const outcomeText = (call: Call, { questions }: Pick<Report.Json, "questions">): string => {
  const error = call.error === undefined ? "" : `: ${quote(call.error.message)}`
  switch (call.outcome) {
    case "Succeeded":
      return call.used ? "succeeded" : "succeeded, and its value is not used"
    case "Failed":
      return `failed${error}`
    case "Cancelled":
      return `cancelled, and did nothing${error}`
    case "Unknown":
      return `OUTCOME UNKNOWN${error}; it may have acted: check before you repeat it`
    case "Skipped":
      return "not started"
    case "Suspended":
      return "waits for an answer"
    case "Denied": {
      const question = questions.find(({ call: id, state }) => id === call.id && state !== "answered")
      const given = questions.find(({ call: id }) => id === call.id)
      const reason = question?.reason ?? given?.reason ?? denialOf(given?.answer)
      return `denied${reason === undefined ? "" : `: ${quote(reason)}`}; it did not run to its end`
    }
  }
}

/** An approval is answered with the reason. */
const denialOf = (answer: unknown): string | undefined => {
  const { reason } = (answer ?? {}) as { readonly reason?: unknown }
  return typeof reason === "string" ? reason : undefined
}

const effectTexts = ({ effects, outcome }: Call): ReadonlyArray<string> =>
  effects.flatMap(({ error, key, state }): ReadonlyArray<string> => {
    const under = `(key ${word(key)})`
    switch (state) {
      case "unknown":
        return outcome === "Unknown"
          ? [under.slice(1, -1)]
          : [`it may have acted all the same: check before you repeat it ${under}`]
      case "committed":
        return outcome === "Succeeded" ? [] : [`it has acted ${under}`]
      case "compensated":
        return ["what it did was undone"]
      case "compensationFailed":
        return [
          `what it did could not be undone${error === undefined ? "" : `: ${quote(error)}`}: check before you repeat it ${under}`
        ]
    }
  })

/** A whole report. */
export const reportText = (report: Report.Json): string => {
  if (report.status === "refused") {
    return [
      "Refused, nothing was started. Correct what follows, and send the whole plan again:",
      ...(report.faults ?? []).map(
        ({ _tag, message, pointer }) => `${pointer === "" ? "(plan)" : word(pointer)}: ${_tag}: ${message}`
      )
    ].join("\n")
  }
  return [verdict(report), ...report.calls.map(lineOf(report)), valueText(report)].join("\n")
}

const lineOf = (report: Report.Json) => (call: Call) =>
  `${word(call.id)} (${word(call.tool)}): ${callText(call, report)}`

const verdict = (report: Report.Json): string => {
  const { calls, drained, journalRefused, reason, status } = report
  const why =
    reason === undefined
      ? ""
      : ` (${reason._tag}${reason.calls.length === 0 ? "" : `: ${reason.calls.map(word).join(", ")}`})`
  const ended = drained
    ? "Everything that was started has ended."
    : `Not everything has ended: ${calls
        .filter(({ leftBehind }) => leftBehind)
        .map(({ id }) => word(id))
        .join(", ")}.`
  const doubt = calls.filter(({ effects, outcome }) => outcome === "Unknown" || effects.some(isDoubtful))
  return [
    status === "interrupted" ? `The plan was stopped${why}.` : `The plan ${status}${why}.`,
    ended,
    ...(doubt.length === 0 ? [] : [`Check before you repeat: ${doubt.map(({ id }) => word(id)).join(", ")}.`]),
    ...(journalRefused === undefined
      ? []
      : ["The journal refused a record, and nothing was started after that: " + quote(journalRefused)])
  ].join(" ")
}

const isDoubtful = ({ state }: Call["effects"][number]): boolean =>
  state === "unknown" || state === "compensationFailed"

const valueText = (report: Report.Json): string => {
  if ("value" in report) return `value: ${JSON.stringify(report.value)}`
  const values = report.calls.flatMap(({ id, outcome, value }) =>
    outcome === "Succeeded" && value !== undefined ? [[id, value] as const] : []
  )
  return values.length === 0
    ? "no call has answered with a value"
    : `values of the calls that succeeded, by id: ${JSON.stringify(Object.fromEntries(values))}`
}
