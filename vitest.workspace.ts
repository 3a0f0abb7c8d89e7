// An ordinary Vitest config under another name, passed with --config (see vitest.config.ts).
import { existsSync, readdirSync } from "node:fs"
import { defineConfig } from "vitest/config"

const packages = new URL("./packages/", import.meta.url)

const project = (folder: string, name: string, include: string, testTimeout: number) => ({
  extends: false,
  root: new URL(`${folder}/`, packages).pathname,
  ssr: { resolve: { conditions: ["ws-source"] } },
  test: {
    name,
    include: [include],
    typecheck: { enabled: false },
    // hundreds of tests start a process of its own: what one of them has compiled the next need not
    env: { NODE_COMPILE_CACHE: new URL("./node_modules/.cache/compile/", import.meta.url).pathname },
    testTimeout
  }
})

const named = readdirSync(packages).filter((name) => existsSync(new URL(`${name}/test`, packages)))

/** What takes minutes: `npm run test:proof`. */
const proofs = named.filter((name) =>
  readdirSync(new URL(`${name}/test`, packages), { recursive: true }).some((file) => String(file).endsWith(".proof.ts"))
)

export default defineConfig({
  test: {
    projects: [
      ...named.map((name) => project(name, name, "test/**/*.test.ts", 30_000)),
      ...proofs.map((name) => project(name, `proof-${name}`, "test/**/*.proof.ts", 300_000))
    ]
  }
})
