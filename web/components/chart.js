// A chart over time: one ECharts instance for the life of the component, patched with each frame of data.

import { echarts } from "echarts";
import { defineComponent, onBeforeUnmount, onMounted, ref, watch } from "vue";
import { themeVersion } from "../theme.js";
import { dataOption, frameOption } from "./chart-option.js";
import { listenForDrag } from "./drag-range.js";

/** @typedef {import("./chart-option.js").ChartProps & {label: string}} Props */

export const TimeChart = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "TimeChart",
    props: {
        lines: { type: Array, required: true }, unit: { type: Object, required: true }, shape: { type: String, default: "line" },
        start: { type: Number, required: true }, end: { type: Number, required: true }, max: Number,
        isSmall: Boolean, isZoomable: Boolean, hidden: Object, label: { type: String, required: true },
    },
    emits: ["zoom"],
    template: `<div ref="element" class="chart" role="img" :aria-label="label"></div>`,
    setup(props, { emit }) {
        const element = ref(/** @type {HTMLElement | null} */ (null));
        /** @type {ECharts.Instance | null} */
        let chart = null;
        let size = "";
        const resizing = new ResizeObserver(([entry]) => {
            const { width, height } = entry.contentRect;
            if (size !== "" && size !== `${width}x${height}`) chart?.resize();
            size = `${width}x${height}`;
        });
        const draw = () => chart?.setOption(dataOption(props), { replaceMerge: ["series"] });
        const redraw = () => {
            chart?.setOption(frameOption(props), { notMerge: true });
            draw();
        };
        /** @param {number} pixels */
        const timeAt = (pixels) => {
            const time = chart?.convertFromPixel({ xAxisIndex: 0 }, pixels) ?? props.start;
            return Math.min(Math.max(time, props.start), props.end);
        };
        onMounted(() => {
            if (!element.value) return;
            chart = echarts.init(element.value, null, { renderer: "canvas" });
            // Nothing in it moves by itself, so the library need not keep looking after a change.
            chart.getZr().setSleepAfterStill(1);
            if (props.isZoomable) listenForDrag(element.value, timeAt, (start, end) => emit("zoom", start, end));
            redraw();
            resizing.observe(element.value);
        });
        watch(() => [props.lines, props.start, props.end, props.hidden], draw);
        watch(() => [themeVersion.value, props.unit, props.shape], redraw);
        onBeforeUnmount(() => {
            resizing.disconnect();
            chart?.dispose();
            chart = null;
        });
        return { element };
    },
}));
