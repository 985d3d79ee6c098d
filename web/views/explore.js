// Any question in PromQL, its answer as a chart and a table, and an address to share both.

import { computed, defineComponent, onBeforeUnmount, onMounted, ref, shallowRef, watch } from "vue";
import { ApiError, fetchLabelValues, fetchMetadata, parseHistogram, queryInstant, queryRange, serverNow } from "../api.js";
import { TimeChart } from "../components/chart.js";
import { linesMax } from "../components/chart-option.js";
import { ExplainTree } from "../components/explain-tree.js";
import { QueryInput } from "../components/query-input.js";
import { ResultTable } from "../components/result-table.js";
import { TimeRange } from "../components/time-range.js";
import { useLive } from "../components/use-live.js";
import { formatCount, formatMetric, formatMoment, formatValue, unitNamed, unitOf } from "../format.js";
import { firstMetric } from "../promql.js";
import { remember, route } from "../router.js";
import { seriesColour, themeVersion } from "../theme.js";
import { failureOf, liveSecondsMax, ranges, readChoice, timesOf, writeChoice } from "./explore-state.js";

/** @typedef {import("./explore-state.js").Choice} Choice */
/** @typedef {QueryAnswer & {query: string, isRange: boolean, start: number, end: number, step: number}} Result times in
 *   Unix ms, step in seconds */

const examples = [
    { text: "avg by (mode) (rate(node_cpu_seconds_total[1m]))", say: "what the CPUs do" },
    { text: "node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes", say: "memory in use" },
    { text: 'sum by (instance, device) (rate(node_network_receive_bytes_total{device!="lo"}[1m]))', say: "what comes in" },
    { text: "count by (__name__) ({__name__!=\"\"})", say: "series of each metric", mode: "instant" },
];

/** Functions whose result is not in the unit of what they are given. */
const unitless = /\b(count|count_values|group|count_over_time|changes|resets|stdvar|stdvar_over_time)\b/;

/** What makes a number of a native histogram, which a chart of lines cannot show. */
const numbersOfHistograms = [
    { before: "histogram_quantile(0.9, ", say: "the value that nine of ten are below" },
    { before: "histogram_avg(", say: "the mean" },
    { before: "histogram_count(", say: "how many" },
];

/** Runs queries one at a time; a newer one cancels the older. */
function useQuery() {
    const result = shallowRef(/** @type {Result | null} */ (null));
    const failure = shallowRef(/** @type {Failure | null} */ (null));
    const isRunning = ref(false);
    /** @type {AbortController | null} */
    let current = null;
    /** @param {Choice} choice */
    const run = async (choice) => {
        current?.abort();
        const own = new AbortController();
        current = own;
        isRunning.value = true;
        const times = timesOf(choice, serverNow());
        try {
            const isRange = choice.mode === "range";
            const answer = isRange
                ? await queryRange(choice.query, times, own.signal, choice.isExplained)
                : await queryInstant(choice.query, choice.range ? serverNow() : times.end, own.signal, choice.isExplained);
            if (current !== own) return;
            const { start, end, step } = times;
            result.value = { ...answer, query: choice.query, isRange, start: start * 1000, end: end * 1000, step };
            failure.value = null;
        } catch (error) {
            if (current !== own) return;
            const { type, message } = error instanceof ApiError ? error : { type: "internal", message: String(error) };
            failure.value = failureOf(message, type, choice.query);
        }
        isRunning.value = false;
    };
    const cancel = () => {
        current?.abort();
        current = null;
        isRunning.value = false;
    };
    onBeforeUnmount(cancel);
    return { result, failure, isRunning, run, cancel };
}

/**
 * While the view is live, the result is what the subscription says.
 * @param {() => Choice | null} choice null when not live
 * @param {ReturnType<typeof useQuery>} query
 */
function useLiveResult(choice, query) {
    useLive(() => {
        const live = choice();
        /** @type {Record<string, import("../live.js").LiveQuery>} */
        const requests = {};
        if (live) {
            requests.live = { query: live.query, step: timesOf(live, serverNow()).step, history: ranges[live.range] };
        }
        return requests;
    }, ({ live: window }) => {
        const live = choice();
        if (!live) return;
        const series = [...window.series.values()].map((each) => {
            const histogram = window.latestHistogram(each);
            return { metric: each.metric, points: each.points.slice(), histogram: histogram ? parseHistogram(histogram) : undefined };
        });
        query.failure.value = null;
        query.isRunning.value = false;
        query.result.value = {
            resultType: "matrix", series, text: "", warnings: window.warnings, bytes: 0, milliseconds: 0, explained: null,
            query: live.query, isRange: true, step: window.step / 1000,
            start: window.time - ranges[live.range] * 1000, end: window.time,
        };
    }, (failure) => {
        const live = choice();
        query.isRunning.value = false;
        if (!live) return;
        query.failure.value = failure.offset >= 0 ? failure : failureOf(failure.message, failure.type, live.query);
    });
}

