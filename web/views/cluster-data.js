// What the cluster view shows: asked for each second, less often while nobody answers or nobody looks.

import { onBeforeUnmount, onMounted, ref, shallowRef } from "vue";
import { ApiError, fetchCluster } from "../api.js";
import { usePolling } from "../components/use-live.js";

const pollMilliseconds = 1000;
const pollMillisecondsMax = 10_000;
/** No ring has more; a length beyond it is not read. */
const slotsMax = 65_536;

/**
 * Runs of letters as one letter a slot: `3w.2c` is `www.cc`.
 * @param {string} runs
 */
export function unpack(runs) {
    return runs.replace(/(\d+)(\D)/g, (_, length, letter) => letter.repeat(Math.min(Number(length), slotsMax)));
}

/**
 * How each slot's copies stand, by the same rule as the counts of the server.
 * @param {RingNode[]} nodes
 * @param {number} slots
 * @param {number} copies
 * @returns {SlotState[]}
 */
export function slotStates(nodes, slots, copies) {
    return Array.from({ length: slots }, (_, slot) => {
        let isWhole = false;
        let isMoving = false;
        let wholeOwners = 0;
        let silentOwners = 0;
        for (const { owns, states } of nodes) {
            const state = states[slot];
            isWhole ||= state === "w";
            if ((owns[slot] ?? ".") === ".") continue;
            if (state === "w") wholeOwners += 1;
            else if (state === undefined) silentOwners += 1;
            else isMoving ||= "rca".includes(state);
        }
        if (wholeOwners === copies) return "full";
        if (isWhole) return isMoving ? "moving" : "fewer";
        return silentOwners === copies ? "silent" : "united";
    });
}

/**
 * @param {RawRing} raw
 * @returns {Ring}
 */
function ringOf(raw) {
    const { slots, copies } = raw.replication;
    const nodes = raw.nodes.map(({ name, isInRing, owns, states }) => {
        const letters = unpack(states ?? "");
        return { name, isInRing, owns: unpack(owns), states: letters.length === slots ? letters : "" };
    });
    return { stamp: raw.stamp, slots, copies, nodes, states: slotStates(nodes, slots, copies) };
}

/**
 * @param {unknown} error
 * @returns {ClusterFailure}
 */
function failureOf(error) {
    const message = error instanceof Error ? error.message : String(error);
    // The server's messages end without a full stop, and here more is said after them.
    return {
        isOffline: error instanceof ApiError && error.type === "unreachable", message: message.endsWith(".") ? message : `${message}.`,
    };
}

/**
 * The overview and the ring, kept up to date. `asOf` is the browser's time of the last overview, `failure` why there is no newer one,
 * `ringFailure` why the ring is missing or not the one that the overview tells of.
 */
export function useCluster() {
    const overview = shallowRef(/** @type {ClusterOverview | null} */ (null));
    const ring = shallowRef(/** @type {Ring | null} */ (null));
    const asOf = ref(0);
    const failure = shallowRef(/** @type {ClusterFailure | null} */ (null));
    const ringFailure = ref("");
    let failures = 0;
    /** @param {ClusterOverview} about */
    const refreshRing = async ({ replication, ringStamp }) => {
        try {
            if (!replication) ring.value = null;
            else if (ringStamp !== ring.value?.stamp) ring.value = ringOf(await fetchCluster("ring"));
            ringFailure.value = "";
        } catch (error) {
            ringFailure.value = failureOf(error).message;
        }
    };
    const refresh = usePolling(async () => {
        try {
            overview.value = /** @type {ClusterOverview} */ (await fetchCluster("overview"));
            asOf.value = Date.now();
            failure.value = null;
            failures = 0;
        } catch (error) {
            failure.value = failureOf(error);
            failures += 1;
            return;
        }
        await refreshRing(overview.value);
    }, () => {
        if (failures > 0) return Math.min(pollMillisecondsMax, pollMilliseconds * 2 ** failures);
        return document.hidden ? pollMillisecondsMax : pollMilliseconds;
    });
    // Who comes back to the page does not wait for the slower pace of a hidden one to end.
    const look = () => { if (!document.hidden) refresh(); };
    onMounted(() => document.addEventListener("visibilitychange", look));
    onBeforeUnmount(() => document.removeEventListener("visibilitychange", look));
    return { overview, ring, asOf, failure, ringFailure };
}
