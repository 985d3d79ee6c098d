// The recent points of the series of one live subscription.

/** @typedef {{metric: Metric, points: Point[], histogramTime: number, histogram: RawHistogram | null}} WindowSeries the newest native
 *   histogram and its step, 0 before the first: only that one is shown */

/**
 * @param {Metric} metric
 * @returns {WindowSeries}
 */
function emptySeries(metric) {
    return { metric, points: [], histogramTime: 0, histogram: null };
}

/**
 * The index of the last point at or before a time; -1 for none.
 * @param {Point[]} points ascending
 * @param {number} time
 */
function lastUntil(points, time) {
    let index = points.length - 1;
    while (index >= 0 && points[index][0] > time) index -= 1;
    return index;
}

/** Holds what the live protocol sends for one subscription, at most `span` milliseconds of it. */
export class SeriesWindow {
    /**
     * @param {number} step milliseconds between evaluations
     * @param {number} span milliseconds kept
     */
    constructor(step, span) {
        this.step = step;
        this.span = span;
        /** The newest step seen, Unix milliseconds; 0 before the first. */
        this.time = 0;
        /** @type {Map<number, WindowSeries>} by the number that the server gave the series */
        this.series = new Map();
        /** @type {string[]} */
        this.warnings = [];
    }

    /**
     * Starts over with a snapshot.
     * @param {Extract<LiveMessage, {type: "subscribed"}>} message
     * @param {(raw: RawPoint) => Point} parse
     */
    restart(message, parse) {
        this.series.clear();
        this.time = Math.round(message.time * 1000);
        this.warnings = message.warnings ?? [];
        for (const each of message.series) {
            const series = emptySeries(each.metric);
            for (const raw of each.values ?? []) this.append(series.points, parse(raw));
            const newest = each.histograms?.at(-1);
            if (newest) [series.histogramTime, series.histogram] = [Math.round(newest[0] * 1000), newest[1]];
            this.series.set(each.s, series);
        }
    }

    /**
     * Adds one step. Frames that the snapshot already holds are skipped.
     * @param {Extract<LiveMessage, {type: "data"}>} message
     * @param {(text: string) => number} parse
     * @returns {boolean} false when a value's series is not known, so that the window has to be fetched anew
     */
    advance(message, parse) {
        const time = Math.round(message.time * 1000);
        if (time <= this.time) return true;
        this.time = time;
        this.warnings = message.warnings ?? [];
        for (const each of message.new ?? []) {
            // The stream may announce what this subscription's snapshot had already: its past stays.
            if (!this.series.has(each.s)) this.series.set(each.s, emptySeries(each.metric));
        }
        let isWhole = true;
        for (const [number, text] of message.values) {
            const series = this.series.get(number);
            if (series) this.append(series.points, [time, parse(text)]);
            else isWhole = false;
        }
        for (const [number, histogram] of message.histograms ?? []) {
            const series = this.series.get(number);
            if (series) [series.histogramTime, series.histogram] = [time, histogram];
            else isWhole = false;
        }
        for (const each of message.corrected ?? []) this.correct(each, parse);
        this.trim();
        return isWhole;
    }

    /**
     * Puts right an earlier step, to which samples came late. Series that are not known here have nothing to put right, and of histograms
     * none before the newest is kept.
     * @param {LiveCorrection} correction
     * @param {(text: string) => number} parse
     */
    correct(correction, parse) {
        const time = Math.round(correction.time * 1000);
        for (const [number, text] of correction.values) {
            const points = this.series.get(number)?.points;
            if (!points) continue;
            const index = lastUntil(points, time);
            if (points[index]?.[0] === time) points[index] = [time, parse(text)];
            else if (this.step >= 1000 || time % 1000 === 0) points.splice(index + 1, 0, [time, parse(text)]);
        }
        const histograms = correction.histograms ?? [];
        for (const [number, histogram] of histograms) {
            const series = this.series.get(number);
            if (series && time >= series.histogramTime) [series.histogramTime, series.histogram] = [time, histogram];
        }
        for (const number of [...correction.gone ?? [], ...histograms.map(([number]) => number)]) {
            const points = this.series.get(number)?.points;
            if (!points) continue;
            const index = lastUntil(points, time);
            // A gap, not a line over it.
            if (points[index]?.[0] === time) points[index] = [time, NaN];
        }
    }

    /**
     * Steps finer than a second only move the newest point: older ones are kept at whole seconds. A pause becomes a gap.
     * @param {Point[]} points
     * @param {Point} point
     */
    append(points, point) {
        let last = points.at(-1);
        if (last && this.step < 1000 && last[0] % 1000 !== 0) {
            points.pop();
            last = points.at(-1);
        }
        const stride = Math.max(this.step, 1000);
        if (last && point[0] - last[0] > stride * 1.5) points.push([last[0] + stride, NaN]);
        points.push(point);
    }

    trim() {
        const oldest = this.time - this.span;
        for (const [number, series] of this.series) {
            const { points } = series;
            let count = 0;
            while (count < points.length && points[count][0] < oldest) count += 1;
            if (count > 0) points.splice(0, count);
            if (series.histogramTime < oldest) series.histogram = null;
            if (points.length === 0 && !series.histogram) this.series.delete(number);
        }
    }

    /**
     * The native histogram that a series has at the newest steps, if its newest sample is one.
     * @param {WindowSeries} series
     */
    latestHistogram(series) {
        const isNewest = series.histogramTime >= (series.points.at(-1)?.[0] ?? 0);
        return isNewest && series.histogramTime >= this.time - this.step * 1.5 ? series.histogram : null;
    }

    /**
     * The newest value of a series, NaN when it has none at the newest steps.
     * @param {{points: Point[]}} series
     */
    latest(series) {
        const last = series.points.at(-1);
        return last && last[0] >= this.time - this.step * 1.5 ? last[1] : NaN;
    }
}
