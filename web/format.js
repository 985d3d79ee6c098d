// Numbers, units, times and labels as people read them. Pure functions, no state.

const binarySteps = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const decimalSteps = ["", "k", "M", "G", "T", "P", "E"];

/** Names of units as people push them, with what they mean. `scale` turns a value into the kind's base unit.
 * @type {Record<string, [Unit["kind"], number]>} */
const knownUnits = {
    "b": ["bytes", 1], "byte": ["bytes", 1], "bytes": ["bytes", 1],
    "kb": ["bytes", 1e3], "mb": ["bytes", 1e6], "gb": ["bytes", 1e9], "tb": ["bytes", 1e12],
    "kib": ["bytes", 2 ** 10], "mib": ["bytes", 2 ** 20], "gib": ["bytes", 2 ** 30], "tib": ["bytes", 2 ** 40],
    "bit": ["bits", 1], "bits": ["bits", 1], "bps": ["bits", 1], "kbit": ["bits", 1e3], "mbit": ["bits", 1e6],
    "gbit": ["bits", 1e9],
    "%": ["percent", 1], "percent": ["percent", 1], "ratio": ["percent", 100],
    "s": ["seconds", 1], "sec": ["seconds", 1], "second": ["seconds", 1], "seconds": ["seconds", 1],
    "ms": ["seconds", 1e-3], "milliseconds": ["seconds", 1e-3], "us": ["seconds", 1e-6], "µs": ["seconds", 1e-6],
    "microseconds": ["seconds", 1e-6], "ns": ["seconds", 1e-9], "nanoseconds": ["seconds", 1e-9],
    "min": ["seconds", 60], "minutes": ["seconds", 60], "h": ["seconds", 3600], "hours": ["seconds", 3600],
};
const shortRates = /** @type {Record<string, string>} */ ({ kbps: "kbit/s", mbps: "mbit/s", gbps: "gbit/s", bps: "bit/s" });

/** Reads a unit's name (`"MB/s"`, `"%"`, `"°C"`); what is not known is kept as a suffix.
 * @param {string} name @returns {Unit} */
export function unitNamed(name) {
    const expanded = shortRates[name.toLowerCase()] ?? name.trim();
    const match = /^(.*?)(\/s|ps|\/sec)?$/.exec(expanded);
    const base = match?.[1] ?? "";
    const perSecond = match?.[2] !== undefined && match[2] !== "ps";
    const known = knownUnits[base.toLowerCase()];
    if (known && (perSecond || match?.[2] === undefined)) {
        return { kind: known[0], scale: known[1], suffix: perSecond ? "/s" : "", name };
    }
    return { kind: "number", scale: 1, suffix: expanded, name };
}

/** The unit of a metric: the one pushed with it, else what its name says by Prometheus' conventions.
 * @param {string} metric @param {MetadataEntry | undefined} metadata @param {boolean} isRate @returns {Unit} */
export function unitOf(metric, metadata, isRate) {
    const stem = metric.replace(/_(total|sum|count|bucket)$/, "");
    const last = /_(bytes|seconds|ratio|percent|bits|milliseconds|celsius|hertz|volts|amperes|watts)$/.exec(stem)?.[1];
    const symbols = /** @type {Record<string, string>} */ ({ celsius: "°C", hertz: "Hz", volts: "V", amperes: "A", watts: "W" });
    const spoken = metadata?.unit || (last ? symbols[last] ?? last : "");
    // Seconds a second are a share of the time, a plain number.
    if (isRate && /^(s|seconds)$/.test(spoken)) return unitNamed("");
    return unitNamed(isRate ? `${spoken}/s` : spoken);
}

/** @param {number} value @param {number} digits */
function significant(value, digits) {
    const magnitude = Math.abs(value);
    if (magnitude === 0) return "0";
    const decimals = magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2;
    return value.toFixed(Math.min(decimals, digits));
}

/** @param {number} value @param {string[]} steps @param {number} base */
function stepped(value, steps, base) {
    let scaled = value;
    let index = 0;
    while (Math.abs(scaled) >= base * 0.9995 && index < steps.length - 1) {
        scaled /= base;
        index += 1;
    }
    return { text: significant(scaled, 2), step: steps[index] };
}

/**
 * A plain number: large ones with SI steps (12.3 k, 45.6 M), small ones with the digits they need.
 * @param {number} value
 */
function plain(value) {
    const magnitude = Math.abs(value);
    if (magnitude < 10_000 && Number.isInteger(value)) return { text: String(value), step: "" };
    if (magnitude >= 1000) return stepped(value, decimalSteps, 1000);
    if (magnitude >= 0.1) return { text: significant(value, 2), step: "" };
    return { text: magnitude >= 1e-4 ? String(Number(value.toPrecision(3))) : value.toExponential(1), step: "" };
}

/** Seconds as ns, µs, ms, s, min, h or d.
 * @param {number} value */
