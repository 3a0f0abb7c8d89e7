/**
 * What a check comes to.
 */

/** What the contract says, what was seen, and what to do about it. */
export interface Contradiction {
  readonly declared: string
  readonly seen: string
  readonly todo: string
}

export type Judgement =
  | { readonly status: "passed"; readonly tried: number }
  | ({ readonly status: "failed"; readonly tried: number } & Contradiction)
  | { readonly status: "notTried"; readonly why: string }

export const passed = (tried: number): Judgement => ({ status: "passed", tried })

export const failed = (tried: number, contradiction: Contradiction): Judgement => ({
  status: "failed",
  tried,
  ...contradiction
})

export const notTried = (why: string): Judgement => ({ status: "notTried", why })

/** The first of these that contradicts the contract, else passed. */
export const firstOf = <A>(tried: ReadonlyArray<A>, wrong: (one: A) => Contradiction | undefined): Judgement => {
  for (const one of tried) {
    const contradiction = wrong(one)
    if (contradiction !== undefined) return failed(tried.length, contradiction)
  }
  return passed(tried.length)
}
