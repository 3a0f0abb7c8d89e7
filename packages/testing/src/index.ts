/**
 * Proof for Toolscope, and for services built on it.
 *
 * @since 0.1.0
 */
export * as Explorer from "./Explorer.ts"
export * as Sweep from "./Sweep.ts"
export * as Ledger from "./Ledger.ts"
export * as Zoo from "./Zoo.ts"
export * as Arbitraries from "./Arbitraries.ts"
export * as Laws from "./Laws.ts"
export * as Simulation from "./Simulation.ts"
export * as ContractTest from "./ContractTest.ts"
