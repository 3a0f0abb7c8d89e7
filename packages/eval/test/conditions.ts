/**
 * Tests run without the condition that finds sources; the processes of an eval inherit the options of this one.
 */
export const conditions = (): void => {
  if (!process.execArgv.includes("--conditions=ws-source")) process.execArgv.push("--conditions=ws-source")
}
