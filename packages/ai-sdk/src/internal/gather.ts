/**
 * Which calls belong to one turn. The AI SDK runs all calls of a turn at once, each with the same list of messages, the one that its model was
 * shown: by that they are known. Which calls there will be, it says before: to `onInputAvailable` of each tool, or, where people have approved
 * calls, in the last of the messages.
 *
 * | state | a call comes | it ends |
 * | --- | --- | --- |
 * | some are missing | joins | after `gather` ms without another: they wait for approval, or their start is slow |
 * | none is missing | joins | with the next task of the event loop |
 * | ended | begins another turn, which waits for this one | |
 *
 * It never holds a call back for longer than `gather`.
 */
import type { Arrival } from "./arrival.ts"
import { approvalsIn } from "./approvals.ts"

export interface Gathered {
  /** In the order of the model. */
  readonly arrivals: ReadonlyArray<Arrival>
  readonly messages: object
}

interface Gathering {
  /** In the order in which they were announced. */
  readonly announced: Array<string>
  readonly missing: Array<string>
  arrivals: Array<Arrival>
  timer: ReturnType<typeof setTimeout> | undefined
}

export class Gather {
  private readonly turns = new WeakMap<object, Gathering>()
  private readonly open = new Set<Gathering>()
  private waiting: Array<() => void> = []
  private readonly millis: number
  private readonly ended: (gathered: Gathered) => void

  constructor(millis: number, ended: (gathered: Gathered) => void) {
    this.millis = millis
    this.ended = ended
  }

  /** The model has made this call. */
  announce(messages: object, id: string): void {
    const turn = this.turnOf(messages)
    turn.announced.push(id)
    turn.missing.push(id)
  }

  /** It will not be run in this turn. */
  withdraw(messages: object, id: string): void {
    const { missing } = this.turnOf(messages)
    const at = missing.indexOf(id)
    if (at >= 0) missing.splice(at, 1)
  }

  arrive(arrival: Arrival): void {
    const { messages } = arrival.options
    const turn = this.turnOf(messages)
    this.withdraw(messages, arrival.id)
    turn.arrivals.push(arrival)
    this.open.add(turn)
    clearTimeout(turn.timer)
    turn.timer = setTimeout(
      () => {
        const arrivals = inOrder(turn)
        turn.arrivals = []
        this.open.delete(turn)
        this.ended({ arrivals, messages })
        if (this.isEmpty()) for (const resolve of this.waiting.splice(0)) resolve()
      },
      turn.missing.length === 0 ? 0 : this.millis
    )
  }

  isEmpty(): boolean {
    return this.open.size === 0
  }

  /** Waits until no call waits for others. */
  async empty(): Promise<void> {
    if (this.isEmpty()) return
    await new Promise<void>((resolve) => this.waiting.push(resolve))
  }

  private turnOf(messages: object): Gathering {
    let turn = this.turns.get(messages)
    if (turn === undefined) {
      // calls that people have approved are run before any model is asked: nobody announces them
      const approved = Array.isArray(messages) ? [...approvalsIn(messages).keys()] : []
      turn = { announced: [...approved], missing: [...approved], arrivals: [], timer: undefined }
      this.turns.set(messages, turn)
    }
    return turn
  }
}

/** As they were announced; who was not comes last. */
const inOrder = ({ announced, arrivals }: Gathering): ReadonlyArray<Arrival> => {
  const rank = ({ id }: Arrival): number => {
    const at = announced.indexOf(id)
    return at < 0 ? announced.length : at
  }
  return arrivals.toSorted((a, b) => rank(a) - rank(b))
}
