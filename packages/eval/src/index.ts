/**
 * The adversarial eval: what a tool layer does when its tools hang, fail, pay no heed and act late.
 *
 * @since 0.1.0
 */
export * as Eval from "./Eval.ts"
export * as Ledger from "./Ledger.ts"
export * as Render from "./Render.ts"
export * as Runner from "./Runner.ts"
export * as Scenario from "./Scenario.ts"
export * as Score from "./Score.ts"
