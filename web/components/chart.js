// A chart over time: one ECharts instance for the life of the component, patched with each frame of data.

import { echarts } from "echarts";
import { defineComponent, onBeforeUnmount, onMounted, ref, watch } from "vue";
import { themeVersion } from "../theme.js";
import { dataOption, frameOption } from "./chart-option.js";

/** @typedef {import("./chart-option.js").ChartProps & {label: string}} Props */

/**
 * Dragging across the chart selects a time range.
 * @param {ECharts.Instance} chart
 * @param {(start: number, end: number) => void} select Unix milliseconds
 */
function listenForZoom(chart, select) {
    chart.on("datazoom", (event) => {
        const range = event.batch?.[0];
        if (range?.startValue !== undefined && range.endValue !== undefined) select(range.startValue, range.endValue);
    });
}

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
            if (!props.isZoomable) return;
            chart?.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
        };
        onMounted(() => {
            if (!element.value) return;
            chart = echarts.init(element.value, null, { renderer: "canvas" });
            listenForZoom(chart, (start, end) => {
                emit("zoom", start, end);
                // The range becomes the query's; left in the chart it would be cut out of that once more.
                redraw();
            });
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
