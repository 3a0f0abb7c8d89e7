/**
 * `package_version` and `package_license`: look-ups in an SQLite table of the packages that are installed beside Effect. The table
 * is made from their `package.json` files when the tools open; names are parameters of the statements, never part of them.
 */
import { Contract, Tool } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { effectFolder } from "./guides.ts"

/** No package of this name is installed. */
export class NotInstalled extends Schema.TaggedError<NotInstalled>()("NotInstalled", { message: Schema.String }) {}

/** Both look-ups, over one table. */
export const packageTools = Effect.gen(function* () {
  const table = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(":memory:")),
    (database) => Effect.sync(() => database.close())
  )
  fill(table)
  const lookUp = (name: string, column: "version" | "license", description: string) => {
    const query = table.prepare(`SELECT ${column} AS found FROM packages WHERE name = ?`)
    return Tool.make(name, {
      description,
      parameters: Schema.Struct({ name: Schema.String }),
      success: Schema.String,
      failure: NotInstalled,
      contract: Contract.readOnly,
      handler: ({ name }) =>
        Effect.suspend(() => {
          const row = query.get(name)
          return row === undefined
            ? Effect.fail(new NotInstalled({ message: `no package ${JSON.stringify(name)} is installed here` }))
            : Effect.succeed(String(row.found))
        })
    })
  }
  return [
    lookUp("package_version", "version", "The version of an installed package"),
    lookUp("package_license", "license", "The licence of an installed package")
  ]
})

const fill = (table: DatabaseSync): void => {
  table.exec("CREATE TABLE packages (name TEXT PRIMARY KEY, version TEXT NOT NULL, license TEXT NOT NULL)")
  const insert = table.prepare("INSERT OR IGNORE INTO packages VALUES (?, ?, ?)")
  const modules = dirname(effectFolder)
  table.exec("BEGIN")
  for (const file of globSync(["*/package.json", "@*/*/package.json"], { cwd: modules })) {
    const { license, name, version } = manifest(join(modules, file))
    if (typeof name === "string" && typeof version === "string") {
      insert.run(name, version, typeof license === "string" ? license : "not stated")
    }
  }
  table.exec("COMMIT")
}

/** A file that somebody left half written is no reason to have no table. */
const manifest = (file: string): Record<string, unknown> => {
  try {
    const json: unknown = JSON.parse(readFileSync(file, "utf8"))
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
