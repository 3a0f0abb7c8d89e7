/**
 * What Toolscope has for Node: tools that run isolated in a process or a worker, tools that are HTTP requests, rate limits and circuit
 * breakers for any tool, and questions on a terminal.
 *
 * @since 0.1.0
 */
export * as Circuit from "./Circuit.ts"
export * as Http from "./Http.ts"
export * as HttpError from "./HttpError.ts"
export * as Isolated from "./Isolated.ts"
export * as IsolatedError from "./IsolatedError.ts"
export * as Questions from "./Questions.ts"
export * as RateLimit from "./RateLimit.ts"
