/**
 * Tools whose contracts say what is not so, each with the checks that have to find it, and what they have to say.
 */
import { Attempt, Commit, Contract } from "@toolscope/core"
import type { ContractTest } from "@toolscope/testing"
import * as Effect from "effect/Effect"
import { acting, Closed, effect, key, live, promise, rest, type Subject, world } from "./contractTestTools.ts"

export interface Liar extends Subject {
  /** The checks that fail, and no others. */
  readonly fails: ReadonlyArray<ContractTest.Name>
  /** Part of what the first of them says: what it has seen, and what to do. */
  readonly seen: RegExp
  readonly todo: RegExp
}

export const liars: { readonly [name: string]: Liar } = {
  "says that it reads only, and writes": {
    tool: (bank) => effect(Contract.readOnly, bank.pay()),
    fails: ["reads"],
    seen: /undisturbed, it changed something: the world was \[\], and is \[ 'payment 1' \]/,
    todo: /declare effect "additive"/
  },
  "says that it reads only, and writes as it is stopped": {
    tool: (bank) =>
      effect(
        Contract.readOnly,
        Effect.onInterrupt(Effect.sleep(10), () => bank.pay())
      ),
    fails: ["reads"],
    seen: /stopped 10 ms after its start.*, it changed something: the world was \[\], and is \[ 'payment 1' \]/,
    todo: /declare effect "additive"/
  },
  "says that it marks its commits, and writes before its gate": {
    tool: (bank) =>
      effect(
        acting({ commit: "marked" }),
        Effect.andThen(
          bank.pay("early"),
          Commit.run((key) => bank.pay(key))
        )
      ),
    fails: ["gate"],
    seen: /before it came to its gate, the world was \[\], and is \[ 'early' \]/,
    todo: /declare commit "atStart", or do that inside of Commit.run/
  },
  "says that it marks its commits, and writes after its gate": {
    tool: (bank) =>
      effect(
        acting({ commit: "marked" }),
        Effect.andThen(
          Commit.run((key) => bank.pay(key)),
          bank.pay("more")
        )
      ),
    fails: ["gate"],
    seen: /after it had passed its gate, the world was \[ 'contract-test' \], and is \[ 'contract-test', 'more' \]/,
    todo: /inside of Commit.run/
  },
  "says that it marks its commits, and has no gate": {
    tool: (bank) => effect(acting({ commit: "marked" }), bank.pay()),
    fails: ["gate"],
    seen: /undisturbed, before it came to its gate/,
    todo: /declare commit "atStart"/
  },
  "says that it marks its commits, and writes as it is stopped": {
    tool: (bank) =>
      effect(
        acting({ commit: "marked" }),
        Effect.andThen(
          Effect.onInterrupt(Effect.sleep(10), () => bank.pay("refund")),
          Commit.run((key) => bank.pay(key))
        )
      ),
    fails: ["gate"],
    seen: /stopped 10 ms after its start.*, no effect had passed the gate, yet the world was \[\], and is \[ 'refund' \]/,
    todo: /inside of Commit.run/
  },
  "says that an error means that nothing happened, and had written": {
    tool: (bank) =>
      effect(
        acting({ failure: { Closed: "nothing" } }),
        Effect.andThen(bank.pay(), () => (bank.isOpen ? Effect.void : Effect.fail(new Closed())))
      ),
    options: { failures: { Closed: { world: (bank) => Effect.sync(() => void (bank.isOpen = false)) } } },
    fails: ["failure"],
    seen: /it failed with Closed, yet the world was \[\]/,
    todo: /declare that Closed says "maybe"/
  },
  "says, stopped, that nothing happened, and had written": {
    tool: (bank) =>
      effect(
        acting({ failure: "nothing", interruption: "never" }),
        Effect.andThen(
          bank.pay(),
          Effect.flatMap(Attempt.current, ({ stopping }) =>
            Effect.andThen(Effect.sleep(10), () => (stopping() === undefined ? Effect.void : Effect.fail(new Closed())))
          )
        )
      ),
    options: { failures: { Closed: {} } },
    fails: ["truth", "failure"],
    seen: /it failed with Closed and was reported as Cancelled, yet the world was \[\]/,
    todo: /declare that Closed says "maybe"/
  },
  "says that the same parameters lead to the same state, and doubles": {
    tool: (bank) => effect(Contract.idempotent, bank.pay()),
    fails: ["repeat"],
    seen: /undisturbed, then run again with the same parameters: the world is \[ 'payment 1', 'payment 2' \]/,
    todo: /declare repeat "keyed" if the world knows the key again, else "never"/
  },
  "says that it is safe under one key, and does not hand the key on": {
    tool: (bank) => effect(acting({ repeat: "keyed" }), bank.pay()),
    fails: ["repeat"],
    seen: /run again with the same key: the world is \[ 'payment 1', 'payment 2' \]/,
    todo: /declare repeat "never", or hand the idempotency key on/
  },
  "says that it may be repeated, and leaves a lock behind when it is stopped": {
    tool: (bank) =>
      effect(
        Contract.idempotent,
        Effect.suspend(() => {
          if (!bank.isOpen) return Effect.fail(new Closed())
          bank.isOpen = false
          return Effect.andThen(Effect.sleep(10), () => {
            bank.isOpen = true
            return bank.pay("the one")
          })
        })
      ),
    fails: ["repeat"],
    seen: /stopped 10 ms after its start.*, then run again with the same parameters \(it ended as Failed \(Closed/,
    todo: /let the same parameters lead to the same state/
  },
  "says that it can be stopped anywhere, and is deaf": {
    tool: (bank) => effect(acting(), Effect.uninterruptible(Effect.andThen(Effect.sleep("5 seconds"), bank.pay()))),
    options: { within: "500 millis" },
    fails: ["interruption", "aftermath"],
    seen: /it had not ended 500 ms after the signal/,
    todo: /let nothing in it be uninterruptible/
  },
  "is a promise that does not hear its signal": {
    tool: (bank) =>
      promise(acting(), async () => {
        await rest(60)
        bank.payments.set("paid", 1)
      }),
    options: { ...live, within: 5, settle: 100 },
    fails: ["interruption", "aftermath"],
    seen: /it had not ended 5 ms after the signal/,
    todo: /hand its signal on/
  },
  "is never interrupted, and takes longer than it has": {
    tool: (bank) => effect(acting({ interruption: "never" }), bank.pay(), { after: 3_000 }),
    fails: ["interruption"],
    seen: /it had not ended 2000 ms after the signal/,
    todo: /let it end sooner, or allow more time/
  },
  "has an undo that does not undo": {
    tool: (bank) => effect(acting({ compensate: () => Effect.void }), bank.pay()),
    fails: ["undo"],
    seen: /after a success, its undo succeeded, and the world was \[\], and is \[ 'payment 1' \]/,
    todo: /leave compensate out, or let it find by its key what was done/
  },
  "has an undo that needs the answer": {
    tool: (bank) =>
      effect(
        acting({
          compensate: ({ key, value }) => (value._tag === "Some" ? bank.undo({ key }) : Effect.void)
        }),
        Effect.flatMap(key, bank.pay)
      ),
    fails: ["undo"],
    seen: /stopped 10 ms after its start.*its undo succeeded, and the world was \[\]/,
    todo: /by its key/
  },
  "has an undo that fails where nothing happened": {
    tool: (bank) =>
      effect(
        acting({
          compensate: ({ key }) => (bank.payments.delete(key) ? Effect.void : Effect.fail(new Error("no such payment")))
        }),
        Effect.flatMap(key, bank.pay)
      ),
    fails: ["undoOfNothing"],
    seen: /asked for a key that was never used, its undo failed: no such payment/,
    todo: /let compensate succeed, and do nothing/
  },
  "has commits whose undo fails where nothing happened": {
    tool: (bank) =>
      effect(
        Contract.compensable({ compensate: "atCommit" }),
        Commit.run((key) => (bank.isOpen ? bank.pay(key) : Effect.fail(new Closed())), {
          compensate: ({ key }) => (bank.payments.delete(key) ? Effect.void : Effect.fail(new Error("no such payment")))
        })
      ),
    options: { failures: { Closed: { world: (bank) => Effect.sync(() => void (bank.isOpen = false)) } } },
    fails: ["undoOfNothing"],
    seen: /after Closed, its undo failed: no such payment/,
    todo: /let compensate succeed/
  },
  "has an undo that takes away what others did": {
    tool: (bank) => effect(acting({ compensate: () => Effect.sync(() => bank.payments.clear()) }), bank.pay()),
    options: { world: { ...world, make: Effect.tap(world.make, (bank) => bank.pay("of another")) } },
    fails: ["undo", "undoOfNothing"],
    seen: /after a success, its undo succeeded, and the world was \[ 'of another' \], and is \[\]/,
    todo: /let it find by its key what was done/
  },
  "says that its world refuses what comes after an undo, and it does not": {
    tool: (bank) => effect(acting({ compensate: bank.undo }), Effect.flatMap(key, bank.pay)),
    options: { world: { ...world, refusesAfterUndo: true } },
    fails: ["undoFirst"],
    seen: /after the undo of nothing, it came again with the same key/,
    todo: /let the undo leave a mark under its key/
  },
  "has a probe that always says yes": {
    tool: (bank) => effect(acting({ probe: () => Effect.succeed(true) }), bank.pay()),
    fails: ["probe"],
    seen: /asked for a key that was never used, it says yes, and no is right/,
    todo: /let the probe look for its key/
  },
  "has a probe that always says no": {
    tool: (bank) => effect(acting({ probe: () => Effect.succeed(false) }), bank.pay()),
    fails: ["probe"],
    seen: /after a success, it says no, and yes is right/,
    todo: /let the probe look for its key/
  },
  "has a probe that says yes once it was asked to pay": {
    tool: (bank) =>
      effect(
        acting({ probe: ({ key }) => Effect.sync(() => bank.undone.has(key)) }),
        Effect.flatMap(key, (key) => {
          bank.undone.add(key)
          return Effect.andThen(Effect.sleep(10), bank.pay(key))
        })
      ),
    fails: ["probe"],
    seen: /stopped 10 ms after its start.*, it says yes, and no is right/,
    todo: /let the probe look for its key/
  },
  "lets something go that writes after its end": {
    tool: (bank) => effect(acting(), Effect.forkDetach(Effect.andThen(Effect.sleep(100), bank.pay()))),
    fails: ["aftermath"],
    seen: /undisturbed, within 10000 ms of its end the world was \[\], and is \[ 'payment 1' \]/,
    todo: /let it wait for everything that it starts/
  },
  "is a promise that lets something go that writes after its end": {
    tool: (bank) =>
      promise(Contract.irreversible, async ({ signal }) => {
        await rest(5, signal)
        setTimeout(() => bank.payments.set("paid", 1), 40)
      }),
    options: { ...live, settle: 80 },
    fails: ["aftermath"],
    seen: /within 80 ms of its end the world was \[\], and is \[ 'paid' \]/,
    todo: /no contract allows for what goes on without it/
  },
  "has a finalizer that throws": {
    tool: () =>
      effect(
        Contract.readOnly,
        Effect.addFinalizer(() => Effect.die(new Error("the lock was gone"))) as Effect.Effect<void>
      ),
    fails: ["cleanup"],
    seen: /undisturbed, its cleanup failed: .*the lock was gone/,
    todo: /let its finalizers catch/
  },
  "dies as it is stopped": {
    tool: () =>
      effect(
        Contract.readOnly,
        Effect.onInterrupt(Effect.sleep(10), () => Effect.die(new Error("there was nothing to close")))
      ),
    fails: ["cleanup"],
    seen: /stopped 10 ms after its start.*there was nothing to close/,
    todo: /let its finalizers catch/
  },
  "has a finalizer that hangs": {
    tool: () => effect(Contract.readOnly, Effect.addFinalizer(() => Effect.never) as Effect.Effect<void>, { after: 0 }),
    fails: ["interruption", "cleanup"],
    seen: /it had not ended 1000 ms after the signal/,
    todo: /no finalizer either/
  },
  "says that it changes the world, and does not": {
    tool: () => effect(acting(), Effect.void),
    fails: ["truth"],
    seen: /it ended as Succeeded, its effect committed, yet the world is as it was: \[\]/,
    todo: /declare effect "none" if it only reads/
  },
  "says that it reads only, and comes to a gate": {
    tool: (bank) => effect(Contract.readOnly, Commit.run(bank.pay())),
    fails: ["success"],
    seen: /Failed \(ContractViolation: .*correct the contract\)/,
    todo: /do as the message says/
  },
  "says that it commits at start, and comes to a gate": {
    tool: (bank) => effect(acting(), Commit.run(bank.pay())),
    fails: ["success"],
    seen: /does not say commit "marked": add that/,
    todo: /do as the message says/
  }
}
