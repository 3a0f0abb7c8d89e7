/**
 * Why the servers of a configuration could not be used: all that are at fault, at once. No message holds what
 * may be secret in it.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * What is wrong at one place of a configuration.
 *
 * @since 0.1.0
 */
export interface ConfigFault {
  /** JSON Pointer (RFC 6901) into the configuration. */
  readonly pointer: string
  readonly message: string
}

/**
 * The configuration cannot be read; no server was started.
 *
 * @since 0.1.0
 */
export class BadConfig extends Data.TaggedClass("BadConfig")<{ readonly faults: ReadonlyArray<ConfigFault> }> {
  get message(): string {
    return `the MCP configuration has ${this.faults.length === 1 ? "a fault" : `${this.faults.length} faults`}:\n${this.faults
      .map(({ message, pointer }) => `  ${pointer === "" ? "(whole file)" : pointer}: ${message}`)
      .join("\n")}`
  }
}

/**
 * There is no such command.
 *
 * @since 0.1.0
 */
export class NotFound extends Data.TaggedClass("NotFound")<{ readonly command: string }> {
  get message(): string {
    return `there is no command ${JSON.stringify(this.command)}: install it, or give its path`
  }
}

/**
 * The command is there, but the process could not be started.
 *
 * @since 0.1.0
 */
export class CannotStart extends Data.TaggedClass("CannotStart")<{ readonly detail: string }> {
  get message(): string {
    return `it cannot be started: ${this.detail}`
  }
}

/** How a process ended, as far as it is known. */
interface Ended {
  readonly exitCode: number | undefined
  readonly signal: string | undefined
  /** The last lines of its standard error, without what may be secret. */
  readonly stderr: ReadonlyArray<string>
}

/**
 * The process ended before it could be used.
 *
 * @since 0.1.0
 */
export class DiedAtStart extends Data.TaggedClass("DiedAtStart")<Ended> {
  get message(): string {
    return `it died at start (${describeEnd(this)})${lastLines(this.stderr)}`
  }
}

/**
 * The process did not answer as an MCP server does within the time for its start.
 *
 * @since 0.1.0
 */
export class NoHandshake extends Data.TaggedClass("NoHandshake")<{
  readonly millis: number
  /** The first line on its standard output that was no message, if there was one. */
  readonly garbage: string | undefined
  readonly stderr: ReadonlyArray<string>
}> {
  get message(): string {
    const garbage =
      this.garbage === undefined
        ? ""
        : `; its standard output is no MCP, the first such line: ${JSON.stringify(this.garbage)}`
    return `it was not ready within ${this.millis} ms${garbage}${lastLines(this.stderr)}`
  }
}

/**
 * The server answered its start or the question for its tools with an error, or with something that cannot be used.
 *
 * @since 0.1.0
 */
export class BadAnswer extends Data.TaggedClass("BadAnswer")<{
  readonly detail: string
  readonly stderr: ReadonlyArray<string>
}> {
  get message(): string {
    return `${this.detail}${lastLines(this.stderr)}`
  }
}

/**
 * Nothing answers there, or what answers breaks off, or is no MCP.
 *
 * @since 0.1.0
 */
export class Unreachable extends Data.TaggedClass("Unreachable")<{ readonly detail: string }> {
  get message(): string {
    return this.detail === "" ? "it broke off" : this.detail
  }
}

/**
 * The server wants to know who asks (401), or refuses whoever this is (403).
 *
 * @since 0.1.0
 */
export class Unauthorized extends Data.TaggedClass("Unauthorized")<{ readonly status: 401 | 403 }> {
  get message(): string {
    return unauthorized(this.status)
  }
}

/**
 * The server speaks a version of the protocol that is not known here.
 *
 * @since 0.1.0
 */
export class UnsupportedVersion extends Data.TaggedClass("UnsupportedVersion")<{
  readonly version: string
  /** Those that are, newest first. */
  readonly supported: ReadonlyArray<string>
}> {
  get message(): string {
    return `it speaks version ${JSON.stringify(this.version)} of MCP, which is not known here; known are ${this.supported.join(", ")}`
  }
}

/**
 * The configuration has contracts for tools that the server does not list.
 *
 * @since 0.1.0
 */
export class UnknownTools extends Data.TaggedClass("UnknownTools")<{
  readonly faults: ReadonlyArray<ConfigFault>
}> {
  get message(): string {
    return this.faults.map(({ message, pointer }) => `${pointer}: ${message}`).join("; ")
  }
}

/**
 * @since 0.1.0
 */
export type ServerReason =
  | NotFound
  | CannotStart
  | DiedAtStart
  | NoHandshake
  | Unreachable
  | Unauthorized
  | UnsupportedVersion
  | BadAnswer
  | UnknownTools

/**
 * A server that could not be used, and why.
 *
 * @since 0.1.0
 */
export interface ServerFailure {
  readonly server: string
  readonly reason: ServerReason
}

/**
 * Servers could not be used; those that could have been closed again.
 *
 * @since 0.1.0
 */
export class ServersFailed extends Data.TaggedClass("ServersFailed")<{
  readonly servers: ReadonlyArray<ServerFailure>
}> {
  get message(): string {
    return this.servers
      .map(({ reason, server }) => `MCP server ${JSON.stringify(server)}: ${reason.message}`)
      .join("\n")
  }
}

/**
 * @since 0.1.0
 */
export type Reason = BadConfig | ServersFailed

/**
 * The servers of a configuration cannot be used. Match on `reason._tag`.
 *
 * @since 0.1.0
 */
export class McpError extends Data.TaggedError("McpError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}

const lastLines = (lines: ReadonlyArray<string>): string =>
  lines.length === 0 ? "" : `; the last of its standard error:\n${lines.map((line) => `  | ${line}`).join("\n")}`

/** @internal */
export const unauthorized = (status: 401 | 403): string =>
  status === 401
    ? `it refuses who does not say who they are (HTTP 401): the token in "headers" of its entry is missing, wrong, or has expired`
    : `it refuses whoever this is (HTTP 403): the token in "headers" of its entry does not allow this`

/** @internal */
export const describeEnd = ({ exitCode, signal }: Pick<Ended, "exitCode" | "signal">): string =>
  signal !== undefined ? `signal ${signal}` : exitCode === undefined ? "exit code not known" : `exit code ${exitCode}`
