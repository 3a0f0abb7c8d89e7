/**
 * `Map.groupBy`, which the oldest library that this repository compiles against does not know.
 */
export const groupBy = <A, K>(all: Iterable<A>, keyOf: (each: A) => K): Map<K, Array<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const each of all) {
    const key = keyOf(each)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [each])
    else group.push(each)
  }
  return groups
}
