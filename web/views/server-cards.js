// The cards of the server view: which expressions each asks for, and how it reads what comes. No drawing here.

import { commonLabels, formatMetric, formatValue, unitNamed, unitOf } from "../format.js";
import { selector } from "../promql.js";

/** @typedef {import("../window.js").SeriesWindow} SeriesWindow */
/** @typedef {Record<string, SeriesWindow>} Windows by the name of the query; all are there when `read` is called */
/** @typedef {{name: string, share: number, text: string}} Bar `share` of 1 */
/** @typedef {{value: number, note: string, lines: Line[], top?: number, bars?: Bar[], hasHistograms?: boolean}} Reading `top` of the
 *   axis; native histograms are no lines */
/** @typedef {{id: string, title: string, unit: Unit, shape: "line" | "stack" | "mirror" | "bars",
 *   queries: Record<string, string>, isGauge: boolean, max?: number, read: (windows: Windows) => Reading}} Card */

const percent = unitNamed("%");
const bytes = unitNamed("bytes");
const byteRate = unitNamed("bytes/s");
const count = unitNamed("");

/** CPU modes from the bottom of the stack up, with the colours they always have. */
const modes = /** @type {[string, number | string][]} */ ([
    ["user", 0], ["system", 1], ["nice", 4], ["irq", 6], ["softirq", 7], ["iowait", 2], ["steal", 3],
]);
/** A mode that never reaches this many percent in the window is left out. */
const modeShareMin = 0.1;
/** Not disks: in memory, or another view of what is listed anyway. */
const unrealDevices = 'device!~"(loop|ram|zram|dm-|md).*"';
const unrealFileSystems = 'fstype!~"tmpfs|devtmpfs|ramfs|squashfs|fuse.lxcfs|rpc_pipefs|iso9660"';

/**
 * The change per second of a counter. At a fine step the newest two samples decide, so that the chart follows each push;
 * at a coarse one all samples count.
 * @param {string} series
 * @param {number} step seconds
 */
export function rateOf(series, step) {
    return step <= 2 ? `irate(${series}[1m])` : `rate(${series}[${Math.max(60, 4 * step)}s])`;
}

/**
 * Combines two series point by point, where both have one.
 * @param {Point[]} first
 * @param {Point[]} second
 * @param {(a: number, b: number) => number} combine
 * @returns {Point[]}
 */
function zip(first, second, combine) {
    const values = new Map(second);
    const both = first.filter(([time]) => values.has(time));
    return both.map(([time, value]) => [time, combine(value, values.get(time) ?? NaN)]);
}

/**
 * @param {SeriesWindow} window
 * @param {Point[]} points
 */
function latest(window, points) {
    return window.latest({ points });
}

/**
 * @param {SeriesWindow} window
 * @param {string} label
 * @returns {Map<string, Point[]>}
 */
function byLabel(window, label) {
    return new Map([...window.series.values()].map(({ metric, points }) => [metric[label] ?? "", points]));
}

/**
 * @param {SeriesWindow} window of an expression that gives one series, or none
 * @returns {Point[]}
 */
function onlySeries(window) {
    return [...window.series.values()][0]?.points ?? [];
}

/**
 * @param {Record<string, string>} where
 * @param {number} step
 * @returns {Card}
 */
function cpuCard(where, step) {
    const busySeconds = `node_cpu_seconds_total${selector(where, 'mode!="idle"')}`;
    return {
        id: "node-cpu", title: "CPU", unit: percent, shape: "stack", isGauge: false, max: 100,
        queries: { modes: `100 * avg by (mode) (${rateOf(busySeconds, step)})` },
        read({ modes: window }) {
            const points = byLabel(window, "mode");
            const lines = modes.filter(([mode]) => points.has(mode))
                .map(([name, colour]) => ({ name, colour, points: points.get(name) ?? [] }));
            const seen = lines.filter(({ points: each }) => each.some(([, value]) => value >= modeShareMin));
            const busy = lines.reduce((sum, line) => sum + latest(window, line.points), 0);
            // Two samples of one second can be a tick more than a second apart.
            return { value: lines.length > 0 ? Math.min(100, busy) : NaN, note: "busy", lines: seen };
        },
    };
}

/**
 * @param {Record<string, string>} where
 * @returns {Card}
 */
