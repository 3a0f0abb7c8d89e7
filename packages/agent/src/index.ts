/**
 * Agents: a language model in a loop whose tool calls run under plans that the model, or the application, declares.
 *
 * @since 0.1.0
 */
export * as Agent from "./Agent.ts"
export * as AgentError from "./AgentError.ts"
export * as AiTools from "./AiTools.ts"
export * as End from "./End.ts"
export * as ScriptedModel from "./ScriptedModel.ts"
