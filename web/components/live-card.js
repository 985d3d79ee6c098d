// One card: a title, the newest value, a chart or bars, and a legend. It asks for data only while it is on screen.

import { computed, defineComponent, ref, shallowRef } from "vue";
import { formatValue, split } from "../format.js";
import { href } from "../router.js";
import { seriesColour, themeVersion } from "../theme.js";
import { TimeChart } from "./chart.js";
import { linesMax } from "./chart-option.js";
import { useLive, useVisible } from "./use-live.js";

/** @typedef {import("../views/server-cards.js").Card} Card */
/** @typedef {import("../views/server-cards.js").Reading} Reading */
/** @typedef {{card: Card, span: number, step: number, isSmall?: boolean}} Props seconds */

const legendMax = 7;
/** Gauges are asked for twice a second, so that a push is on screen within one. */
const gaugeStepSeconds = 0.5;

const template = `
<section ref="element" class="card" :class="{ 'card-small': isSmall, 'card-bars': card.shape === 'bars' }"
    :aria-label="card.title" :data-card="card.id">
    <header class="card-head">
        <h3 :title="card.title">{{ card.title }}</h3>
        <a class="card-link" :href="exploreLink" :aria-label="'Explore ' + card.title" title="Open in Explore">
            <svg viewBox="0 0 12 12" aria-hidden="true"><path d="M4 2h6v6M10 2 2 10" /></svg></a>
        <p class="headline" v-if="reading"><b data-value>{{ headline.number }}</b><small>{{ headline.unit }}</small>
            <span class="headline-note">{{ reading.note }}</span></p>
    </header>
    <p v-if="failure" class="card-state card-error" role="alert">{{ failure }}</p>
    <div v-else-if="!reading" class="card-state" :class="{ 'skeleton-chart': isVisible }" role="status" aria-label="Loading"></div>
    <ul v-else-if="reading.bars" class="bars">
        <li v-for="bar in reading.bars" :key="bar.name">
            <span class="bar-name" :title="bar.name">{{ bar.name }}</span><span class="bar-text">{{ bar.text }}</span>
            <b>{{ Math.round(bar.share * 100) }}%</b>
            <span class="meter" aria-hidden="true">
                <i :style="{ width: bar.share * 100 + '%' }" :class="{ high: bar.share > 0.9 }"></i></span>
        </li>
    </ul>
    <p v-else-if="isEmpty" class="card-state"><span v-if="reading.hasHistograms">Native histograms are not lines:
        <a :href="exploreLink">see them in Explore</a>.</span><template v-else>No samples in this window.</template></p>
    <template v-else>
        <TimeChart :lines="drawn.lines" :unit="card.unit" :shape="card.shape" :start="drawn.end - span * 1000"
            :end="drawn.end" :max="card.max ?? reading.top" :isSmall="isSmall" :label="card.title + ' over time'" />
        <ul class="legend" v-if="legend.length > 1 && !(isSmall && legend.length > 4)">
            <li v-for="line in legend" :key="line.name"><i class="swatch" :style="{ background: line.paint }"></i>
                <span class="legend-name" :title="line.name">{{ line.name }}</span><b>{{ line.value }}</b></li>
        </ul>
        <p v-if="reading.lines.length > drawnMax" class="card-note">The first {{ drawnMax }} of {{ reading.lines.length }} series are drawn.</p>
    </template>
</section>`;

export const LiveCard = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "LiveCard",
    components: { TimeChart },
    props: {
        card: { type: Object, required: true }, span: { type: Number, required: true },
        step: { type: Number, required: true }, isSmall: Boolean,
    },
    template,
    setup(props) {
        const element = ref(/** @type {HTMLElement | null} */ (null));
        const isVisible = useVisible(element);
        const reading = shallowRef(/** @type {Reading | null} */ (null));
        const failure = ref("");
        /** What the chart shows: half steps move the number alone, since drawing is dear and a line moves by the second. */
        const drawn = shallowRef({ lines: /** @type {Line[]} */ ([]), end: 0 });
        useLive(() => {
            if (!isVisible.value) return {};
            const step = props.card.isGauge && props.step === 1 ? gaugeStepSeconds : props.step;
            const request = (/** @type {string} */ query) => ({ query, step, history: props.span });
            return Object.fromEntries(Object.entries(props.card.queries).map(([name, query]) => [name, request(query)]));
        }, (windows) => {
            if (!Object.keys(props.card.queries).every((name) => name in windows)) return;
            failure.value = "";
            const end = Math.max(...Object.values(windows).map((window) => window.time));
            reading.value = props.card.read(windows);
            const isDue = end % 1000 === 0 || Math.abs(end - drawn.value.end) >= 1000;
            if (isDue) drawn.value = { lines: reading.value.lines, end };
        }, (each) => { failure.value = each.message; });
        const headline = computed(() => split(reading.value?.value ?? NaN, props.card.unit));
        const isEmpty = computed(() => (reading.value?.lines ?? []).every(({ points }) => points.length === 0));
        const legend = computed(() => {
            void themeVersion.value;
            return (reading.value?.lines ?? []).slice(0, legendMax).map((line) => {
                const last = line.points.length > 0 ? line.points[line.points.length - 1] : undefined;
                return { name: line.name, paint: seriesColour(line.colour), value: formatValue(last?.[1] ?? NaN, props.card.unit) };
            });
        });
        const exploreLink = computed(() => href(["explore"], { query: Object.values(props.card.queries)[0], range: "15m" }));
        return { element, isVisible, reading, failure, drawn, headline, isEmpty, legend, exploreLink, drawnMax: linesMax };
    },
}));
