/**
 * Where the calls of a turn stand in its plan. Each carries an idempotency key of its own: by that it is known wherever the application has
 * put it.
 */

const groups = ["all", "of", "firstSuccess"] as const
const wrappers = ["advisory", "settled", "atomic", "of"] as const

/** The paths of each key, in a plan `inside` of a call or at the top. Without recursion: it may be nested as deep as memory allows. */
export const pathsOf = (plan: unknown, inside = "/"): ReadonlyMap<string, ReadonlyArray<string>> => {
  const paths = new Map<string, Array<string>>()
  const pending = [{ node: plan, path: inside === "/" ? "" : inside }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next.node !== "object" || next.node === null) continue
    const { path } = next
    const node = next.node as Record<string, unknown>
    if (typeof node.call === "string" && typeof node.idempotencyKey === "string") {
      const known = paths.get(node.idempotencyKey) ?? []
      paths.set(node.idempotencyKey, [...known, path === "" ? "/" : path])
    }
    for (const key of groups) {
      const children = node[key]
      if (!Array.isArray(children)) continue
      for (const child of children) pending.push({ node: child, path: `${path}/${child.id}` })
    }
    for (const key of wrappers) if (!Array.isArray(node[key])) pending.push({ node: node[key], path })
  }
  return paths
}
