// What the fleet view knows: the list of servers, polled, and a few signals of each, live.

import { computed, ref, shallowRef, watch } from "vue";
import { ApiError, fetchMetadata, fetchServers } from "../api.js";
import { useLive, usePolling } from "../components/use-live.js";
import { unitNamed, unitOf } from "../format.js";
import { connection } from "../live.js";

/** @typedef {{points: Point[], value: number, unit: Unit}} Signal */
/** @typedef {{cpu?: Signal, memory?: Signal, network?: Signal}} Signals absent where no metric known for it is pushed */
/** @typedef {import("../live.js").LiveQuery} LiveQuery */

const serversMax = 5000;
/** Up to this many servers the signals move each second; above, every five. */
const briskServersMax = 300;
const pointsMax = 60;
/** Placement labels whose servers get signals; a cluster has one or two. */
const labelsMax = 4;
const percent = unitNamed("%");
const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** @param {ServerSummary} server */
export function serverKey(server) {
    return `${server.label}\n${server.id}`;
}

/**
 * The polled list.
 * @param {() => string} search */
export function useServers(search) {
    const servers = shallowRef(/** @type {ServerSummary[]} */ ([]));
    const total = ref(0);
    const hasLoaded = ref(false);
    const failure = ref("");
    const searchedPartly = ref(false);
    /** Below the limit all servers are here, and searching is the browser's work. */
    const isPartial = computed(() => total.value > serversMax || searchedPartly.value);
    const interval = () => {
        if (failure.value) return 3000;
        // An empty fleet waits for its first push.
        if (servers.value.length === 0) return 500;
        return servers.value.length > 500 ? 10_000 : 2000;
    };
    const poll = usePolling(async () => {
        const wanted = isPartial.value ? search() : "";
        try {
            const answer = await fetchServers(wanted, serversMax);
            servers.value = answer.servers;
            total.value = answer.total;
            searchedPartly.value = wanted !== "";
            hasLoaded.value = true;
            failure.value = "";
        } catch (error) {
            failure.value = error instanceof ApiError ? error.message : String(error);
        }
    }, interval);
    watch(search, () => { if (isPartial.value) poll(); });
    watch(() => connection.state, (state) => { if (state === "open") poll(); });
    return { servers, total, hasLoaded, failure, isPartial };
}

/**
 * The expressions of the columns for one placement label. `irate` follows the newest two samples: it moves with each push
 * and still works for what is pushed every 15 seconds.
 * @param {string} label
 * @returns {Record<string, string>}
 */
function columnQueries(label) {
    const by = `by (${label})`;
    const has = `${label}!=""`;
    /** @param {string} way */
    const flow = (way) => `sum ${by} (irate(node_network_${way}_bytes_total{${has},device!="lo"}[1m]))`;
    return {
        nodeCPU: `100 - 100 * avg ${by} (irate(node_cpu_seconds_total{${has},mode="idle"}[1m]))`,
        nodeMemory: `100 - 100 * sum ${by} (node_memory_MemAvailable_bytes{${has}})`
            + ` / sum ${by} (node_memory_MemTotal_bytes{${has}})`,
        nodeNetwork: `${flow("receive")} + ${flow("transmit")}`,
        cpu: `avg ${by} (cpu{${has}})`,
        memory: `avg ${by} (memory{${has}})`,
        network: `sum ${by} (network{${has}})`,
    };
}

const nodeUnits = /** @type {Record<string, Unit>} */ ({
    nodeCPU: percent, nodeMemory: percent, nodeNetwork: unitNamed("bytes/s"),
});

/** Which column an expression fills, strongest last. */
const columnOf = /** @type {Record<string, keyof Signals>} */ ({
    cpu: "cpu", memory: "memory", network: "network", nodeCPU: "cpu", nodeMemory: "memory", nodeNetwork: "network",
});

/**
 * The signals of all servers.
 * @param {() => ServerSummary[]} servers
 */
export function useSignals(servers) {
    const signals = shallowRef(/** @type {Map<string, Signals>} */ (new Map()));
    const window = shallowRef({ start: 0, end: 0 });
    const metadata = shallowRef(/** @type {Record<string, MetadataEntry>} */ ({}));
    // As text, so that a list with the same labels changes nothing.
    const labels = computed(() => {
        const all = [...new Set(servers().map((server) => server.label))];
        return all.filter((label) => metricName.test(label)).slice(0, labelsMax).join(",");
    });
    const step = computed(() => servers().length <= briskServersMax ? 1 : 5);
    const pollMetadata = usePolling(async () => {
        try {
            metadata.value = await fetchMetadata();
        } catch {
            // Units are a nicety; the next round asks again.
        }
    }, () => 15_000);
    // Who is new may bring metrics that are.
    watch(() => servers().length, () => pollMetadata());

    const requests = () => {
        /** @type {Record<string, LiveQuery>} */
        const all = {};
        const timing = { step: step.value, history: pointsMax * step.value };
        for (const label of labels.value ? labels.value.split(",") : []) {
            for (const [name, query] of Object.entries(columnQueries(label))) all[`${name} ${label}`] = { query, ...timing };
        }
        return all;
    };
    useLive(requests, (windows) => {
        /** @type {Map<string, Signals>} */
        const next = new Map();
        let end = 0;
        for (const name of Object.keys(windows).sort((a, b) => rank(a) - rank(b))) {
            const [kind, label] = name.split(" ");
            end = Math.max(end, windows[name].time);
            for (const series of windows[name].series.values()) {
                const key = `${label}\n${series.metric[label]}`;
                const entry = next.get(key) ?? {};
                next.set(key, entry);
                entry[columnOf[kind]] = {
                    points: series.points, value: windows[name].latest(series),
                    unit: nodeUnits[kind] ?? unitOf(kind, metadata.value[kind], false),
                };
            }
        }
        signals.value = next;
        window.value = { start: end - pointsMax * step.value * 1000, end };
    });
    return { signals, window };
}

/** @param {string} name */
function rank(name) {
    return name.startsWith("node") ? 1 : 0;
}
