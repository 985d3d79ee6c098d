// A native histogram in the space of a table's cell: how many observations, their mean, and a bar for each bucket, as wide as its neighbours
// whatever its bounds.

import { computed, defineComponent } from "vue";
import { exact, formatCount, formatValue } from "../format.js";

const width = 240;
const height = 26;
/** Narrower bars cannot be told apart; neighbours are drawn together. */
const barsMax = 80;

/** @typedef {{histogram: Histogram, unit: Unit}} Props */

/**
 * @param {Histogram} histogram
 * @returns {{x: number, y: number, width: number, height: number, say: string}[]}
 */
function barsOf({ buckets }) {
    const together = Math.ceil(buckets.length / barsMax);
    const groups = [];
    for (let index = 0; index < buckets.length; index += together) {
        const group = buckets.slice(index, index + together);
        const count = group.reduce((sum, bucket) => sum + bucket.count, 0);
        groups.push({ lower: group[0].lower, upper: group[group.length - 1].upper, count });
    }
    const most = Math.max(...groups.map(({ count }) => count));
    const step = Math.min(12, width / groups.length);
    return groups.map(({ lower, upper, count }, index) => {
        // What is there is seen.
        const tall = most > 0 ? Math.max(1, count / most * (height - 1)) : 1;
        const say = `${exact(lower)} to ${exact(upper)}: ${exact(count)}`;
        return { x: index * step, y: height - tall, width: Math.max(1, step - 1), height: tall, say };
    });
}

export const HistogramBars = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "HistogramBars",
    props: { histogram: { type: Object, required: true }, unit: { type: Object, required: true } },
    template: `
        <span class="histogram">
            <svg v-if="bars.length > 0" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" :aria-label="'Buckets from ' + range">
                <rect v-for="bar in bars" :key="bar.x" :x="bar.x" :y="bar.y" :width="bar.width" :height="bar.height"><title>{{ bar.say }}</title></rect></svg>
            <span class="histogram-text"><b :title="exact(histogram.count)">{{ count }}</b> observed · mean <b :title="exact(mean)">{{ formatValue(mean, unit) }}</b>
                <template v-if="bars.length > 0"> · {{ range }}</template></span>
        </span>`,
    setup(props) {
        const bars = computed(() => barsOf(props.histogram));
        const mean = computed(() => props.histogram.sum / props.histogram.count);
        const count = computed(() => Number.isInteger(props.histogram.count) ? formatCount(props.histogram.count) : exact(props.histogram.count));
        const range = computed(() => {
            const { buckets } = props.histogram;
            return `${formatValue(buckets[0].lower, props.unit)} to ${formatValue(buckets[buckets.length - 1].upper, props.unit)}`;
        });
        return { bars, mean, count, range, exact, formatValue };
    },
}));
