import * as Effect from "effect/Effect";
/** A cohort leaves something behind; the next begins in spite of it, and is itself planned anew while it undoes; then it ends. */
declare const replans: () => Effect.Effect<{
    journal: readonly ({
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.opened";
        readonly plan: import("effect/Schema").Json;
        readonly contracts: {
            readonly [x: string]: {
                readonly effect: "additive" | "destructive" | "mutating" | "none";
                readonly repeat?: "keyed" | "natural" | "never";
                readonly commit?: "atStart" | "marked";
                readonly failure?: "maybe" | "nothing" | {
                    readonly [x: string]: "maybe" | "nothing";
                };
                readonly interruption?: "anywhere" | "beforeCommit" | "never";
                readonly compensate?: "atCommit" | "custom";
                readonly probe?: "custom";
                readonly resource?: string;
                readonly openWorld?: boolean;
                readonly asserted: "default" | "hint" | "operator";
            };
        };
        readonly limits: {
            readonly drain: number;
            readonly undo: number;
            readonly concurrency: number;
            readonly timeout: number;
        };
        readonly budget?: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
        readonly inside?: {
            readonly run: string;
            readonly call: string;
            readonly attempt: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "call.queued";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "call.settled";
        readonly call: string;
        readonly outcome: string;
        readonly verdict: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.started";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.refused";
        readonly call: string;
        readonly attempt: number;
        readonly reason: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.ended";
        readonly call: string;
        readonly attempt: number;
        readonly result: "failure" | "malformed" | "noAnswer" | "refused" | "stopped" | "success" | "timeout";
        readonly error?: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.leftBehind";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.intended";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.refused";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
        readonly reason: "contract" | "failure" | "journal" | "probe" | "stop";
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.committed";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.unknown";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.probed";
        readonly call: string;
        readonly key: string;
        readonly happened: "no" | "unknown" | "yes";
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensating";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensated";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensationFailed";
        readonly call: string;
        readonly key: string;
        readonly error: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "budget.reserved";
        readonly call: string;
        readonly attempt: number;
        readonly amounts: {
            readonly [x: string]: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "budget.settled";
        readonly call: string;
        readonly attempt: number;
        readonly amounts: {
            readonly [x: string]: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "policy.decided";
        readonly node: string;
        readonly policy: "advisory" | "all" | "atomic" | "deadline" | "firstSuccess" | "quorum" | "settled";
        readonly decision: string;
        readonly decidedBy: "deadline" | "grace" | "stop" | readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "stop.requested";
        readonly call: string;
        readonly attempt?: number;
        readonly source: string;
        readonly origin?: string;
        readonly reason: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "stop.delivered";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "response.late";
        readonly call: string;
        readonly attempt: number;
        readonly answer: "failure" | "noAnswer" | "success";
        readonly undo?: true;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.drained";
        readonly drained: boolean;
        readonly millis: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.closed";
        readonly report: {
            readonly toolscope: 1;
            readonly runId: string;
            readonly status: "failed" | "interrupted" | "refused" | "succeeded" | "suspended";
            readonly value?: import("effect/Schema").Json;
            readonly reason?: {
                readonly _tag: string;
                readonly calls: readonly string[];
            };
            readonly faults?: readonly {
                readonly pointer: string;
                readonly _tag: string;
                readonly message: string;
            }[];
            readonly calls: readonly {
                readonly id: string;
                readonly tool: string;
                readonly contract: {
                    readonly effect: "additive" | "destructive" | "mutating" | "none";
                    readonly repeat?: "keyed" | "natural" | "never";
                    readonly commit?: "atStart" | "marked";
                    readonly failure?: "maybe" | "nothing" | {
                        readonly [x: string]: "maybe" | "nothing";
                    };
                    readonly interruption?: "anywhere" | "beforeCommit" | "never";
                    readonly compensate?: "atCommit" | "custom";
                    readonly probe?: "custom";
                    readonly resource?: string;
                    readonly openWorld?: boolean;
                    readonly asserted: "default" | "hint" | "operator";
                };
                readonly outcome: "Cancelled" | "Denied" | "Failed" | "Skipped" | "Succeeded" | "Suspended" | "Unknown";
                readonly verdict: "failed" | "none" | "succeeded";
                readonly used: boolean;
                readonly value?: import("effect/Schema").Json;
                readonly error?: {
                    readonly _tag: string;
                    readonly message: string;
                    readonly details?: import("effect/Schema").Json;
                };
                readonly attempts: number;
                readonly effects: readonly {
                    readonly key: string;
                    readonly state: "committed" | "compensated" | "compensationFailed" | "unknown";
                    readonly error?: string;
                }[];
                readonly stoppedBy?: {
                    readonly source: "budget" | "deadline" | "grace" | "parent" | "policy" | "replan" | "sibling" | "timeout" | "user";
                    readonly call?: string;
                    readonly reason: string;
                };
                readonly leftBehind: boolean;
                readonly afterStop?: {
                    readonly _tag: string;
                    readonly message: string;
                    readonly details?: import("effect/Schema").Json;
                };
                readonly cleanup?: string;
                readonly late?: readonly number[];
                readonly budget?: {
                    readonly name: string;
                    readonly limit: number;
                    readonly used: number;
                    readonly asked: number;
                };
                readonly startedAt?: number;
                readonly settledAt: number;
            }[];
            readonly nodes: readonly {
                readonly node: string;
                readonly policy: "advisory" | "all" | "atomic" | "deadline" | "firstSuccess" | "quorum" | "settled";
                readonly decision: "failed" | "none" | "skipped" | "some" | "stopped" | "succeeded" | "suspended";
                readonly decidedBy: "deadline" | "grace" | "stop" | readonly string[];
            }[];
            readonly drained: boolean;
            readonly drainMillis: number;
            readonly budget: {
                readonly [x: string]: {
                    readonly limit: number;
                    readonly used: number;
                    readonly reserved: number;
                };
            };
            readonly questions: readonly {
                readonly id: string;
                readonly call: string;
                readonly prompt: string;
                readonly schema: import("effect/Schema").Json;
                readonly state: string;
            }[];
            readonly journalRefused?: string;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.opened";
        readonly budget: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
        readonly limits: {
            readonly concurrency?: number;
            readonly tools?: {
                readonly [x: string]: number;
            };
            readonly resources?: {
                readonly [x: string]: number;
            };
            readonly loop?: number;
            readonly retryRatio?: number;
        };
        readonly inside?: {
            readonly run: string;
            readonly call: string;
            readonly attempt: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.replanned";
        readonly reason: string;
        readonly despite: readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.overridden";
        readonly leftBehind: readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.closed";
        readonly cohorts: number;
        readonly budget: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "journal.dropped";
        readonly count: number;
    })[];
    ledger: readonly {
        readonly run?: string;
        readonly call: string;
        readonly attempt: number;
        readonly key?: string;
        readonly at: number;
        readonly what: "aborted" | "began" | "cleaned" | "committed" | "committing" | "concluded" | "cut" | "ended" | "refused" | "undoFailed" | "undoing" | "undone";
        readonly error?: string;
        readonly detached?: true;
        readonly stopped?: true;
    }[];
}, never, never>;
/** Costs, permits, further attempts, sub-agents, and calls that fail the same way. */
declare const spends: () => Effect.Effect<{
    journal: readonly ({
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.opened";
        readonly plan: import("effect/Schema").Json;
        readonly contracts: {
            readonly [x: string]: {
                readonly effect: "additive" | "destructive" | "mutating" | "none";
                readonly repeat?: "keyed" | "natural" | "never";
                readonly commit?: "atStart" | "marked";
                readonly failure?: "maybe" | "nothing" | {
                    readonly [x: string]: "maybe" | "nothing";
                };
                readonly interruption?: "anywhere" | "beforeCommit" | "never";
                readonly compensate?: "atCommit" | "custom";
                readonly probe?: "custom";
                readonly resource?: string;
                readonly openWorld?: boolean;
                readonly asserted: "default" | "hint" | "operator";
            };
        };
        readonly limits: {
            readonly drain: number;
            readonly undo: number;
            readonly concurrency: number;
            readonly timeout: number;
        };
        readonly budget?: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
        readonly inside?: {
            readonly run: string;
            readonly call: string;
            readonly attempt: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "call.queued";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "call.settled";
        readonly call: string;
        readonly outcome: string;
        readonly verdict: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.started";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.refused";
        readonly call: string;
        readonly attempt: number;
        readonly reason: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.ended";
        readonly call: string;
        readonly attempt: number;
        readonly result: "failure" | "malformed" | "noAnswer" | "refused" | "stopped" | "success" | "timeout";
        readonly error?: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "attempt.leftBehind";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.intended";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.refused";
        readonly call: string;
        readonly attempt: number;
        readonly key: string;
        readonly reason: "contract" | "failure" | "journal" | "probe" | "stop";
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.committed";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.unknown";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.probed";
        readonly call: string;
        readonly key: string;
        readonly happened: "no" | "unknown" | "yes";
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensating";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensated";
        readonly call: string;
        readonly key: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "effect.compensationFailed";
        readonly call: string;
        readonly key: string;
        readonly error: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "budget.reserved";
        readonly call: string;
        readonly attempt: number;
        readonly amounts: {
            readonly [x: string]: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "budget.settled";
        readonly call: string;
        readonly attempt: number;
        readonly amounts: {
            readonly [x: string]: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "policy.decided";
        readonly node: string;
        readonly policy: "advisory" | "all" | "atomic" | "deadline" | "firstSuccess" | "quorum" | "settled";
        readonly decision: string;
        readonly decidedBy: "deadline" | "grace" | "stop" | readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "stop.requested";
        readonly call: string;
        readonly attempt?: number;
        readonly source: string;
        readonly origin?: string;
        readonly reason: string;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "stop.delivered";
        readonly call: string;
        readonly attempt: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "response.late";
        readonly call: string;
        readonly attempt: number;
        readonly answer: "failure" | "noAnswer" | "success";
        readonly undo?: true;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.drained";
        readonly drained: boolean;
        readonly millis: number;
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "fanout.closed";
        readonly report: {
            readonly toolscope: 1;
            readonly runId: string;
            readonly status: "failed" | "interrupted" | "refused" | "succeeded" | "suspended";
            readonly value?: import("effect/Schema").Json;
            readonly reason?: {
                readonly _tag: string;
                readonly calls: readonly string[];
            };
            readonly faults?: readonly {
                readonly pointer: string;
                readonly _tag: string;
                readonly message: string;
            }[];
            readonly calls: readonly {
                readonly id: string;
                readonly tool: string;
                readonly contract: {
                    readonly effect: "additive" | "destructive" | "mutating" | "none";
                    readonly repeat?: "keyed" | "natural" | "never";
                    readonly commit?: "atStart" | "marked";
                    readonly failure?: "maybe" | "nothing" | {
                        readonly [x: string]: "maybe" | "nothing";
                    };
                    readonly interruption?: "anywhere" | "beforeCommit" | "never";
                    readonly compensate?: "atCommit" | "custom";
                    readonly probe?: "custom";
                    readonly resource?: string;
                    readonly openWorld?: boolean;
                    readonly asserted: "default" | "hint" | "operator";
                };
                readonly outcome: "Cancelled" | "Denied" | "Failed" | "Skipped" | "Succeeded" | "Suspended" | "Unknown";
                readonly verdict: "failed" | "none" | "succeeded";
                readonly used: boolean;
                readonly value?: import("effect/Schema").Json;
                readonly error?: {
                    readonly _tag: string;
                    readonly message: string;
                    readonly details?: import("effect/Schema").Json;
                };
                readonly attempts: number;
                readonly effects: readonly {
                    readonly key: string;
                    readonly state: "committed" | "compensated" | "compensationFailed" | "unknown";
                    readonly error?: string;
                }[];
                readonly stoppedBy?: {
                    readonly source: "budget" | "deadline" | "grace" | "parent" | "policy" | "replan" | "sibling" | "timeout" | "user";
                    readonly call?: string;
                    readonly reason: string;
                };
                readonly leftBehind: boolean;
                readonly afterStop?: {
                    readonly _tag: string;
                    readonly message: string;
                    readonly details?: import("effect/Schema").Json;
                };
                readonly cleanup?: string;
                readonly late?: readonly number[];
                readonly budget?: {
                    readonly name: string;
                    readonly limit: number;
                    readonly used: number;
                    readonly asked: number;
                };
                readonly startedAt?: number;
                readonly settledAt: number;
            }[];
            readonly nodes: readonly {
                readonly node: string;
                readonly policy: "advisory" | "all" | "atomic" | "deadline" | "firstSuccess" | "quorum" | "settled";
                readonly decision: "failed" | "none" | "skipped" | "some" | "stopped" | "succeeded" | "suspended";
                readonly decidedBy: "deadline" | "grace" | "stop" | readonly string[];
            }[];
            readonly drained: boolean;
            readonly drainMillis: number;
            readonly budget: {
                readonly [x: string]: {
                    readonly limit: number;
                    readonly used: number;
                    readonly reserved: number;
                };
            };
            readonly questions: readonly {
                readonly id: string;
                readonly call: string;
                readonly prompt: string;
                readonly schema: import("effect/Schema").Json;
                readonly state: string;
            }[];
            readonly journalRefused?: string;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.opened";
        readonly budget: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
        readonly limits: {
            readonly concurrency?: number;
            readonly tools?: {
                readonly [x: string]: number;
            };
            readonly resources?: {
                readonly [x: string]: number;
            };
            readonly loop?: number;
            readonly retryRatio?: number;
        };
        readonly inside?: {
            readonly run: string;
            readonly call: string;
            readonly attempt: number;
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.replanned";
        readonly reason: string;
        readonly despite: readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.overridden";
        readonly leftBehind: readonly string[];
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "session.closed";
        readonly cohorts: number;
        readonly budget: {
            readonly [x: string]: {
                readonly limit: number;
                readonly used: number;
                readonly reserved: number;
            };
        };
    } | {
        readonly toolscope: 1;
        readonly session: string;
        readonly run: string;
        readonly epoch: number;
        readonly seq: number;
        readonly time: number;
        readonly type: "journal.dropped";
        readonly count: number;
    })[];
    ledger: readonly {
        readonly run?: string;
        readonly call: string;
        readonly attempt: number;
        readonly key?: string;
        readonly at: number;
        readonly what: "aborted" | "began" | "cleaned" | "committed" | "committing" | "concluded" | "cut" | "ended" | "refused" | "undoFailed" | "undoing" | "undone";
        readonly error?: string;
        readonly detached?: true;
        readonly stopped?: true;
    }[];
}, never, never>;
export declare const sessionBases: {
    replans: typeof replans;
    spends: typeof spends;
};
export {};
//# sourceMappingURL=sessionBases.d.ts.map