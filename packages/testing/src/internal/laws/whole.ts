/**
 * A whole journal, sorted for the laws: which runs belong to which session, what runs inside of what, and what goes on with what had been
 * suspended. Nothing is concluded here.
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
  /** The first run id of those that had others when they went on: a fan-out inside of a handler that ran again. */
  private readonly firstIds = new Map<string, string>()
  /** And their last. */
  private readonly lastIds = new Map<string, string>()
  private readonly tangled = new Set<string>()
  /** What each run id was inside of. */
  private readonly insides = new Map<string, Inside>()

  constructor(events: ReadonlyArray<Event>) {
    // what only observers see says nothing of what a law is about
    this.events = events.filter(({ type }) => type !== "attempt.progress")
    this.places = new Map(this.events.map((event, place) => [event, place]))
    for (const event of this.events) {
      if (event.type === "session.opened" && !this.sessionOpening.has(event.session))
        this.sessionOpening.set(event.session, event)
      if (isOfSession(event)) continue
      if (event.type === "fanout.resumed") this.link(event)
      const id = this.idOf(event.run)
      if ((this.lastIds.get(id) ?? event.run) !== event.run) this.tangled.add(id)
      const mine = this.byRun.get(id)
      if (mine === undefined) this.byRun.set(id, [event])
      else mine.push(event)
      if (event.type === "fanout.opened") {
        if (!this.opening.has(id)) this.opening.set(id, event)
        if (event.inside !== undefined) this.insides.set(event.run, event.inside)
      }
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

  /** The run that an event of this run id belongs to. */
  idOf(run: string): string {
    return this.firstIds.get(run) ?? run
  }

  runOf({ run }: { readonly run: string }): Run | undefined {
    return this.runs.get(this.idOf(run))
  }

  /** A fan-out goes on: it is the last one of its name, or in its place in the handler around it. */
  private link({ inside, run }: Of<"fanout.resumed">): void {
    if (inside === undefined) return
    this.insides.set(run, inside)
    if (this.byRun.has(this.idOf(run))) return
    const placeOf = (id: string, { call, run }: Inside) => `${this.idOf(run)} ${call} ${/~\d+$/.exec(id)?.[0] ?? ""}`
    const mine = placeOf(run, inside)
    const before = [...this.insides].findLast(([id, inside]) => id !== run && placeOf(id, inside) === mine)
    if (before === undefined) return
    this.firstIds.set(run, this.idOf(before[0]))
    this.lastIds.set(this.idOf(run), run)
  }

  /** Its handler was left behind when it was suspended, and it went on here while it still ended there. */
  isTangled(run: string): boolean {
    const { inside } = this.insideRun(run)
    return this.tangled.has(run) || (inside !== undefined && this.isTangled(inside.run))
  }

  /**
   * Inside of which attempt a run runs, itself or its session; where it went on in a further attempt, in that. `isOwn`: it is a fan-out of
   * the handler, and no session's.
   */
  insideRun(run: string): { readonly inside: Inside | undefined; readonly isOwn: boolean } {
    const opened = this.opening.get(run)
    if (opened?.inside !== undefined) {
      const last = this.byRun.get(run)!.at(-1)!
      const inside = this.insides.get(last.run) ?? opened.inside
      return { inside: { ...inside, run: this.idOf(inside.run) }, isOwn: true }
    }
    const around = opened === undefined ? undefined : this.sessionOpening.get(opened.session)?.inside
    return { inside: around === undefined ? undefined : { ...around, run: this.idOf(around.run) }, isOwn: false }
  }

  /** As {@link insideRun}, at the time of an event. */
  insideAt({ run }: { readonly run: string }): Inside | undefined {
    const inside = this.insides.get(run)
    return inside === undefined ? this.insideRun(this.idOf(run)).inside : { ...inside, run: this.idOf(inside.run) }
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
