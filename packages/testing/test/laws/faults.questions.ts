/**
 * Journals that break laws. Questions, suspensions and resumes.
 */
import { alter, both, drop, duplicate, type Fault, indexOf, type Material, move, renumber } from "./material.ts"

const asked = (question: string) => ({ type: "question.asked", question: `r${question}` })
const answered = (question: string) => ({ type: "question.answered", question: `r${question}` })
const withdrawn = (question: string) => ({ type: "question.withdrawn", question: `r${question}` })
const started = (call: string, attempt = 1) => ({ type: "attempt.started", call, attempt, run: "r" })
const ended = (call: string, attempt = 1) => ({ type: "attempt.ended", call, attempt, run: "r" })
const suspended = (call: string) => ({ type: "call.suspended", call, run: "r" })
const resumed = { type: "fanout.resumed", run: "r" }

/** Puts one more event, made from the first that matches, at the end of those before the first that matches `before`. */
const insert =
  (like: object, change: object, before: object) =>
  ({ journal }: Material): void => {
    const event = { ...journal[indexOf(journal, like as never)], ...change }
    const at = indexOf(journal, before as never)
    journal.splice(at, 0, { ...event, time: journal[at].time })
    renumber(journal)
  }

const inReport =
  (id: string, change: (question: any) => void) =>
  ({ journal }: Material): void => {
    const { report } = journal.findLast((event) => event.type === "fanout.closed" && event.run === "r")
    change(report.questions.find((question: any) => question.id === `r${id}`))
  }

export const faults: ReadonlyArray<Fault> = [
  ["G10", "asks", "an answer that nobody had asked for", drop(asked("/room?0"))],
  ["G10", "asks", "a question that was closed twice", duplicate(answered("/room?0"))],
  [
    "G10",
    "asks",
    "a question that was withdrawn after its answer",
    alter(withdrawn("/stopped/a?0"), { question: "r/room?0" })
  ],
  ["G10", "asks", "a question that was asked twice", duplicate(asked("/room?0"))],
  [
    "G10",
    "asks",
    "a question that was asked again, and had its reply",
    insert(asked("/patient?0"), {}, ended("/patient"))
  ],
  ["G10", "asks", "a question that was never closed", drop(withdrawn("/stopped/a?0"))],
  ["G10", "asks", "a question that was open when its asker had ended", move(answered("/room?0"), ended("/room"))],
  [
    "G10",
    "asks",
    "two questions of one id",
    both(alter(asked("/no?0"), { question: "r/room?0" }), alter(answered("/no?0"), { question: "r/room?0" }))
  ],
  ["G10", "asks", "a question that does not name its call", alter(asked("/room?0"), { call: "/no" })],
  ["G10", "asks", "a question of an attempt that has not started", alter(asked("/room?0"), { attempt: 2 })],
  [
    "G10",
    "asks",
    "a question after the stop of its asker",
    move(asked("/stopped/a?0"), { type: "stop.requested", call: "/stopped/a" })
  ],
  [
    "G10",
    "asks",
    "a question of a tool that acts at start",
    ({ journal }) => {
      const { report } = journal.findLast((event) => event.type === "fanout.closed" && event.run === "r")
      const call = report.calls.find(({ id }: any) => id === "/room")
      call.contract = {
        effect: "additive",
        commit: "atStart",
        repeat: "never",
        failure: "maybe",
        interruption: "anywhere",
        asserted: "operator"
      }
    }
  ],
  ["G10", "asks", "an expiry before its time", alter(answered("/patient?0"), { time: 0 })],
  ["G10", "asks", "an expiry of what had all the time", alter(answered("/no?0"), { reply: "expired" })],
  [
    "G10",
    "asks",
    "a question that was withdrawn for another reason than its stop",
    alter(withdrawn("/stopped/a?0"), { reason: "a whim" })
  ],
  [
    "G10",
    "asks",
    "a question that was withdrawn, and nobody knows why",
    alter(withdrawn("/stopped/a?0"), { reason: "" })
  ],
  ["G10", "asks", "a start before its approval", move(answered("/gated?approval"), started("/gated"))],
  ["G10", "asks", "a start without its approval", alter(answered("/gated?approval"), { reply: "denied" })],
  [
    "G10",
    "asks",
    "a call that was not allowed to start, and is something else",
    alter({ type: "call.settled", call: "/noGated" }, { outcome: "Failed" })
  ],
  [
    "G10",
    "asks",
    "a call that is Denied, and nobody has denied anything",
    alter({ type: "call.settled", call: "/room" }, { outcome: "Denied" })
  ],
  [
    "G10",
    "asks",
    "a timeout of who waits for an answer",
    insert(
      { type: "stop.requested", call: "/stopped/a" },
      { call: "/room", source: "timeout", origin: "/room" },
      answered("/room?0")
    )
  ],
  [
    "G10",
    "asks",
    "a report without a question",
    ({ journal }) => {
      const { report } = journal.findLast((event) => event.type === "fanout.closed" && event.run === "r")
      report.questions.shift()
    }
  ],
  [
    "G10",
    "asks",
    "a question that the report has otherwise",
    inReport("/no?0", (question) => (question.state = "answered"))
  ],
  ["G10", "asks", "an answer of somebody else", inReport("/no?0", (question) => (question.by = "Bob"))],
  [
    "G10",
    "asks",
    "a question in the report that nobody has asked",
    inReport("/no?0", (question) => (question.id = "r/nobody?0"))
  ],
  ["G10", "waits", "a call that waits, and was not suspended", drop(suspended("/a"))],
  ["G10", "waits", "a call that was suspended twice", duplicate(suspended("/a"))],
  ["G10", "waits", "a call that was suspended without its question", alter(suspended("/a"), { questions: [] })],
  ["G10", "waits", "a call that was suspended though it is over", alter(suspended("/a"), { call: "/b" })],
  ["G10", "waits", "a suspension in which nobody is asked", both(drop(asked("/a?0")), drop(asked("/c?approval")))],
  [
    "G10",
    "resumes",
    "an effect that had been committed, and comes to the gate again",
    insert({ type: "effect.intended", key: "r/order#0" }, { attempt: 2 }, ended("/order", 2))
  ],
  [
    "G10",
    "resumes",
    "a question that had been answered, and is asked again",
    insert(asked("/order?0"), { attempt: 3 }, ended("/order", 3))
  ],
  ["G10", "resumes", "a question that was closed and stands in no report", drop(answered("/order?1"))],
  [
    "L1",
    "resumes",
    "an answer before the resume",
    ({ journal }) => {
      const at = indexOf(journal, answered("/order?0"))
      const [event] = journal.splice(at, 1)
      journal.splice(indexOf(journal, resumed), 0, event)
      renumber(journal)
    }
  ],
  ["L6", "resumes", "a settled call that starts again", alter(started("/order", 2), { call: "/price" })],
  ["G1", "resumes", "an attempt that ran on through a suspension", move(ended("/order"), started("/order", 2))],
  ["L16", "resumes", "a suspension without a drain", drop({ type: "fanout.drained", run: "r" })],
  ["L13", "waits", "an end as stopped of what was not suspended", both(drop(suspended("/a")), drop(asked("/a?0")))],
  [
    "G4",
    "waits",
    "a node that was decided when the run was suspended",
    ({ journal }) => {
      const { report } = journal.findLast((event) => event.type === "fanout.closed")
      report.nodes[0].decision = "succeeded"
    }
  ]
]
