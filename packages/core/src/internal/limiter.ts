/**
 * Permits beyond those of one fan-out: of the session, of a tool, of a resource. Who cannot be served at once waits in line, essential
 * calls before advisory ones; the line is bounded.
 */

/** What an attempt needs: of each list one permit, the first that is free. */
export type Needs = ReadonlyArray<ReadonlyArray<string>>

export type Permits = ReadonlyArray<string>

export interface Ticket {
  /** Its place in the line. */
  readonly order: number
  readonly isEssential: boolean
  readonly granted: (permits: Permits) => void
  readonly group: Group
}

/** All who wait for the same. Of them it is always the first one's turn. */
interface Group {
  readonly key: string
  readonly needs: Needs
  readonly tickets: Set<Ticket>
}

/** The permit of an attempt, which one below it can borrow; `#` is in no other name. */
export const lentBy = (lender: string, name: string): string => `#${lender} ${name}`

export class Limiter {
  private readonly limits: ReadonlyMap<string, number>
  private readonly longest: number
  private readonly taken = new Map<string, number>()
  private readonly groups = new Map<string, Group>()
  private length = 0
  private order = 0
  private isServing = false

  constructor(limits: ReadonlyMap<string, number>, longest: number) {
    this.limits = limits
    this.longest = longest
  }

  /** Takes what is needed, if it is free. Nobody is overtaken: who waits, waits for what is not. */
  tryTake(needs: Needs): Permits | undefined {
    const permits: Array<string> = []
    for (const names of needs) {
      const free = names.find((name) => this.isFree(name))
      if (free === undefined) return undefined
      permits.push(free)
    }
    for (const name of permits) this.taken.set(name, (this.taken.get(name) ?? 0) + 1)
    return permits
  }

  /** Waits in line. Returns nothing if that is too long already for one who has not begun. */
  enqueue(needs: Needs, isEssential: boolean, hasBegun: boolean, granted: Ticket["granted"]): Ticket | undefined {
    if (this.length >= this.longest && !hasBegun) return undefined
    const key = `${isEssential ? "essential" : "advisory"} ${JSON.stringify(needs)}`
    let group = this.groups.get(key)
    if (group === undefined) this.groups.set(key, (group = { key, needs, tickets: new Set() }))
    const ticket: Ticket = { order: this.order++, isEssential, granted, group }
    group.tickets.add(ticket)
    this.length++
    return ticket
  }

  leave(ticket: Ticket): void {
    const { group } = ticket
    if (!group.tickets.delete(ticket)) return
    this.length--
    if (group.tickets.size === 0) this.groups.delete(group.key)
  }

  release(permits: Permits): void {
    for (const name of permits) {
      const left = this.taken.get(name)! - 1
      if (left === 0) this.taken.delete(name)
      else this.taken.set(name, left)
    }
    this.serve()
  }

  get waiting(): number {
    return this.length
  }

  /** In the order of the line, everybody for whom all is free. Who is served may be over at once, and give back: then it looks again. */
  private serve(): void {
    if (this.isServing) return
    this.isServing = true
    try {
      for (let ticket = this.next(); ticket !== undefined; ticket = this.next()) {
        const permits = this.tryTake(ticket.group.needs)!
        this.leave(ticket)
        ticket.granted(permits)
      }
    } finally {
      this.isServing = false
    }
  }

  private next(): Ticket | undefined {
    let first: Ticket | undefined
    for (const { needs, tickets } of this.groups.values()) {
      if (!needs.every((names) => names.some((name) => this.isFree(name)))) continue
      const [ticket] = tickets
      if (first === undefined || isBefore(ticket!, first)) first = ticket
    }
    return first
  }

  private isFree(name: string): boolean {
    const limit = name.startsWith("#") ? 1 : (this.limits.get(name) ?? Infinity)
    return (this.taken.get(name) ?? 0) < limit
  }
}

const isBefore = (a: Ticket, b: Ticket): boolean =>
  a.isEssential === b.isEssential ? a.order < b.order : a.isEssential
