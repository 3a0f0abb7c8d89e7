/**
 * The process of the command: ends it when everything is written, whatever has been left behind.
 */
import { main } from "./main.ts"

process.exit(await main(process.argv.slice(2)))
