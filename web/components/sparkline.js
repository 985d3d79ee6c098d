// A line the size of a word. SVG, so that it is cheap by the hundred and takes its colour from CSS.

import { computed, defineComponent } from "vue";

const width = 120;
const height = 24;

/** @typedef {{points: Point[], start: number, end: number, max: number, label: string}} Props `max` is the least top of the scale */

/**
 * @param {Props} props
 * @returns {{line: string, area: string}} SVG paths
 */
function paths(props) {
    const real = props.points.filter(([time, value]) => Number.isFinite(value) && time >= props.start);
    if (real.length < 2) return { line: "", area: "" };
    const top = Math.max(props.max, ...real.map(([, value]) => value)) * 1.05 || 1;
    const bottom = Math.min(0, ...real.map(([, value]) => value));
    const x = (/** @type {number} */ time) => ((time - props.start) / (props.end - props.start) * width).toFixed(1);
    const y = (/** @type {number} */ value) => (height - 1 - (value - bottom) / (top - bottom) * (height - 2)).toFixed(1);
    let line = "";
    let area = "";
    let last = NaN;
    // A gap ends the line and closes its area; the next point begins both anew.
    for (const [time, value] of props.points) {
        const isReal = time >= props.start && Number.isFinite(value);
        const isOpen = !Number.isNaN(last);
        if (isReal) {
            line += `${isOpen ? "L" : "M"}${x(time)} ${y(value)}`;
            area += `${isOpen ? "" : `M${x(time)} ${height}`}L${x(time)} ${y(value)}`;
        } else if (isOpen) {
            area += `L${x(last)} ${height}Z`;
        }
        last = isReal ? time : NaN;
    }
    return { line, area: Number.isNaN(last) ? area : `${area}L${x(last)} ${height}Z` };
}

export const Sparkline = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "Sparkline",
    props: { points: { type: Array, required: true }, start: Number, end: Number, max: { type: Number, default: 0 }, label: String },
    template: `
        <svg class="sparkline" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" :aria-label="label">
            <path class="sparkline-area" :d="drawn.area" /><path class="sparkline-line" :d="drawn.line" />
        </svg>`,
    setup(props) {
        return { drawn: computed(() => paths(props)) };
    },
}));
