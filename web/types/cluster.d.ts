// What /api/v1/cluster/overview and /ring answer, as far as the cluster view reads it (docs/api.md).
interface ReplicationCounts {
    slots: number; copies: number
    full: number; moving: number; fewer: number; united: number; silent: number
}
interface SlotMove {
    slots: number; slotsLeft: number; slotsCopying: number; seconds: number
    bytes: number; bytesPerSecond: number; samples: number; samplesPerSecond: number; secondsLeft?: number
}
interface NodeReport {
    name: string; roles: string[]; version: string; isReady: boolean; waitingFor: string[]; seconds: number; time: number
    load?: { samplesPerSecond: number; cores: number; memoryBytes: number }
    store?: { series: number; headSamples: number; blockBytes: number; diskBytes?: number; diskFreeBytes?: number }
    checkpoint?: { kind: string; pendingBytes: number; secondsBehind: number; failures: number; away?: string[] }
    slots?: { wanted: number; held: number; whole: number; batchesOwed: number; isSettled: boolean }
}
interface ClusterNode {
    name: string; zone: string; roles: string[]; state: string; liveness: "alive" | "suspect" | "dead"
    seconds: number; weight: number; http?: string; report?: NodeReport
}
interface ClusterMovement { node: string; direction: "gains" | "gives"; move: SlotMove }
interface ClusterOverview {
    cluster?: string; node: string; time: number; replicationFactor: number; replication?: ReplicationCounts
    nodes: ClusterNode[]
    movements: { movements: ClusterMovement[]; silent: string[]; isSettled: boolean }
    warnings: { text: string; advice: string }[]
    ringStamp: string
}
interface RawRingNode { name: string; zone: string; isInRing: boolean; owns: string; states?: string }
interface RawRing { replication: ReplicationCounts; nodes: RawRingNode[]; stamp: string }

/** Why there is no answer; `isOffline` when nobody gave one, not even an error. */
interface ClusterFailure { isOffline: boolean; message: string }

/** How a slot's copies stand. */
type SlotState = "full" | "moving" | "fewer" | "united" | "silent"
/** An aggregator's letters, one a slot; `states` is empty for one that does not answer. */
interface RingNode { name: string; isInRing: boolean; owns: string; states: string }
interface Ring { stamp: string; slots: number; copies: number; nodes: RingNode[]; states: SlotState[] }
