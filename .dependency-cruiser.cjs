// Who may import whom. `npm run check` runs this over the sources of all packages.
const above = {
  core: "promise|effect3|ai-sdk|agent|mcp|node|cli|testing|eval|examples|bench",
  mcp: "ai-sdk|agent|node|cli|testing|eval|examples|bench",
  "ai-sdk": "agent|mcp|node|cli|testing|eval|examples|bench",
  agent: "ai-sdk|mcp|node|cli|testing|eval|examples|bench",
  node: "ai-sdk|agent|mcp|cli|testing|eval|examples|bench",
  testing: "ai-sdk|agent|mcp|node|cli|eval|examples|bench",
  eval: "cli|testing|examples|bench",
  cli: "ai-sdk|agent|testing|examples|bench",
  promise: "ai-sdk|agent|mcp|node|cli|testing|eval|effect3|examples|bench",
  effect3: "core|ai-sdk|agent|mcp|node|cli|testing|eval|examples|bench"
}

module.exports = {
  forbidden: [
    {
      name: "no-circles",
      severity: "error",
      // types may refer to each other: nothing is loaded for them
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } }
    },
    ...Object.entries(above).map(([name, others]) => ({
      name: `${name}-imports-none-above`,
      severity: "error",
      from: { path: `^packages/${name}/src` },
      to: { path: `^packages/(${others})/` }
    })),
    {
      name: "internal-stays-inside",
      severity: "error",
      from: { path: "^packages/([^/]+)/" },
      to: { path: "^packages/[^/]+/src/internal/", pathNot: "^packages/$1/" }
    },
    {
      name: "decision-knows-no-effect",
      severity: "error",
      from: { path: "^packages/core/src/(Decision\\.ts|internal/decision/)" },
      to: { path: "node_modules/effect|^packages/core/src/(?!Decision\\.ts|internal/decision/)" }
    },
    {
      name: "core-uses-only-stable-effect",
      severity: "error",
      from: { path: "^packages/core/src" },
      to: {
        path: "node_modules/effect/(?:src|dist)/(?:ai|cli|cluster|http|http-api|observability|persistence|process|rpc|sql|workflow|devtools|eventlog|reactivity|graphql|Arbitrary|FileSystem|Path|LayerMap|ExecutionPlan)"
      }
    },
    {
      name: "agent-knows-effect-ai-in-one-file",
      severity: "error",
      from: { path: "^packages/agent/src", pathNot: "^packages/agent/src/internal/ai\\.ts" },
      to: { path: "node_modules/effect/(?:src|dist)/ai" }
    },
    { name: "no-orphans", severity: "error", from: { orphan: true, path: "^packages/[^/]+/src/internal/" }, to: {} }
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^packages/[^/]+/dist/" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["ws-source", "import", "node", "default"],
      extensions: [".ts", ".mts", ".js", ".mjs"]
    }
  }
}
