/**
 * The few ways in which scenarios choose. What comes first is what shrinking leads to, so the simplest stands first.
 */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"

/** To compile a schema costs more than to generate from it. */
const ints = new Map<string, Arbitrary.Arbitrary<number>>()

/** A whole number, both ends included. */
export const int = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> => {
  const key = `${minimum} ${maximum}`
  let made = ints.get(key)
  if (made === undefined) {
    made = Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))
    ints.set(key, made)
  }
  return made
}

const indices = new Map<number, Arbitrary.Arbitrary<number>>()

/** From 0 to `size`, exclusive, each as likely as the other (whole numbers of Effect prefer both ends). Shrinks to those before. */
export const index = (size: number): Arbitrary.Arbitrary<number> => {
  let made = indices.get(size)
  if (made === undefined) {
    const all = Array.from({ length: size }, (_, i) => i)
    made = Arbitrary.schema(Schema.Literals(all), { shrink: (i) => all.slice(0, i) })
    indices.set(size, made)
  }
  return made
}

/** One of these. */
export const one = <A>(first: Arbitrary.Arbitrary<A>, ...rest: ReadonlyArray<Arbitrary.Arbitrary<A>>) => {
  const all = [first, ...rest]
  return Arbitrary.flatMap(index(all.length), (i) => all[i]!)
}

/** One of these values. */
export const value = <const A extends ReadonlyArray<unknown>>(...all: A): Arbitrary.Arbitrary<A[number]> => {
  return Arbitrary.map(index(all.length), (i) => all[i])
}

/** Now and then (once in so many) the second, otherwise the first. */
export const rarely = <A>(
  once: number,
  usually: Arbitrary.Arbitrary<A>,
  then: Arbitrary.Arbitrary<A>
): Arbitrary.Arbitrary<A> => Arbitrary.flatMap(index(once), (i) => (i === once - 1 ? then : usually))

type Present<F> = { [K in keyof F]: F[K] extends Arbitrary.Arbitrary<infer A> ? A : never }
type Defined<A> = { [K in keyof A as undefined extends A[K] ? never : K]: A[K] } & {
  [K in keyof A as undefined extends A[K] ? K : never]?: Exclude<A[K], undefined>
}

/** An object of these fields; a field that comes out `undefined` is left out. */
export const object = <const F extends { readonly [key: string]: Arbitrary.Arbitrary<any> }>(
  fields: F
): Arbitrary.Arbitrary<Defined<Present<F>>> =>
  Arbitrary.map(
    Arbitrary.all(fields as { readonly [key: string]: Arbitrary.Arbitrary<unknown> }),
    (all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never
  )

/** Absent, or once in so many present. */
export const maybe = <A>(once: number, arbitrary: Arbitrary.Arbitrary<A>): Arbitrary.Arbitrary<A | undefined> =>
  rarely<A | undefined>(once, Arbitrary.Constant(undefined), arbitrary)
