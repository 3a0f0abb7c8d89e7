/**
 * Permits beyond those of one fan-out: of the session, of a tool, of a resource. Who cannot be served at once waits in line, essential
 * calls before advisory ones; the line is bounded.
 */

/** What an attempt needs: one permit of each of `all`, and one of one of `oneOf`, the first that is free. */
export interface Needs {
  readonly all: ReadonlyArray<string>
  readonly oneOf: ReadonlyArray<string>
}

export type Permits = ReadonlyArray<string>

export interface Ticket {
  readonly needs: Needs
  readonly isEssential: boolean
  readonly granted: (permits: Permits) => void
}

/** The permit of an attempt, which one below it can borrow. */
export const lentBy = (attempt: { readonly runId: string; readonly call: string; readonly attempt: number }): string =>
  `lent:${attempt.runId}${attempt.call}#${attempt.attempt}`

export class Limiter {
  private readonly limits: ReadonlyMap<string, number>
  private readonly longest: number
  private readonly taken = new Map<string, number>()
  private line: Array<Ticket> = []

  constructor(limits: ReadonlyMap<string, number>, longest: number) {
    this.limits = limits
    this.longest = longest
  }

  /** Takes what is needed, if it is free. Nobody is overtaken: who waits, waits for what is not. */
  tryTake({ all, oneOf }: Needs): Permits | undefined {
    const one = oneOf.find((name) => this.isFree(name))
    if (one === undefined || !all.every((name) => this.isFree(name))) return undefined
    const permits = [one, ...all]
    for (const name of permits) this.taken.set(name, (this.taken.get(name) ?? 0) + 1)
    return permits
  }

  /** Waits in line. Returns `false` if that is too long already. */
  enqueue(ticket: Ticket): boolean {
    if (this.line.length >= this.longest) return false
    const at = ticket.isEssential ? this.line.findIndex((other) => !other.isEssential) : -1
    if (at === -1) this.line.push(ticket)
    else this.line.splice(at, 0, ticket)
    return true
  }

  leave(ticket: Ticket): void {
    this.line = this.line.filter((other) => other !== ticket)
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
    return this.line.length
  }

  /** In the order of the line, everybody for whom all is free. */
  private serve(): void {
    for (const ticket of [...this.line]) {
      // who was served may have let others leave
      if (!this.line.includes(ticket)) continue
      const permits = this.tryTake(ticket.needs)
      if (permits === undefined) continue
      this.leave(ticket)
      ticket.granted(permits)
    }
  }

  private isFree(name: string): boolean {
    const limit = name.startsWith("lent:") ? 1 : (this.limits.get(name) ?? Infinity)
    return (this.taken.get(name) ?? 0) < limit
  }
}
