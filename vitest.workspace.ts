// An ordinary Vitest config under another name, passed with --config (see vitest.config.ts).
import { existsSync, readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"

const packages = new URL("./packages/", import.meta.url)

export default defineConfig({
  test: {
    // by default one core is left to others, which on two cores means that nothing runs beside anything
    maxWorkers: "100%",
    projects: readdirSync(packages)
      .filter((name) => existsSync(new URL(`${name}/test`, packages)))
      .map((name) => ({
        extends: false,
        root: new URL(`${name}/`, packages).pathname,
        ssr: { resolve: { conditions: ["ws-source"] } },
        test: {
          name,
          include: ["test/**/*.test.ts"],
          typecheck: { enabled: false },
          testTimeout: 30_000
        }
      }))
  }
})
