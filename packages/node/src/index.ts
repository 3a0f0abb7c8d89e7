/**
 * What Toolscope has for Node: tools that run isolated in a process or a worker, and tools that are HTTP requests.
 *
 * @since 0.1.0
 */
export * as Http from "./Http.ts"
export * as HttpError from "./HttpError.ts"
export * as Isolated from "./Isolated.ts"
export * as IsolatedError from "./IsolatedError.ts"
