// What may be typed next in a query: names and values asked of the API, remembered for a while.

import { fetchLabelNames, fetchLabelValues } from "../api.js";
import { functionNames, placeAt, quote, selector } from "../promql.js";

/** @typedef {{text: string, kind: "metric" | "function" | "label" | "value", insert: string}} Candidate */
/** @typedef {{from: number, prefix: string, candidates: Candidate[]}} Offer */

const candidatesMax = 10;
const memorySeconds = 30;
const memoryEntriesMax = 50;

/** @type {Map<string, {time: number, names: Promise<string[]>}>} */
const memory = new Map();

/**
 * @param {string} key
 * @param {() => Promise<string[]>} fetchNames
 */
function remembered(key, fetchNames) {
    const entry = memory.get(key);
    const now = performance.now();
    if (entry && now - entry.time < memorySeconds * 1000) return entry.names;
    if (memory.size >= memoryEntriesMax) memory.clear();
    const names = fetchNames();
    memory.set(key, { time: now, names });
    names.catch(() => memory.delete(key));
    return names;
}

/** @param {string} metric */
function matching(metric) {
    return metric ? selector({ __name__: metric }) : "";
}

/**
 * @param {string} query
 * @param {number} caret
 * @returns {Promise<Offer | null>} null where nothing sensible can be offered
 */
export async function offerAt(query, caret) {
    const place = placeAt(query, caret);
    if (!place) return null;
    /** @type {Candidate[]} */
    let all = [];
    if (place.kind === "metric") {
        const metrics = await remembered("", () => fetchLabelValues("__name__", ""));
        all = [
            ...metrics.map((text) => ({ text, kind: /** @type {const} */ ("metric"), insert: text })),
            ...functionNames.map((text) => ({ text, kind: /** @type {const} */ ("function"), insert: `${text}(` })),
        ];
    } else if (place.kind === "label") {
        const labels = await remembered(`labels ${place.metric}`, () => fetchLabelNames(matching(place.metric)));
        all = labels.filter((text) => text !== "__name__")
            .map((text) => ({ text, kind: /** @type {const} */ ("label"), insert: text }));
    } else {
        const { metric, label } = place;
        const values = await remembered(`values ${metric} ${label}`, () => fetchLabelValues(label, matching(metric)));
        const closing = query[caret] === '"' ? "" : '"';
        all = values.map((text) => ({ text, kind: /** @type {const} */ ("value"), insert: quote(text).slice(1, -1) + closing }));
    }
    const candidates = ranked(all, place.prefix.toLowerCase());
    const isDone = candidates.length === 0 || candidates.length === 1 && candidates[0].text === place.prefix;
    return isDone ? null : { from: place.from, prefix: place.prefix, candidates };
}

/**
 * What begins with the prefix first, then what contains it.
 * @param {Candidate[]} candidates
 * @param {string} prefix
 */
function ranked(candidates, prefix) {
    const rank = (/** @type {Candidate} */ { text }) => text.toLowerCase().startsWith(prefix) ? 0 : 1;
    return candidates.filter(({ text }) => text.toLowerCase().includes(prefix))
        .sort((a, b) => rank(a) - rank(b) || a.text.length - b.text.length || (a.text < b.text ? -1 : 1))
        .slice(0, candidatesMax);
}
