/**
 * What a promise tool answers, checked by its `result` schema, which may take time. The verdict travels through the promise as an
 * {@link Answer}; {@link answerSchema} opens it again where the core checks answers, so that a malformed one is known as such.
 */
import type { StandardSchemaV1 } from "effect/StandardSchema"
import type { StandardResult, StandardSchema } from "./schema.ts"

class Answer {
  readonly result: StandardResult<unknown>

  constructor(result: StandardResult<unknown>) {
    this.result = result
  }
}

/** Waits for an answer, and checks it. It is rejected only if the answer is. */
export const check = async (answer: unknown, schema: StandardSchema | undefined): Promise<Answer> => {
  const value = await answer
  if (schema === undefined) return new Answer({ value })
  try {
    return new Answer(await schema["~standard"].validate(value))
  } catch (defect) {
    return new Answer({ issues: [{ message: `the schema cannot be applied: ${String(defect)}` }] })
  }
}

export const answerSchema: StandardSchemaV1 = {
  "~standard": {
    version: 1,
    vendor: "toolscope",
    validate: (u) => {
      if (!(u instanceof Answer)) return { value: u }
      const { result } = u
      return result.issues ? { issues: result.issues } : { value: (result as { value: unknown }).value }
    }
  }
}
