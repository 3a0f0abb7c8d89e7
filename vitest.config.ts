// A bare `npx vitest` would find this file and no project: it must fail loudly instead of running nothing.
throw new Error("Run the tests with `npm test`, or `npx vitest --config vitest.workspace.ts`.")
