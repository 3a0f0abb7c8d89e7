/**
 * `toolscope resume`: goes on with a run that was suspended. The plan is in the snapshot; who resumes brings the tools, and answers. Everything
 * is checked before the snapshot is claimed, and it is claimed before anything starts.
 */
import { Contract, Fanout, PlanDocument, type PlanError, type QuestionError, Snapshot } from "@toolscope/core"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { readAnswers } from "../internal/answers.ts"
import type { ResumeFlags } from "../internal/arguments.ts"
import * as Claim from "../internal/claim.ts"
import type { Foreign } from "../internal/foreign.ts"
import { launch, openJournal, type Options, type Result as Ended, type Running, runToEnd } from "../internal/launch.ts"
import type { Output } from "../internal/output.ts"
import { type Fault, fault, Refusal } from "../internal/refusal.ts"
import { newRunId } from "../internal/runId.ts"
import { checkTarget, readSnapshot, type SnapshotFile } from "../internal/snapshotFile.ts"
import { loadAll, openAll, type Step } from "../internal/sources.ts"
import { userName } from "../internal/user.ts"

export const resume = (flags: ResumeFlags, output: Output, foreign: Foreign, options: Options): Promise<number> =>
  launch({ runId: newRunId(), flags, output, foreign, options }, (running) => program(running, flags))

const program = (running: Running, flags: ResumeFlags): Effect.Effect<Ended, Refusal, Scope.Scope> =>
  Effect.gen(function* () {
    const file = readSnapshot(flags.from)
    if (file.value !== undefined) running.runId = file.value.snapshot.runId
    const [loaded, journal, verified] = yield* Effect.all([
      Effect.promise(() => loadAll(flags)),
      Effect.promise(() => openJournal(flags.journal)),
      file.value === undefined ? Effect.succeed([]) : verify(file.value)
    ])
    yield* Effect.addFinalizer(() => Effect.promise(async () => journal.value?.close()))
    const known = file.value === undefined ? undefined : check(file.value, flags)
    const faults = [...file.faults, ...verified, ...(known?.faults ?? []), ...loaded.faults, ...journal.faults]
    if (faults.length > 0 || file.value === undefined || known === undefined) return yield* new Refusal({ faults })

    const { snapshot } = file.value
    const tools = (yield* openAll(loaded.value)).map(({ tool }) => tool)
    const document = { toolscope: 1, plan: snapshot.fanout.plan }
    const { plan } = yield* PlanDocument.decode(document, tools).pipe(
      Effect.mapError(({ faults }) => new Refusal({ faults }))
    )
    const by = flags.by ?? userName()
    const claim = Claim.make(file.value, flags.reclaim, by)
    const contracts = Object.fromEntries(tools.map(({ contract, name }) => [name, Contract.toData(contract)]))
    running.scene.goesOnFrom(snapshot, contracts)
    const ended = yield* runToEnd(running, {
      start: Fanout.startFrom(plan, snapshot, {
        ...known.value,
        ...(by === undefined ? {} : { by }),
        ...(flags.approve === undefined ? {} : { approval: flags.approve })
      }).pipe(
        Effect.provideService(Snapshot.Claims, (one) =>
          // the journal is of whoever has the claim
          Effect.andThen(
            claim.take(one),
            Effect.promise(async () => (flags.journal === undefined ? undefined : journal.value?.goOn(flags.journal)))
          )
        ),
        Effect.mapError((error) => new Refusal({ faults: faultsOf(error) })),
        Effect.catchDefect((defect) => (defect instanceof Refusal ? Effect.fail(defect) : Effect.die(defect)))
      ),
      journal: journal.value,
      begin: () => undefined,
      mayAsk: true,
      snapshot: flags.snapshot ?? flags.from
    })
    if (ended._tag === "report") claim.end(ended.report.status, ended.suspension?.path)
    return ended
  })

/** What the snapshot itself, what is said beside it, and the file that it may be written to have against it. */
const check = (file: SnapshotFile, flags: ResumeFlags): Step<ReturnType<typeof readAnswers>["value"]> => {
  const { faults, value } = readAnswers(file.snapshot, flags)
  const claimed = Claim.refusalOf(file, flags.reclaim)
  return {
    value,
    faults: [
      ...(claimed === undefined ? [] : [alreadyClaimed(file.snapshot.snapshot, claimed)]),
      // of what somebody else has resumed the questions are others by now
      ...(claimed === undefined ? faults : []),
      ...checkTarget(flags.snapshot ?? flags.from, file.snapshot.snapshot)
    ]
  }
}

const verify = ({ snapshot }: SnapshotFile): Effect.Effect<ReadonlyArray<Fault>> =>
  Effect.map(Effect.result(Snapshot.verify(snapshot)), (verified) =>
    Result.isSuccess(verified) ? [] : [fault(`the snapshot: ${verified.failure.message}`, "BadSignature")]
  )

const alreadyClaimed = (snapshot: string, by: string): Fault =>
  fault(new Snapshot.AlreadyClaimed({ snapshot, by }).message, "AlreadyClaimed")

const faultsOf = (
  error: PlanError.PlanError | Snapshot.SnapshotError | QuestionError.QuestionError
): ReadonlyArray<Fault> => ("faults" in error ? error.faults : [fault(error.message, error.reason._tag)])
