// The result of a query as a table: each series with its newest value and, over a range, its least, mean and greatest.

import { computed, defineComponent, ref, watch } from "vue";
import { commonLabels, exact, formatCount, formatMetric, formatValue } from "../format.js";
import { linesMax } from "./chart-option.js";
import { HistogramBars } from "./histogram-bars.js";

/** @typedef {{series: QuerySeries[], unit: Unit, isRange: boolean, paints: string[], hidden: ReadonlySet<string>,
 *   names: string[]}} Props */
/** @typedef {{name: string, metric: Metric, paint: string, last: number, least: number, mean: number,
 *   greatest: number, histogram?: Histogram}} Row */

const pageRows = 100;
const rangeColumns = [{ key: "least", name: "Min" }, { key: "mean", name: "Mean" }, { key: "greatest", name: "Max" }];

/**
 * @param {QuerySeries} series
 * @param {string} name
 * @param {string} paint
 * @returns {Row}
 */
function rowOf(series, name, paint) {
    let least = Infinity;
    let greatest = -Infinity;
    let sum = 0;
    let count = 0;
    for (const [, value] of series.points) {
        if (Number.isNaN(value)) continue;
        least = Math.min(least, value);
        greatest = Math.max(greatest, value);
        sum += value;
        count += 1;
    }
    const last = series.points.length > 0 ? series.points[series.points.length - 1][1] : NaN;
    const { metric, histogram } = series;
    if (count === 0) return { name, metric, paint, last, least: NaN, mean: NaN, greatest: NaN, histogram };
    return { name, metric, paint, last, least, mean: sum / count, greatest, histogram };
}

const template = `
<div class="result">
    <p v-if="shared.length > 0" class="shared">All have <code v-for="each in shared" :key="each">{{ each }}</code></p>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Result table">
    <table>
        <thead><tr>
            <th v-for="column in columns" :key="column.key" :class="{ number: column.key !== 'name' }"
                :aria-sort="sort === column.key ? 'ascending' : sort === '-' + column.key ? 'descending' : undefined">
                <button type="button" @click="sortBy(column.key)">{{ column.name }}<i aria-hidden="true">{{
                    sort === column.key ? "↑" : sort === "-" + column.key ? "↓" : "" }}</i></button></th>
        </tr></thead>
        <tbody>
            <tr v-for="row in page" :key="row.name" :class="{ dimmed: hidden.has(row.name) }">
                <th scope="row">
                    <button v-if="row.paint" type="button" class="series-toggle" :aria-pressed="!hidden.has(row.name)"
                        @click="$emit('toggle', row.name, $event.shiftKey || $event.altKey)"
                        title="Show or hide; with Shift, only this one">
                        <i class="swatch" :style="{ background: row.paint }"></i><span>{{ labelsOf(row) }}</span></button>
                    <span v-else class="series-name">{{ labelsOf(row) }}</span></th>
                <td v-if="row.histogram" :colspan="columns.length - 1"><HistogramBars :histogram="row.histogram" :unit="unit" /></td>
                <td v-else v-for="column in columns.slice(1)" :key="column.key" class="number"
                    :title="exact(row[column.key])">{{ isRange ? formatValue(row[column.key], unit) : exact(row[column.key]) }}</td>
            </tr>
        </tbody>
    </table></div>
    <button v-if="rows.length > shown" type="button" class="button more"
        @click="shown += 500">Show more: {{ formatCount(rows.length - shown) }} of {{ formatCount(rows.length) }} are left</button>
</div>`;

export const ResultTable = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "ResultTable",
    components: { HistogramBars },
    props: {
        series: { type: Array, required: true }, unit: { type: Object, required: true }, isRange: Boolean,
        paints: { type: Array, required: true }, hidden: { type: Object, required: true }, names: { type: Array, required: true },
    },
    emits: ["toggle"],
    template,
    setup(props) {
        const sort = ref("");
        const shown = ref(pageRows);
        watch(() => props.names.join("\n"), () => { shown.value = pageRows; });
        const common = computed(() => commonLabels(props.series.map(({ metric }) => metric)));
        const shared = computed(() => {
            if (props.series.length < 2) return [];
            const { metric } = props.series[0];
            return [...common.value].sort().map((label) => label === "__name__" ? metric[label] : `${label}="${metric[label]}"`);
        });
        const columns = computed(() => [
            { key: "name", name: "Series" }, { key: "last", name: props.isRange ? "Last" : "Value" },
            ...props.isRange ? rangeColumns : [],
        ]);
        const rows = computed(() => {
            const paintOf = (/** @type {number} */ index) => props.isRange && index < linesMax ? props.paints[index] : "";
            const all = props.series.map((series, index) => rowOf(series, props.names[index], paintOf(index)));
            const key = /** @type {keyof Row} */ (sort.value.replace(/^-/, ""));
            if (!key) return all;
            const direction = sort.value.startsWith("-") ? -1 : 1;
            if (key === "name") return all.sort((a, b) => direction * a.name.localeCompare(b.name, "en", { numeric: true }));
            return all.sort((a, b) => direction * (Number(a[key]) - Number(b[key])));
        });
        /** @param {string} key */
        const sortBy = (key) => {
            const first = key === "name" ? key : `-${key}`;
            const second = key === "name" ? `-${key}` : key;
            sort.value = sort.value === first ? second : first;
        };
        /** @param {Row} row */
        const labelsOf = (row) => formatMetric(row.metric, props.series.length > 1 ? common.value : new Set());
        const page = computed(() => rows.value.slice(0, shown.value));
        return { sort, shown, shared, columns, rows, page, sortBy, labelsOf, exact, formatValue, formatCount };
    },
}));
