/**
 * Type assertions, checked by the compiler alone: these files are never run.
 */

/** Equal to the last modifier: neither assignable in one direction only, nor `any`. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles if `A` is exactly `B`. */
export declare const same: <A, B>(proof: Equal<A, B>) => void