function memoryCard(where) {
    return {
        id: "node-memory", title: "Memory", unit: bytes, shape: "stack", isGauge: true,
        queries: { memory: selector(where, '__name__=~"node_memory_(MemTotal|MemAvailable|MemFree)_bytes"') },
        read({ memory: window }) {
            const points = byLabel(window, "__name__");
            const of = (/** @type {string} */ name) => points.get(`node_memory_${name}_bytes`) ?? [];
            const used = zip(of("MemTotal"), of("MemAvailable"), (total, available) => total - available);
            const reclaimable = zip(of("MemAvailable"), of("MemFree"), (available, free) => Math.max(0, available - free));
            const total = latest(window, of("MemTotal"));
            return {
                value: latest(window, used), note: `of ${formatValue(total, bytes)}`,
                top: Number.isFinite(total) ? total : undefined,
                lines: [
                    { name: "used", colour: 0, points: used }, { name: "reclaimable", colour: 6, points: reclaimable },
                ],
            };
        },
    };
}

/**
 * Two opposite flows: one above the axis, one below.
 * @param {{id: string, title: string, above: [string, string], below: [string, string]}} names of the lines, and expressions
 * @returns {Card}
 */
function flowCard({ id, title, above, below }) {
    return {
        id, title, unit: byteRate, shape: "mirror", isGauge: false, queries: { above: above[1], below: below[1] },
        read(windows) {
            const up = onlySeries(windows.above);
            const down = onlySeries(windows.below);
            return {
                value: latest(windows.above, up) + latest(windows.below, down), note: "in all",
                lines: [
                    { name: above[0], colour: 0, points: up },
                    { name: below[0], colour: 1, points: down, mirrored: true },
                ],
            };
        },
    };
}

/**
 * @param {Record<string, string>} where
 * @returns {Card}
 */
function fileSystemCard(where) {
    const mountLength = (/** @type {{metric: Metric}} */ { metric }) => (metric.mountpoint ?? "").length;
    return {
        id: "node-filesystem", title: "File systems", unit: percent, shape: "bars", isGauge: true,
        queries: { fill: selector(where, `__name__=~"node_filesystem_(avail|size)_bytes",${unrealFileSystems}`) },
        read({ fill: window }) {
            /** @type {Map<string, {mount: string, size: number, free: number}>} */
            const devices = new Map();
            const series = [...window.series.values()].sort((a, b) => mountLength(a) - mountLength(b));
            for (const each of series) {
                // A device that is mounted in several places is listed once, at its shortest.
                const entry = devices.get(each.metric.device) ?? { mount: each.metric.mountpoint, size: NaN, free: NaN };
                devices.set(each.metric.device, entry);
                if (entry.mount !== each.metric.mountpoint) continue;
                if (each.metric.__name__ === "node_filesystem_size_bytes") entry.size = window.latest(each);
                else entry.free = window.latest(each);
            }
            const bars = [...devices.values()].filter(({ size }) => size > 0).map(({ mount, size, free }) => ({
                name: mount, share: (size - free) / size,
                text: `${formatValue(size - free, bytes)} of ${formatValue(size, bytes)}`,
            }));
            bars.sort((a, b) => b.share - a.share);
            return { value: bars.length > 0 ? bars[0].share * 100 : NaN, note: "fullest", lines: [], bars };
        },
    };
}

/**
 * @param {Record<string, string>} where
 * @returns {Card}
 */
function loadCard(where) {
    return {
        id: "node-load", title: "Load", unit: count, shape: "line", isGauge: true,
        queries: { load: selector(where, '__name__=~"node_load(1|5|15)"') },
        read({ load: window }) {
            const points = byLabel(window, "__name__");
            const lines = ["1", "5", "15"].map((minutes, index) => ({
                name: `${minutes} min`, colour: index, points: points.get(`node_load${minutes}`) ?? [],
            }));
            return { value: latest(window, lines[0].points), note: "over 1 min", lines };
        },
    };
}

/**
 * @param {Record<string, string>} where
 * @param {number} step
 * @returns {Card}
 */
function pressureCard(where, step) {
    const kinds = ["cpu", "memory", "io"];
    const names = ["CPU", "memory", "I/O"];
    const waiting = (/** @type {string} */ kind) => `node_pressure_${kind}_waiting_seconds_total${selector(where)}`;
    return {
        id: "node-pressure", title: "Pressure", unit: percent, shape: "line", isGauge: false,
        queries: Object.fromEntries(kinds.map((kind) => [kind, `100 * ${rateOf(waiting(kind), step)}`])),
        read(windows) {
            const lines = kinds.map((kind, index) => ({ name: names[index], colour: index, points: onlySeries(windows[kind]) }));
            const values = kinds.map((kind, index) => latest(windows[kind], lines[index].points)).filter(Number.isFinite);
            const isHigh = lines.some(({ points }) => points.some(([, value]) => value > 50));
            return {
                value: values.length > 0 ? Math.min(100, Math.max(...values)) : NaN, note: "of the time waiting",
                lines, top: isHigh ? 100 : undefined,
            };
        },
    };
}

/**
 * The known cards for what the agent, or node_exporter, says of a machine.
 * @param {ReadonlySet<string>} names metrics that the server has
 * @param {Record<string, string>} where placement label and server ID
 * @param {number} step seconds
 * @returns {Card[]}
 */