function span(value) {
    const magnitude = Math.abs(value);
    if (value === 0) return { text: "0", step: "s" };
    if (magnitude < 1e-6) return { text: significant(value * 1e9, 2), step: "ns" };
    if (magnitude < 1e-3) return { text: significant(value * 1e6, 2), step: "µs" };
    if (magnitude < 1) return { text: significant(value * 1e3, 2), step: "ms" };
    if (magnitude < 120) return { text: significant(value, 2), step: "s" };
    if (magnitude < 7200) return { text: significant(value / 60, 1), step: "min" };
    if (magnitude < 172_800) return { text: significant(value / 3600, 1), step: "h" };
    return { text: significant(value / 86_400, 1), step: "d" };
}

/** A value in its unit, in two parts so that the number can stand larger than its unit.
 * @param {number} value @param {Unit} unit @returns {{number: string, unit: string}} */
export function split(value, unit) {
    if (Number.isNaN(value)) return { number: "–", unit: "" };
    if (!Number.isFinite(value)) return { number: value > 0 ? "∞" : "−∞", unit: "" };
    const based = value * unit.scale;
    switch (unit.kind) {
    case "percent":
        return { number: significant(based, Math.abs(based) < 1 ? 2 : 1), unit: `%${unit.suffix}` };
    case "bytes": {
        const { text, step } = stepped(based, binarySteps, 1024);
        return { number: step === "B" ? String(Math.round(based)) : text, unit: step + unit.suffix };
    }
    case "bits": {
        const { text, step } = stepped(based, decimalSteps, 1000);
        return { number: text, unit: `${step}bit${unit.suffix}` };
    }
    case "seconds": {
        const { text, step } = span(based);
        return { number: text, unit: step + unit.suffix };
    }
    case "number": {
        const { text, step } = plain(based);
        return { number: text, unit: step + (step && unit.suffix && !unit.suffix.startsWith("/") ? " " : "") + unit.suffix };
    }
    }
}

/** @param {number} value @param {Unit} unit */
export function formatValue(value, unit) {
    const parts = split(value, unit);
    const tight = parts.unit === "" || parts.unit.startsWith("%") || parts.unit.startsWith("/");
    return parts.number + (tight ? "" : "\u202f") + parts.unit;
}

/** A label of a value axis: as short as the value allows (`0.50 s` is `0.5 s`).
 * @param {number} value @param {Unit} unit */
export function axisLabel(value, unit) {
    if (value === 0) return "0";
    const parts = split(value, unit);
    const number = parts.number.includes(".") ? parts.number.replace(/\.?0+$/, "") : parts.number;
    const tight = parts.unit === "" || parts.unit.startsWith("%") || parts.unit.startsWith("/");
    return number + (tight ? "" : "\u202f") + parts.unit;
}

/** The exact number, for tables and copying.
 * @param {number} value */
export function exact(value) {
    if (Number.isNaN(value)) return "NaN";
    if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
    return String(value);
}

/** @param {number} count */
export function formatCount(count) {
    return count.toLocaleString("en").replace(/,/g, "\u202f");
}

/** How long ago, in words short enough for a table.
 * @param {number} seconds */
export function formatAge(seconds) {
    if (!Number.isFinite(seconds)) return "never";
    if (seconds < 1.5) return "now";
    if (seconds < 60) return `${Math.round(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A length of time in its two largest units: `3 d 4 h`.
 * @param {number} seconds */
export function formatDuration(seconds) {
    const steps = /** @type {[number, string][]} */ ([[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]]);
    const first = steps.findIndex(([size]) => seconds >= size);
    if (first < 0) return "0 s";
    return steps.slice(first, first + 2)
        .map(([size, name], index) => `${Math.floor(index === 0 ? seconds / size : (seconds % steps[first][0]) / size)} ${name}`)
        .filter((text) => !text.startsWith("0 "))
        .join(" ");
}

/** @param {number} milliseconds */
export function formatClock(milliseconds) {
    return new Date(milliseconds).toLocaleTimeString("en-GB", { hour12: false });
}

/** Date and time to the second, in local time, sortable.
 * @param {number} milliseconds */
export function formatMoment(milliseconds) {
    const date = new Date(milliseconds);
    const two = (/** @type {number} */ part) => String(part).padStart(2, "0");
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatClock(milliseconds)}`;
}

/** The labels that tell series of one result apart, as `{mode="user"}`; the metric's name first.
 * @param {Metric} metric @param {ReadonlySet<string>} [hidden] */
export function formatMetric(metric, hidden) {
    const name = hidden?.has("__name__") ? "" : metric.__name__ ?? "";
    const labels = Object.keys(metric).filter((label) => label !== "__name__" && !hidden?.has(label)).sort()
        .map((label) => `${label}=${JSON.stringify(metric[label])}`);
    return name + (labels.length > 0 || name === "" ? `{${labels.join(", ")}}` : "");
}

/** Labels whose value is the same in every series, which a list need not repeat.
 * @param {Metric[]} metrics @returns {Set<string>} */
export function commonLabels(metrics) {
    const common = new Set(metrics.length > 1 ? Object.keys(metrics[0]) : []);
    for (const label of [...common]) {
        if (metrics.some((metric) => metric[label] !== metrics[0][label])) common.delete(label);
    }
    return common;
}
