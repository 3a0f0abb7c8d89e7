/**
 * What a step asks for, as a list of numbers: cheap to write down and to compare, and readable with {@link Orders.show}.
 */
const kinds = [
  "activated",
  "queued",
  "grace",
  "stagger",
  "decided",
  "stop",
  "drop",
  "undo",
  "start",
  "resume",
  "pause",
  "proceed"
] as const

export type Asked = (typeof kinds)[number]

const codes = Object.fromEntries(kinds.map((kind, i) => [kind, i])) as { readonly [K in Asked]: number }

const isStart = (order: number): boolean => order >> 16 === codes.start || order >> 16 === codes.resume
const isPause = (order: number): boolean => order >> 16 >= codes.pause
const isUndo = (order: number): boolean => order >> 16 === codes.undo
const isQueued = (order: number): boolean => order >> 16 === codes.queued
const isStop = (order: number): boolean => order >> 16 === codes.stop || order >> 16 === codes.drop

export class Orders {
  readonly list: Array<number> = []

  clear(): void {
    this.list.length = 0
  }

  add(kind: Asked, node: number, cause = -1): void {
    this.list.push((codes[kind] << 16) | (node << 8) | (cause + 1))
  }

  /** Undos come after everything else, starts after undos, and last what deadlines pause and go on. */
  isInOrder(): boolean {
    let rank = 0
    for (const order of this.list) {
      const own = isPause(order) ? 3 : isStart(order) ? 2 : isUndo(order) ? 1 : 0
      if (own < rank) return false
      rank = own
    }
    return true
  }

  /** The scopes whose undo is asked for. */
  undos(): ReadonlyArray<number> {
    return this.list.some(isUndo) ? this.list.filter(isUndo).map((order) => (order >> 8) & 255) : none
  }

  /** The calls that are to be started, or to go on. */
  starts(): ReadonlyArray<number> {
    return this.list.some(isStart) ? this.list.filter(isStart).map((order) => (order >> 8) & 255) : none
  }

  /** Every node whose decision ends something was told to be decided before. `cause` of -1, or of a call, is no decision. */
  stopsFollow(isDecisive: (cause: number) => boolean): boolean {
    return this.list.every((order, i) => {
      const cause = (order & 255) - 1
      if (!isStop(order) || !isDecisive(cause)) return true
      return this.list.indexOf((codes.decided << 16) | (cause << 8)) < i
    })
  }

  /** In words, for every difference: what is missing, and what should not be there. Empty if both ask for the same. */
  differences(expected: Orders): ReadonlyArray<string> {
    if (same(this.list, expected.list)) return none
    const mine = sorted(this.list)
    const theirs = sorted(expected.list)
    const out: Array<string> = []
    if (!same(mine, theirs)) {
      out.push(...without(theirs, mine).map((order) => `it does not ask: ${show(order)}`))
      out.push(...without(mine, theirs).map((order) => `it asks: ${show(order)}`))
    } else {
      const order = (list: ReadonlyArray<number>, is: (order: number) => boolean) => list.filter(is)
      for (const is of [isQueued, isUndo, isStart]) {
        if (!same(order(this.list, is), order(expected.list, is)))
          out.push(`it asks in another order: ${order(this.list, is).map(show).join(", ")}`)
      }
    }
    return out
  }

  text(): string {
    return this.list.map(show).join(", ")
  }
}

const none: ReadonlyArray<never> = []

const same = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const sorted = (list: ReadonlyArray<number>): ReadonlyArray<number> => list.slice().sort((a, b) => a - b)

const without = (list: ReadonlyArray<number>, others: ReadonlyArray<number>): ReadonlyArray<number> => {
  const left = others.slice()
  return list.filter((order) => {
    const at = left.indexOf(order)
    if (at !== -1) left.splice(at, 1)
    return at === -1
  })
}

const show = (order: number): string => {
  const kind = kinds[order >> 16]!
  const node = (order >> 8) & 255
  const cause = (order & 255) - 1
  return kind === "stop" || kind === "drop" ? `${kind} ${node} because of ${cause}` : `${kind} ${node}`
}
