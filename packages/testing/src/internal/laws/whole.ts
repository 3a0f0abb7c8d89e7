/**
 * A whole journal, sorted for the laws: which runs belong to which session, and what runs inside of what. Nothing is concluded here.
 */
import type { Event, Of, Run } from "./run.ts"

/** The attempt that a fan-out, or a session, was begun inside of. */
export interface Inside {
  readonly run: string
  readonly call: string
  readonly attempt: number
}

/** A session, by its journal. */
export interface Session {
  readonly id: string
  /** Its own: those that begin with `session.`. */
  readonly events: ReadonlyArray<Event>
  readonly opened: Of<"session.opened"> | undefined
  readonly closed: Of<"session.closed"> | undefined
  /** Its fan-outs, in the order of their opening; without those inside of handlers. */
  readonly cohorts: ReadonlyArray<Run>
  /** Those and all that ran inside of them, sessions inside of handlers included. */
  readonly runs: ReadonlyArray<Run>
  readonly tolerance: number
  readonly incomplete: boolean
  readonly whole: Whole
}

export class Whole {
  readonly runs = new Map<string, Run>()
  readonly sessions = new Map<string, Session>()
  readonly events: ReadonlyArray<Event>
  private readonly places: ReadonlyMap<Event, number>
  private readonly byRun = new Map<string, Array<Event>>()
  private readonly opening = new Map<string, Of<"fanout.opened">>()
  private readonly sessionOpening = new Map<string, Of<"session.opened">>()
  private readonly insideOf = new Map<string, Array<string>>()

  constructor(events: ReadonlyArray<Event>) {
    // what only observers see says nothing of what a law is about
    this.events = events.filter(({ type }) => type !== "attempt.progress")
    this.places = new Map(this.events.map((event, place) => [event, place]))
    for (const event of this.events) {
      if (event.type === "session.opened" && !this.sessionOpening.has(event.session))
        this.sessionOpening.set(event.session, event)
      if (isOfSession(event)) continue
      const mine = this.byRun.get(event.run)
      if (mine === undefined) this.byRun.set(event.run, [event])
      else mine.push(event)
      if (event.type === "fanout.opened" && !this.opening.has(event.run)) this.opening.set(event.run, event)
    }
    for (const id of this.byRun.keys()) {
      const { inside } = this.insideRun(id)
      if (inside === undefined) continue
      const key = `${inside.run} ${inside.call}`
      this.insideOf.set(key, [...(this.insideOf.get(key) ?? []), id])
    }
  }

  /** The fan-outs, each with its events. */
  get all(): Iterable<readonly [string, ReadonlyArray<Event>]> {
    return this.byRun
  }

  place(event: Event): number {
    return this.places.get(event) ?? -1
  }

  /** Inside of which attempt a run runs, itself or its session. `isOwn`: it is a fan-out of the handler, and no session's. */
  insideRun(run: string): { readonly inside: Inside | undefined; readonly isOwn: boolean } {
    const opened = this.opening.get(run)
    if (opened?.inside !== undefined) return { inside: opened.inside, isOwn: true }
    return { inside: opened === undefined ? undefined : this.sessionOpening.get(opened.session)?.inside, isOwn: false }
  }

  /** Is a run inside of another, at any depth, or that itself? */
  isWithin(run: string, outer: string): boolean {
    for (let at: string | undefined = run; at !== undefined; at = this.insideRun(at).inside?.run)
      if (at === outer) return true
    return false
  }

  /** Does a run run inside of this attempt, at any depth? */
  isInside(run: string, outer: string, call: string, attempt: number): boolean {
    for (let { inside } = this.insideRun(run); inside !== undefined; inside = this.insideRun(inside.run).inside)
      if (inside.run === outer && inside.call === call && inside.attempt === attempt) return true
    return false
  }

  /** The runs that ran inside of a call, and inside of those, with all their events, in order. */
  eventsInside(run: string, call: string, isMember: (run: string) => boolean = () => true): ReadonlyArray<Event> {
    if (!this.insideOf.has(`${run} ${call}`)) return []
    const isMine = (id: string): boolean => {
      const { inside } = this.insideRun(id)
      if (inside === undefined || !isMember(id)) return false
      return (inside.run === run && inside.call === call) || isMine(inside.run)
    }
    const mine = [...this.byRun.keys()].filter(isMine)
    return mine.flatMap((id) => this.byRun.get(id)!).sort((a, b) => this.place(a) - this.place(b))
  }

  /** Did it close when its caller had been left behind? What it came to is not its caller's then. */
  outlives(run: string): boolean {
    const { inside } = this.insideRun(run)
    if (inside === undefined) return false
    const { attempt, call, run: outer } = inside
    const left = this.byRun
      .get(outer)
      ?.find((event) => event.type === "attempt.leftBehind" && event.call === call && event.attempt === attempt)
    const closed = this.byRun.get(run)!.find((event) => event.type === "fanout.closed")
    return left !== undefined && (closed === undefined || this.place(closed) > this.place(left))
  }

  /** To be called when all runs are there. */
  addSessions(options: { readonly tolerance: number; readonly incomplete: boolean }): void {
    const mine = new Map<string, Array<Event>>()
    const of = (id: string): Array<Event> => {
      let events = mine.get(id)
      if (events === undefined) mine.set(id, (events = []))
      return events
    }
    for (const event of this.events) if (isOfSession(event)) of(event.session).push(event)
    // a fan-out without a session is a session of its own
    for (const [run, { inside, session }] of this.opening) if (inside === undefined && session !== run) of(session)
    for (const [id, events] of mine) {
      const cohorts = [...this.runs.values()].filter(
        ({ index: { opened } }) => opened?.session === id && opened.inside === undefined
      )
      cohorts.sort((a, b) => this.place(a.index.opened!) - this.place(b.index.opened!))
      const runs = [...this.runs.values()].filter(({ id }) => cohorts.some((cohort) => this.isWithin(id, cohort.id)))
      const opened = events.find((event) => event.type === "session.opened")
      const closed = events.find((event) => event.type === "session.closed")
      this.sessions.set(id, { id, events, opened, closed, cohorts, runs, ...options, whole: this })
    }
  }
}

const isOfSession = ({ type }: Event): boolean => type.startsWith("session.")
