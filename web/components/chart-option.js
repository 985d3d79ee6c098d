// Turns lines into an ECharts option. Pure, but for the colours of the theme.

import { axisLabel, formatClock, formatMoment, formatValue } from "../format.js";
import { colour, seriesColour } from "../theme.js";
import { niceScale } from "./scale.js";

/** @typedef {{lines: Line[], unit: Unit, shape: "line" | "stack" | "mirror", start: number, end: number,
 *   max?: number, isSmall?: boolean, isZoomable?: boolean, hidden?: ReadonlySet<string>}} ChartProps */

/** Most lines drawn in one chart; more are neither legible nor quick. */
export const linesMax = 40;

/**
 * The parts that follow the theme and the kind of chart, set once.
 * @param {ChartProps} props
 */
export function frameOption(props) {
    const muted = colour("muted");
    const label = { color: muted, fontSize: 11, fontFamily: "inherit" };
    // What is drawn below zero in a mirror is a positive number all the same.
    const shown = (/** @type {number} */ value) => props.shape === "mirror" ? Math.abs(value) : value;
    return {
        animation: false,
        grid: { left: 2, right: 10, top: props.isSmall ? 8 : 10, bottom: 2, containLabel: true },
        axisPointer: { lineStyle: { color: muted, width: 1, type: "solid" } },
        tooltip: {
            trigger: "axis", transitionDuration: 0, confine: true, appendTo: "body",
            backgroundColor: colour("raised"), borderColor: colour("line"), borderWidth: 1, padding: 0,
            extraCssText: "box-shadow: var(--shadow); border-radius: 6px;",
            formatter: (/** @type {TooltipRow[]} */ rows) => tooltip(rows, props.unit, props.shape === "mirror"),
        },
        xAxis: {
            type: "time", axisLine: { lineStyle: { color: colour("line-strong") } }, axisTick: { show: false },
            splitLine: { show: false }, splitNumber: props.isSmall ? 2 : 4,
            axisLabel: { ...label, hideOverlap: true, margin: 8 },
        },
        yAxis: {
            type: "value", axisLine: { show: false }, axisTick: { show: false },
            splitLine: { lineStyle: { color: colour("grid"), width: 1 } },
            axisLabel: { ...label, margin: 6, formatter: (/** @type {number} */ value) => axisLabel(shown(value), props.unit) },
        },
    };
}

/**
 * The parts that change with each frame of data.
 * @param {ChartProps} props
 */
export function dataOption(props) {
    const span = props.end - props.start;
    const lines = props.lines.slice(0, linesMax).filter((line) => !props.hidden?.has(line.name));
    // A label at an end would be cut off by the edge, or meet those of the other axis.
    const margin = span * (props.isSmall ? 0.1 : 0.05);
    const isInside = (/** @type {number} */ time) => time > props.start + margin && time < props.end - margin;
    const formatter = (/** @type {number} */ time) => isInside(time) ? timeLabel(time, span) : "";
    return {
        xAxis: { min: props.start, max: props.end, axisLabel: { formatter } },
        yAxis: valueAxis(lines, props),
        series: lines.map((line) => seriesOption(line, props)),
    };
}

/**
 * Zero is always on the axis: a line's height is its value.
 * @param {Line[]} lines
 * @param {ChartProps} props
 */
function valueAxis(lines, props) {
    let low = 0;
    let high = 0;
    for (const { points, mirrored } of lines) {
        for (const [, value] of points) {
            if (!Number.isFinite(value)) continue;
            low = Math.min(low, mirrored ? -value : value);
            high = Math.max(high, mirrored ? -value : value);
        }
    }
    if (props.shape === "stack") high = stackedHeight(lines);
    const scale = niceScale(low, high, props.max, props.unit, props.isSmall ? 2 : 3);
    return { min: scale.min, max: scale.max, interval: scale.interval, axisLabel: { showMaxLabel: scale.isMaxShown } };
}

/** @param {Line[]} lines */
function stackedHeight(lines) {
    /** @type {Map<number, number>} */
    const sums = new Map();
    for (const { points } of lines) {
        for (const [time, value] of points) sums.set(time, (sums.get(time) ?? 0) + (Number.isFinite(value) ? value : 0));
    }
    return Math.max(0, ...sums.values());
}

/**
 * @param {Line} line
 * @param {ChartProps} props
 */
function seriesOption(line, props) {
    const paint = seriesColour(line.colour);
    const isFilled = props.shape !== "line" || props.lines.length === 1;
    return {
        id: line.name, name: line.name, type: "line", showSymbol: isSparse(line.points), symbol: "circle", symbolSize: 4,
        // Thinned lines of a stack would not meet at the same times.
        ...(props.shape === "stack" ? { stack: "all" } : { sampling: "lttb" }), connectNulls: false, color: paint, silent: true, emphasis: { disabled: true },
        lineStyle: { width: props.shape === "stack" ? 0 : 1.5, color: paint },
        ...(isFilled ? { areaStyle: { color: paint, opacity: props.shape === "stack" ? 0.7 : 0.14 } } : {}),
        data: line.mirrored ? line.points.map(([time, value]) => [time, -value]) : line.points,
    };
}

/** A line of one point, or of points between gaps, would be invisible without dots.
 * @param {Point[]} points */
function isSparse(points) {
    return points.length < 3;
}

/**
 * @param {number} time
 * @param {number} span
 */
function timeLabel(time, span) {
    if (span > 2 * 86_400_000) return formatMoment(time).slice(5, 10);
    const clock = formatClock(time);
    return span <= 600_000 ? clock : clock.slice(0, 5);
}

/** @typedef {{seriesName: string, color: string, value: Point}} TooltipRow */

const tooltipRowsMax = 12;

/**
 * Built of nodes and text, never of markup: labels come from whoever pushes.
 * @param {TooltipRow[]} rows
 * @param {Unit} unit
 * @param {boolean} isMirror what is drawn below zero is a positive number all the same
 */
function tooltip(rows, unit, isMirror) {
    const box = document.createElement("div");
    box.className = "tooltip";
    const shown = rows.filter((row) => !Number.isNaN(row.value[1]));
    if (shown.length === 0) return box;
    box.append(cell("tooltip-time", formatMoment(shown[0].value[0])));
    shown.sort((a, b) => Math.abs(b.value[1]) - Math.abs(a.value[1]));
    for (const row of shown.slice(0, tooltipRowsMax)) {
        const line = cell("tooltip-row", "");
        const swatch = cell("swatch", "");
        swatch.style.background = row.color;
        const value = isMirror ? Math.abs(row.value[1]) : row.value[1];
        line.append(swatch, cell("tooltip-name", row.seriesName), cell("tooltip-value", formatValue(value, unit)));
        box.append(line);
    }
    if (shown.length > tooltipRowsMax) box.append(cell("tooltip-more", `and ${shown.length - tooltipRowsMax} more`));
    return box;
}

/**
 * @param {string} className
 * @param {string} text
 */
function cell(className, text) {
    const element = document.createElement("span");
    element.className = className;
    element.textContent = text;
    return element;
}