export function nodeCards(names, where, step) {
    /** @type {Card[]} */
    const cards = [];
    /**
     * @param {string} metric
     * @param {string} filter
     */
    const sum = (metric, filter) => `sum(${rateOf(metric + selector(where, filter), step)})`;
    if (names.has("node_cpu_seconds_total")) cards.push(cpuCard(where, step));
    if (names.has("node_memory_MemAvailable_bytes")) cards.push(memoryCard(where));
    if (names.has("node_network_receive_bytes_total")) {
        cards.push(flowCard({
            id: "node-network", title: "Network",
            above: ["received", sum("node_network_receive_bytes_total", 'device!="lo"')],
            below: ["sent", sum("node_network_transmit_bytes_total", 'device!="lo"')],
        }));
    }
    if (names.has("node_disk_read_bytes_total")) {
        cards.push(flowCard({
            id: "node-disk", title: "Disk I/O",
            above: ["read", sum("node_disk_read_bytes_total", unrealDevices)],
            below: ["written", sum("node_disk_written_bytes_total", unrealDevices)],
        }));
    }
    if (names.has("node_load1")) cards.push(loadCard(where));
    if (names.has("node_pressure_cpu_waiting_seconds_total")) cards.push(pressureCard(where, step));
    if (names.has("node_filesystem_size_bytes")) cards.push(fileSystemCard(where));
    return cards;
}

/** Metrics of the JSON push that have a large card, with its title. */
const pushedTitles = /** @type {Record<string, string>} */ ({ cpu: "CPU", memory: "Memory", disk: "Disk", network: "Network" });
export const pushedNames = Object.keys(pushedTitles);

/** Drawn by the known cards, so not drawn again below. */
const drawnElsewhere = new Set([
    "node_cpu_seconds_total", "node_load1", "node_load5", "node_load15", "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes", "node_memory_MemFree_bytes", "node_boot_time_seconds", "node_time_seconds",
    "node_uname_info", ...pushedNames,
]);

/** @param {string} name */
export function isOther(name) {
    return !drawnElsewhere.has(name);
}

/**
 * Lines named by the labels in which the series differ.
 * @param {SeriesWindow} window
 * @param {string} name of the metric
 * @param {string[]} constant labels that every series has
 * @returns {Line[]}
 */
function metricLines(window, name, constant) {
    const all = [...window.series.values()];
    const hidden = new Set([...commonLabels(all.map(({ metric }) => metric)), "__name__", ...constant]);
    const named = all.map(({ metric, points }) => ({ name: formatMetric(metric, hidden), points }));
    named.sort((a, b) => a.name < b.name ? -1 : 1);
    return named.map((line, index) => ({ ...line, name: line.name === "{}" ? name : line.name, colour: index }));
}

/**
 * Whether the values of several series say more as their mean than as their sum.
 * @param {Unit} unit
 * @param {boolean} isCounter
 */
function isBestAsMean(unit, isCounter) {
    return unit.kind === "percent" || unit.kind === "seconds" || !isCounter && unit.kind === "number";
}

/**
 * A card for one metric as it is: a counter as its rate, the rest as they are.
 * @param {string} name
 * @param {Record<string, string>} where
 * @param {MetadataEntry | undefined} metadata
 * @param {number} step
 * @returns {Card}
 */
export function metricCard(name, where, metadata, step) {
    const type = metadata?.type || "unknown";
    const isCounter = type === "counter" || type !== "gauge" && /_(total|count|sum|bucket)$/.test(name);
    // The name as a matcher, not as an identifier: what was pushed need not be one.
    const series = selector({ __name__: name, ...where });
    const unit = unitOf(name, metadata, isCounter);
    const isTimeShare = isCounter && unit.kind === "number" && unit.suffix === "";
    return {
        id: `metric-${name}`, title: pushedTitles[name] ?? name, unit, shape: "line", isGauge: !isCounter,
        queries: { value: isCounter ? rateOf(series, step) : series },
        read({ value: window }) {
            const lines = metricLines(window, name, Object.keys(where));
            const values = lines.map(({ points }) => latest(window, points)).filter((value) => !Number.isNaN(value));
            const sum = values.reduce((total, value) => total + value, 0);
            const isMean = isBestAsMean(unit, isCounter);
            const summary = lines.length > 1 ? `${isMean ? "mean" : "sum"} of ${lines.length} series` : "";
            return {
                value: values.length === 0 ? NaN : isMean ? sum / values.length : sum, lines,
                note: summary || (isTimeShare ? "seconds a second" : ""),
                hasHistograms: [...window.series.values()].some((each) => window.latestHistogram(each)),
            };
        },
    };
}
