// Round ends and steps for a value axis, in the unit that its labels are written in: bytes go by powers of two.

/**
 * @param {number} rough
 * @param {boolean} isBinary
 */
function roundUp(rough, isBinary) {
    if (isBinary) {
        // Up to 512 of one unit, then 1 of the next: powers of two are round in both.
        return 2 ** Math.ceil(Math.log2(Math.max(1, rough)));
    }
    const power = 10 ** Math.floor(Math.log10(rough));
    return power * ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10);
}

/**
 * @param {number} low at most 0, in the metric's own unit
 * @param {number} high at least 0
 * @param {number | undefined} known a greatest value, such as 100 % or the memory that a machine has
 * @param {Unit} unit
 * @param {number} parts into how many steps about
 * @returns {{min: number, max: number, interval: number, isMaxShown: boolean}} whether the top is far
 *   enough from the step below it to be labelled
 */
export function niceScale(low, high, known, unit, parts) {
    const isBinary = unit.kind === "bytes";
    // Shares come out a little above the whole where clocks differ; that is no reason to draw up to 150 %.
    const isNearWhole = unit.kind === "percent" && high * unit.scale > 50 && high * unit.scale < 105;
    const top = known ?? (isNearWhole ? 100 / unit.scale : undefined);
    const reach = (top ?? high) - low || (unit.kind === "percent" ? 100 / unit.scale : 1 / unit.scale);
    const isCount = unit.kind === "number" && unit.suffix === "" && high > 4;
    let interval = roundUp(reach * unit.scale / parts, isBinary) / unit.scale;
    if (isCount) interval = Math.max(1, Math.round(interval));
    if (top !== undefined) {
        const above = top / interval % 1;
        return { min: Math.floor(low / interval) * interval, max: top, interval, isMaxShown: above < 1e-9 || above > 0.45 };
    }
    const max = Math.max(Math.ceil(high / interval) * interval, low < 0 ? 0 : interval);
    return { min: Math.floor(low / interval) * interval, max, interval, isMaxShown: true };
}