/**
 * The unit of a result, as far as the query's metric tells: a rate is per second, a count has none.
 * @param {string} query
 * @param {Record<string, MetadataEntry>} metadata
 */
function guessUnit(query, metadata) {
    const metric = firstMetric(query);
    const isProduct = /[*/]/.test(query.replace(/"[^"]*"/g, ""));
    if (!metric || isProduct || unitless.test(query)) return unitNamed("");
    return unitOf(metric, metadata[metric], /\b(rate|irate|deriv)\s*\(/.test(query));
}

/**
 * @param {import("vue").ReadonlyRef<Result | null>} result
 */
function useDrawing(result) {
    const metadata = shallowRef(/** @type {Record<string, MetadataEntry>} */ ({}));
    const hidden = shallowRef(/** @type {ReadonlySet<string>} */ (new Set()));
    onMounted(async () => {
        metadata.value = await fetchMetadata().catch(() => ({}));
    });
    const series = computed(() => result.value?.series ?? []);
    const names = computed(() => series.value.map(({ metric }) => formatMetric(metric)));
    const lines = computed(() => series.value.slice(0, linesMax).map(({ points }, index) => {
        return { name: names.value[index], points: withGaps(points, result.value?.step ?? 1), colour: index };
    }));
    const paints = computed(() => {
        void themeVersion.value;
        return lines.value.map((_, index) => seriesColour(index));
    });
    const unit = computed(() => guessUnit(result.value?.query ?? "", metadata.value));
    watch(() => result.value?.query ?? "", () => { hidden.value = new Set(); });
    /**
     * @param {string} name
     * @param {boolean} alone
     */
    const toggle = (name, alone) => {
        const next = new Set(hidden.value);
        if (alone) for (const each of names.value) next.add(each);
        if (alone || next.has(name)) next.delete(name);
        else next.add(name);
        hidden.value = next;
    };
    const histogramCount = computed(() => series.value.filter(({ histogram }) => histogram).length);
    const hasPoints = computed(() => series.value.some(({ points }) => points.length > 0));
    return { names, lines, paints, unit, hidden, toggle, histogramCount, hasPoints };
}

/**
 * A missing step is a gap, not a straight line.
 * @param {Point[]} points
 * @param {number} step seconds
 * @returns {Point[]}
 */
function withGaps(points, step) {
    /** @type {Point[]} */
    const all = [];
    for (const point of points) {
        const last = all[all.length - 1];
        if (last && point[0] - last[0] > step * 1500) all.push([last[0] + step * 1000, NaN]);
        all.push(point);
    }
    return all;
}

/** @param {Result} result */
function sizeOf(result) {
    const points = result.series.reduce((sum, { points: each }) => sum + each.length, 0);
    const parts = [`${formatCount(result.series.length)} series`];
    if (result.isRange) parts.push(`${formatCount(points)} points`, `step ${result.step} s`);
    if (result.milliseconds > 0) parts.push(`${Math.round(result.milliseconds)} ms`, formatValue(result.bytes, unitNamed("bytes")));
    else parts.push(`live, ${formatMoment(result.end).slice(11)}`);
    return parts.join(" · ");
}

const template = `
<div class="page explore">
    <h1 class="visually-hidden">Explore</h1>
    <form class="ask" @submit.prevent="run('push')">
        <QueryInput v-model="draft" :failure="draft === asked ? failure : null" @run="run('push')" />
        <button type="submit" class="button button-main">{{ isRunning ? "Running…" : "Run" }}</button>
    </form>
    <div class="controls">
        <div class="segments" role="group" aria-label="Kind of query">
            <button type="button" :aria-pressed="choice.mode === 'range'" @click="change({ mode: 'range' })">Range</button>
            <button type="button" :aria-pressed="choice.mode === 'instant'"
                @click="change({ mode: 'instant', isLive: false })">Instant</button>
        </div>
        <TimeRange :choice="choice" :step="step" @change="change" />
        <button v-if="choice.mode === 'range'" type="button" class="toggle" :aria-pressed="isLive"
            :disabled="!canBeLive"
            :title="canBeLive ? 'Follow as samples come in' : 'Live follows ranges up to an hour that end now'"
            @click="change({ isLive: !choice.isLive })">
            <i aria-hidden="true"></i>Live</button>
        <button type="button" class="toggle" :aria-pressed="choice.isExplained" :disabled="isLive"
            title="Say who did what for the answer" @click="change({ isExplained: !choice.isExplained })">
            <i aria-hidden="true"></i>Explain</button>
    </div>
    <p v-for="warning in result ? result.warnings : []" :key="warning" class="notice" role="status">{{ warning }}</p>
    <div v-if="!result && !isRunning" class="start">
        <h2>Ask anything in PromQL</h2>
        <ul class="examples"><li v-for="each in examples" :key="each.text"><button type="button" @click="ask(each)">
            <code>{{ each.text }}</code><span>{{ each.say }}</span></button></li></ul>
        <p v-if="metricCount === 0" class="metrics-known">No metric is known yet.</p>
        <p v-else-if="metricCount" class="metrics-known">{{ formatCount(metricCount) }} metrics are known. Begin to type, and
            their names are offered.</p>
    </div>
    <div v-else-if="!result" class="card card-loading explore-chart" role="status" aria-label="Running the query"></div>
    <section v-else :class="{ outdated: failure || isRunning }" aria-label="Result">
        <p class="size" role="status">{{ sizeOf(result) }}</p>
        <p v-if="result.resultType === 'string'" class="text-result">{{ result.text }}</p>
        <p v-if="histogramCount > 0" class="notice histogram-note" role="note">{{ histogramCount === result.series.length ? "These are" : formatCount(histogramCount) + " of these series are" }}
            native histograms: each sample is a whole distribution, which the table shows and a line cannot. Draw a number of them:
            <span class="suggestions"><button v-for="each in numbersOfHistograms" :key="each.before" type="button" class="button" :title="each.say"
                @click="ask({ text: each.before + result.query + ')' })"><code>{{ each.before }}…)</code></button></span></p>
        <p v-if="result.resultType !== 'string' && result.series.length === 0" class="nothing">
            The query is right, but nothing matches it at {{ result.isRange ? "these times" : "this time" }}.</p>
        <template v-else-if="result.resultType !== 'string'">
            <div v-if="result.isRange && hasPoints" class="card explore-chart">
                <TimeChart :lines="lines" :unit="unit" shape="line" :start="result.start" :end="result.end"
                    :hidden="hidden" :isZoomable="true" label="Result over time" @zoom="zoom" />
            </div>
            <p v-if="result.isRange && hasPoints && result.series.length > linesMax" class="card-note">The chart draws the first {{ linesMax }} of {{ formatCount(result.series.length) }} series; the table has all.</p>
            <ResultTable :series="result.series" :unit="unit" :isRange="result.isRange" :paints="paints"
                :hidden="hidden" :names="names" @toggle="toggle" />
        </template>
        <ExplainTree v-if="result.explained" :explained="result.explained" />
    </section>
</div>`;

export const ExploreView = defineComponent(/** @type {import("vue").ComponentOptions<{}>} */ ({
    name: "ExploreView",
    components: { ExplainTree, QueryInput, ResultTable, TimeChart, TimeRange },
    template,
    setup() {
        const choice = ref(readChoice(route.parameters));
        const draft = ref(choice.value.query);
        const metricCount = ref(/** @type {number | null} */ (null));
        const query = useQuery();
        const canBeLive = computed(() => {
            const { mode, range } = choice.value;
            return mode === "range" && ranges[range] <= liveSecondsMax && timesOf(choice.value, 0).step >= 1;
        });
        const isLive = computed(() => choice.value.isLive && canBeLive.value);
        useLiveResult(() => isLive.value && choice.value.query ? choice.value : null, query);
        const start = () => {
            if (!choice.value.query.trim()) return;
            query.failure.value = null;
            if (isLive.value) query.cancel();
            else query.run(choice.value);
        };
        /** @param {"push" | "replace"} how */
        const run = (how) => {
            choice.value = { ...choice.value, query: draft.value.trim() };
            draft.value = choice.value.query;
            remember(["explore"], writeChoice(choice.value), how);
            start();
        };
        /** @param {Partial<Choice>} part */
        const change = (part) => {
            choice.value = { ...choice.value, ...part };
            run("replace");
        };
        /** @param {{text: string, mode?: string}} example */
        const ask = (example) => {
            draft.value = example.text;
            choice.value = { ...choice.value, mode: example.mode === "instant" ? "instant" : "range" };
            run("push");
        };
        /**
         * @param {number} from Unix ms
         * @param {number} to
         */
        const zoom = (from, to) => {
            if (to - from < 2000) return;
            choice.value = { ...choice.value, range: "", start: Math.floor(from / 1000), end: Math.ceil(to / 1000), isLive: false };
            run("push");
        };
        // Back and forward, or a link, change the address under the view.
        watch(() => JSON.stringify(route.parameters), (text) => {
            const next = readChoice(JSON.parse(text));
            const isSame = JSON.stringify(next) === JSON.stringify(choice.value);
            if (route.view !== "explore" || isSame) return;
            choice.value = next;
            draft.value = next.query;
            if (!next.query) query.result.value = null;
            start();
        });
        onMounted(async () => {
            start();
            const names = await fetchLabelValues("__name__", "").catch(() => null);
            metricCount.value = names?.length ?? null;
        });
        return {
            ...query, ...useDrawing(query.result), choice, draft, asked: computed(() => choice.value.query), canBeLive, isLive,
            step: computed(() => timesOf(choice.value, 0).step), run, change, ask, zoom,
            examples, numbersOfHistograms, metricCount, sizeOf, formatCount, linesMax,
        };
    },
}));
