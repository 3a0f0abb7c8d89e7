/**
 * A promise that somebody may forget without harm: its rejection tells how things went, and is no mistake in the program, which must
 * not end for it. Who awaits it is told all the same.
 */
export const handled = <A>(promise: Promise<A>): Promise<A> => {
  promise.catch(() => {})
  return promise
}
