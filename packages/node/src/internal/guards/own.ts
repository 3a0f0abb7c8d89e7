/**
 * State that is one per process, where nobody provides a store that is shared. Times of two clocks cannot be compared, so there is one per
 * clock: tests in virtual time do not see what others left.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** The store of the present context, else that of the process. */
export const storeOr = <Id, Store extends object>(
  key: Context.Service<Id, Store>,
  memory: Layer.Layer<Id>
): Effect.Effect<Store> => {
  const own = new WeakMap<Clock.Clock, Store>()
  const ofProcess = Effect.clockWith((clock) => {
    const found = own.get(clock)
    if (found !== undefined) return Effect.succeed(found)
    return Effect.map(Effect.scoped(Layer.build(memory)), (context) => {
      // another attempt may have been quicker
      const store = own.get(clock) ?? Context.get(context, key)
      own.set(clock, store)
      return store
    })
  })
  return Effect.flatMap(Effect.serviceOption(key), Option.match({ onNone: () => ofProcess, onSome: Effect.succeed }))
}

/** What belongs to a store, made once. */
export const perStore = <Store extends object, A>(make: (store: Store) => A): ((store: Store) => A) => {
  const made = new WeakMap<Store, { readonly value: A }>()
  return (store) => {
    const found = made.get(store) ?? { value: make(store) }
    made.set(store, found)
    return found.value
  }
}
