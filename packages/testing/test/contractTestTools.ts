/**
 * A small bank that tools pay into, and honest tools of every kind.
 */
import { Attempt, Commit, Contract, Tool } from "@toolscope/core"
import type { ContractTest } from "@toolscope/testing"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class Bank {
  /** By idempotency key, or by a number where nobody gave one. */
  readonly payments = new Map<string, number>()
  /** Keys that have been undone: nothing may be paid under them any more. */
  readonly undone = new Set<string>()
  isOpen = true

  readonly pay = (key?: string) =>
    Effect.sync(() => {
      this.payments.set(key ?? `payment ${this.payments.size + 1}`, 1)
    })

  readonly undo = ({ key }: { readonly key: string }) => Effect.sync(() => this.payments.delete(key))
  readonly probe = ({ key }: { readonly key: string }) => Effect.sync(() => this.payments.has(key))
}

export const world: ContractTest.World<Bank> = {
  make: Effect.sync(() => new Bank()),
  look: (bank) => Effect.sync(() => [...bank.payments.keys()])
}

export class Closed extends Schema.TaggedError<Closed>()("Closed", {}) {}

type Any = Tool.Tool<string, {}, unknown, unknown, never>
type Options = ContractTest.Options<{}, Bank>

export interface Subject {
  readonly tool: (bank: Bank) => Any
  readonly options?: Partial<Options>
}

export const optionsOf = ({ options }: Subject): Options => ({ params: {}, world, clock: "test", ...options })

export const effect = (
  contract: Contract.Contract,
  handler: Effect.Effect<unknown, Closed>,
  timing: { readonly before?: number; readonly after?: number } = {}
): Any => {
  const { after = 10, before = 10 } = timing
  return Tool.make("pay", {
    contract,
    failure: Closed,
    handler: () =>
      Effect.andThen(
        Effect.sleep(before),
        Effect.tap(handler, () => Effect.sleep(after))
      )
  })
}

export const key = Effect.map(Attempt.current, ({ idempotencyKey }) => idempotencyKey)
export const acting = (fields: Partial<Contract.Acting> = {}) =>
  Contract.make({ effect: "additive", interruption: "anywhere", ...fields })

/** Sleeps for real; a signal ends it. */
export const rest = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      reject(signal!.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", end)
      resolve()
    }, millis)
    if (signal?.aborted === true) end()
    else signal?.addEventListener("abort", end, { once: true })
  })

export const promise = (
  contract: Contract.Contract,
  execute: (context: Tool.PromiseContext) => Promise<unknown>
): Any => Tool.fromPromise("pay", { contract, execute: (_, context) => execute(context) })

export const live = { clock: "live", within: "5 seconds", settle: 20, stops: 8 } as const

export const honest: { readonly [name: string]: Subject } = {
  "reads, as an Effect": {
    tool: (bank) =>
      effect(
        Contract.readOnly,
        Effect.sync(() => bank.payments.size)
      )
  },
  "overwrites, and may be repeated": {
    tool: (bank) => effect(Contract.idempotent, bank.pay("the one"))
  },
  "irreversible, commits at start": {
    tool: (bank) => effect(Contract.irreversible, bank.pay())
  },
  "keyed, undone and probed, commits at start": {
    tool: (bank) =>
      effect(
        acting({ repeat: "keyed", failure: { Closed: "nothing" }, compensate: bank.undo, probe: bank.probe }),
        Effect.flatMap(key, (key) => (bank.isOpen ? bank.pay(key) : Effect.fail(new Closed())))
      ),
    options: { failures: { Closed: { world: (bank) => Effect.sync(() => void (bank.isOpen = false)) } } }
  },
  "passes the gate, which takes time; its commit says how it is undone": {
    tool: (bank) =>
      effect(
        Contract.make({ effect: "additive", commit: "marked", compensate: "atCommit", repeat: "keyed" }),
        Commit.run(
          (key) => (bank.isOpen ? Effect.andThen(Effect.sleep(10), bank.pay(key)) : Effect.fail(new Closed())),
          { compensate: bank.undo }
        )
      ),
    options: { failures: { Closed: { world: (bank) => Effect.sync(() => void (bank.isOpen = false)) } } }
  },
  "passes the gate twice, one after the other, and is never interrupted": {
    tool: (bank) =>
      effect(
        Contract.make({
          effect: "additive",
          commit: "marked",
          interruption: "never",
          compensate: bank.undo,
          probe: bank.probe
        }),
        Effect.andThen(Commit.run(bank.pay), Effect.andThen(Effect.sleep(5), Commit.run(bank.pay)))
      )
  },
  "what comes after its undo is refused": {
    tool: (bank) =>
      effect(
        acting({
          compensate: ({ key }) =>
            Effect.andThen(
              Effect.sync(() => bank.undone.add(key)),
              bank.undo({ key })
            )
        }),
        Effect.flatMap(key, (key) => (bank.undone.has(key) ? Effect.fail(new Closed()) : bank.pay(key)))
      ),
    options: { world: { ...world, refusesAfterUndo: true } }
  },
  "reads, as a promise that hears its signal": {
    tool: (bank) =>
      promise(Contract.readOnly, async ({ signal }) => {
        await rest(20, signal)
        return bank.payments.size
      }),
    options: live
  },
  "keyed, as a promise that passes the gate": {
    tool: (bank) =>
      promise(
        Contract.make({
          effect: "additive",
          commit: "marked",
          repeat: "keyed",
          compensate: bank.undo,
          probe: bank.probe
        }),
        async ({ commit, signal }) => {
          await rest(10, signal)
          await commit(async (key) => {
            await rest(10)
            bank.payments.set(key, 1)
          })
          await rest(10, signal)
        }
      ),
    options: live
  },
  "irreversible, as a promise": {
    tool: (bank) =>
      promise(Contract.irreversible, async ({ signal }) => {
        await rest(10, signal)
        bank.payments.set("paid", 1)
        await rest(10, signal)
      }),
    options: live
  }
}
