import tseslint from "typescript-eslint"

// What `Effect.gen` and typed errors make meaningless is off; floating and misused promises stay on, everywhere.
export default tseslint.config(
  // the adapters of the eval are written against packages that are not installed here
  { ignores: ["**/dist/**", "**/node_modules/**", "**/.cache/**", "packages/eval/peers/**"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ["packages/*/tsconfig.json", "tsconfig.tests.json"],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-explicit-any": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-invalid-void-type": "off",
      "@typescript-eslint/restrict-template-expressions": "off",
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/unified-signatures": "off",
      "@typescript-eslint/only-throw-error": "off",
      "@typescript-eslint/prefer-promise-reject-errors": "off",
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/restrict-plus-operands": ["error", { allowNumberAndString: true }],
      "no-restricted-imports": [
        "error",
        {
          paths: [{ name: "effect", message: "Import the module: effect/Effect. The barrel costs 300 ms at start." }],
          patterns: [
            {
              group: ["@toolscope/*/internal/*", "@toolscope/*/dist/**", "./**/dist/**", "../**/dist/**"],
              message: "That is internal to its package."
            }
          ]
        }
      ]
    }
  },
  {
    files: ["**/test/**", "**/typetest/**"],
    rules: {
      "@typescript-eslint/restrict-plus-operands": "off",
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-floating-promises": "error",
      "no-restricted-imports": "off"
    }
  }
)
