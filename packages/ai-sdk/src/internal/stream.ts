/**
 * The result of a tool that gives values as it goes: each of them, as it comes, then the one that stands.
 */
import type { Arrival } from "./arrival.ts"

export async function* streamed(
  begin: (onPreliminary: (value: unknown) => void) => Arrival
): AsyncGenerator<unknown, void> {
  const waiting: Array<unknown> = []
  let wake = () => {}
  const { result } = begin((value) => {
    waiting.push(value)
    wake()
  })
  const state = { isOver: false }
  void result.then(() => {
    state.isOver = true
    wake()
  })
  let last: { readonly value: unknown } | undefined
  for (;;) {
    while (waiting.length > 0) {
      last = { value: waiting.shift() }
      yield last.value
    }
    if (state.isOver) break
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  const given = await result
  if (given._tag === "Error") throw given.error
  if (last === undefined || last.value !== given.value) yield given.value
}
