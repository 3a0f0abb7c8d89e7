/**
 * The promise entry of Toolscope with everything that it needs: Effect 4 is a dependency of this package, and no peer. So it can be installed where
 * nobody has Effect, and beside an Effect 3, which then stays the `effect` of the program; each of the two has its own.
 *
 * @since 0.1.0
 */
export * from "@toolscope/core/promise"
