/**
 * The transport of a server that its host starts as a process: standard input and output, as the official SDK has it.
 *
 * @since 0.1.0
 */
export {
  /**
   * @since 0.1.0
   */
  StdioServerTransport
} from "@modelcontextprotocol/sdk/server/stdio.js"
