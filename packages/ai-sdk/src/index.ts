/**
 * The tools of the [AI SDK](https://ai-sdk.dev) under a plan: the calls that a model makes in one turn are one fan-out.
 *
 * {@link toolscope} takes the tools as they are, and gives them back for `generateText`, `streamText` and agents. What each tool does to the
 * world stands beside them (`contracts`); what a turn needs of its calls says `plan`. Every call id gets exactly one result, which says what
 * is known: a value, or an error whose message the model can act on.
 *
 * - It never runs the model, and keeps no messages: the AI SDK does.
 * - Tools that the provider or the client runs are left alone, and so are the approvals of the AI SDK.
 *
 * @since 0.1.0
 */
export { contextOf } from "./internal/bridge.ts"
export { ToolCallError } from "./internal/error.ts"
export { toolscope } from "./internal/toolscope.ts"
export type {
  Call,
  CallSettings,
  Claim,
  Contracts,
  Options,
  Preset,
  Settings,
  Toolscope,
  Turn,
  TurnCall
} from "./internal/types.ts"
