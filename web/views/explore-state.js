// The state of the explore view and its form in the address, so that a link shows the same to everybody.

import { errorPlace } from "../promql.js";

/** @typedef {{query: string, mode: "range" | "instant", range: string, start: number, end: number, step: string,
 *   isLive: boolean, isExplained: boolean}} Choice `range` is a relative one such as "1h", or "" when `start` and `end` (Unix seconds) are used */

/** Relative ranges offered, and the seconds each spans. */
export const ranges = /** @type {Record<string, number>} */ ({
    "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000,
});
const pointsWanted = 300;
const roundSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400];
/** The live protocol keeps no more history than this. */
export const liveSecondsMax = 3600;

/**
 * @param {Record<string, string>} parameters of the address
 * @returns {Choice}
 */
export function readChoice(parameters) {
    const start = Number(parameters.start);
    const end = Number(parameters.end);
    const isAbsolute = start > 0 && end > start;
    return {
        query: parameters.query ?? "", mode: parameters.mode === "instant" ? "instant" : "range",
        range: isAbsolute ? "" : parameters.range in ranges ? parameters.range : "1h",
        start: isAbsolute ? start : 0, end: isAbsolute ? end : 0,
        step: parseDuration(parameters.step ?? "") > 0 ? parameters.step : "",
        isLive: parameters.live === "1", isExplained: parameters.explain === "1",
    };
}

/**
 * @param {Choice} choice
 * @returns {Record<string, string>}
 */
export function writeChoice(choice) {
    /** @type {Record<string, string>} */
    const parameters = { query: choice.query };
    if (choice.mode === "instant") parameters.mode = "instant";
    if (choice.range) parameters.range = choice.range;
    else Object.assign(parameters, { start: String(choice.start), end: String(choice.end) });
    if (choice.step) parameters.step = choice.step;
    if (choice.isLive) parameters.live = "1";
    if (choice.isExplained) parameters.explain = "1";
    return parameters;
}

/**
 * "90", "15s", "1m30s" or "1h" in seconds; NaN for anything else.
 * @param {string} text
 */
export function parseDuration(text) {
    const trimmed = text.trim();
    if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
    if (!/^(\d+(ms|[smhdw]))+$/.test(trimmed)) return NaN;
    const sizes = /** @type {Record<string, number>} */ ({ ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 });
    const parts = [...trimmed.matchAll(/(\d+)(ms|[smhdw])/g)];
    return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * sizes[unit], 0);
}

/**
 * A round step that gives about 300 points.
 * @param {number} span seconds
 */
export function roundStep(span) {
    return roundSteps.find((step) => span / step <= pointsWanted) ?? roundSteps[roundSteps.length - 1];
}

/**
 * The times to ask for. Relative ranges end at a multiple of the step, so that the points stay where they are from one
 * run to the next.
 * @param {Choice} choice
 * @param {number} now Unix seconds
 * @returns {{start: number, end: number, step: number}}
 */
export function timesOf(choice, now) {
    const span = choice.range ? ranges[choice.range] : choice.end - choice.start;
    const asked = parseDuration(choice.step);
    const step = asked > 0 ? asked : roundStep(span);
    if (!choice.range) return { start: choice.start, end: choice.end, step };
    const end = Math.floor(now / step) * step;
    return { start: end - Math.floor(span / step) * step, end, step };
}

/**
 * A time as an `<input type="datetime-local">` has it, in local time.
 * @param {number} seconds Unix
 */
export function toLocalField(seconds) {
    const shifted = new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000);
    return shifted.toISOString().slice(0, 19);
}

/**
 * @param {string} message
 * @param {string} type
 * @param {string} query
 * @returns {Failure}
 */
export function failureOf(message, type, query) {
    // The address of the place is shown as an underline; what stays is what is wrong.
    const text = message.replace(/^invalid parameter "?query"?: /, "");
    return { type, message: text, ...errorPlace(text, query) };
}
