/**
 * What runs inside of what: known by the asynchronous context, where the platform has one. A tool that has a model call the tools of the same
 * `toolscope`, or a tool that calls others, makes calls that belong to its own.
 */
import type { AsyncLocalStorage } from "node:async_hooks"
import type { Inside } from "./arrival.ts"

export interface Around {
  readonly current: () => Inside | undefined
  readonly run: <A>(inside: Inside, run: () => A) => A
}

export const makeAround = (): Around => {
  const storage = makeStorage()
  return storage === undefined
    ? { current: () => undefined, run: (_inside, run) => run() }
    : { current: () => storage.getStore(), run: (inside, run) => storage.run(inside, run) }
}

const makeStorage = (): AsyncLocalStorage<Inside> | undefined => {
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> }
  const hooks = process?.getBuiltinModule?.("node:async_hooks")
  return hooks === undefined ? undefined : new hooks.AsyncLocalStorage<Inside>()
}
