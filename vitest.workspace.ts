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

export default defineConfig({
  test: {
    projects: [
      ...readdirSync(packages)
        .filter((name) => existsSync(new URL(`${name}/test`, packages)))
        .map((name) => project(name, name, "test/**/*.test.ts", 30_000)),
      // what takes minutes: `npm run test:proof`
      project("testing", "proof", "test/**/*.proof.ts", 300_000)
    ]
  }
})
