/**
 * `${VAR}`, `${VAR:-default}` and `${env:VAR}` in the entries of a configuration, as well-known hosts have them: in `command`, `args`,
 * `env`, `cwd`, `url` and `headers`. One that is not set, and has no default, is a fault; no fault shows a value.
 */
import { escapeToken } from "effect/JsonPointer"
import type { Config, Server } from "../Config.ts"
import type { ConfigFault } from "../McpError.ts"
import { Secrets } from "./secrets.ts"

export interface Resolved {
  readonly name: string
  readonly server: Server
  readonly secrets: Secrets
}

type Environment = { readonly [name: string]: string | undefined }

/** Of the servers that are not disabled. */
export const resolve = (
  config: Config,
  environment: Environment
): { readonly servers: ReadonlyArray<Resolved>; readonly faults: ReadonlyArray<ConfigFault> } => {
  const faults: Array<ConfigFault> = []
  const servers = Object.entries(config.mcpServers)
    .filter(([, server]) => server.disabled !== true)
    .map(([name, server]): Resolved => {
      const at = `/mcpServers/${escapeToken(name)}`
      const substituted: Array<{ value: string; place: string }> = []
      const text = (pointer: string, place: string, raw: string): string =>
        raw.replace(pattern, (_, variable: string, fallback: string | undefined) => {
          const value = environment[variable]
          if (value !== undefined && (value !== "" || fallback === undefined)) {
            substituted.push({ value, place })
            return value
          }
          if (fallback !== undefined) return fallback
          faults.push({ pointer, message: `the environment variable ${JSON.stringify(variable)} is not set` })
          return ""
        })
      const record = (key: string, values: { readonly [name: string]: string }) =>
        Object.fromEntries(
          Object.entries(values).map(([name, value]) => [
            name,
            text(`${at}/${key}/${escapeToken(name)}`, `${key}.${name}`, value)
          ])
        )
      const resolved = resolveServer(server, (key, raw) => text(`${at}/${key}`, key.replace("/", "."), raw), record)
      const wrong = "url" in resolved ? urlFault(resolved) : undefined
      if (wrong !== undefined) faults.push({ ...wrong, pointer: `${at}/${wrong.pointer}` })
      return { name, server: resolved, secrets: new Secrets(resolved, substituted) }
    })
  return { servers, faults }
}

const pattern = /\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

const resolveServer = (
  server: Server,
  text: (key: string, raw: string) => string,
  record: (key: string, values: { readonly [name: string]: string }) => { readonly [name: string]: string }
): Server => {
  if ("url" in server) {
    const { headers, url } = server
    return {
      ...server,
      url: text("url", url),
      ...(headers === undefined ? {} : { headers: record("headers", headers) })
    }
  }
  const { args, command, cwd, env } = server
  return {
    ...server,
    command: text("command", command),
    ...(args === undefined ? {} : { args: args.map((arg, i) => text(`args/${i}`, arg)) }),
    ...(env === undefined ? {} : { env: record("env", env) }),
    ...(cwd === undefined ? {} : { cwd: text("cwd", cwd) })
  }
}

/** What nobody could send: found before anything starts. */
export const urlFault = ({ headers = {}, url }: Extract<Server, { readonly url: string }>): ConfigFault | undefined => {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return { pointer: "url", message: "expected a URL that begins with http:// or https://" }
  }
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers([[name, value]])
    } catch {
      return { pointer: `headers/${escapeToken(name)}`, message: "not a header that can be sent" }
    }
  }
  return undefined
}
