/**
 * What a tool's process or worker inherits: a few variables that are safe, what the tool's `env` names, and the options of Node that
 * decide how modules are found. Nothing else of ours.
 */
import { markName } from "./tree.ts"

const inherited =
  process.platform === "win32"
    ? [
        "APPDATA",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE"
      ]
    : ["HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"]

/** `mark` is how descendants are found again. */
export const environment = (
  own: { readonly [name: string]: string },
  mark: string
): { readonly [name: string]: string } => ({
  ...Object.fromEntries(
    inherited.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    })
  ),
  ...own,
  [markName]: mark
})

/** Options that say what our own process runs, that would load variables, or that must not be had twice. */
const ours =
  /^(-[epci]|-pe|--(eval|print|check|interactive|input-type|run|env-file|inspect|debug|test|watch|prof|cpu-prof|heap-prof|heapsnapshot|diagnostic-dir|report|trace-event|max-old-space-size|expose-gc)\b.*)$/

/** The options of Node for a process of the tool, from our own: those that decide how modules are found and loaded. */
export const nodeOptions = (own: ReadonlyArray<string>, memory: number | undefined): ReadonlyArray<string> => {
  const options: Array<string> = []
  let isValueOfOurs = false
  for (const option of own) {
    // what does not begin with a dash is the value of the option before it
    if (option.startsWith("-")) isValueOfOurs = ours.test(option)
    if (!isValueOfOurs) options.push(option)
  }
  return memory === undefined ? options : [...options, `--max-old-space-size=${memory}`]
}
