/**
 * Where the files lie that a process or a worker starts with: beside this one, as TypeScript in the sources, as JavaScript when built.
 */
const ending = import.meta.url.endsWith(".ts") ? "ts" : "js"

export const processEntry = new URL(`./processMain.${ending}`, import.meta.url)
export const workerEntry = new URL(`./workerMain.${ending}`, import.meta.url)
export const watchdogEntry = new URL(`./watchdog.${ending}`, import.meta.url)
