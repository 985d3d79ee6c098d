// How an answer was found: the plan as a tree, and below it who was asked for what.

import { computed, defineComponent } from "vue";
import { formatCount, formatValue, unitNamed } from "../format.js";
import { typed } from "../promql.js";

const collator = new Intl.Collator("en", { numeric: true });

/** @param {number | undefined} microseconds */
function formatTime(microseconds) {
    if (microseconds === undefined) return "";
    return microseconds < 1000 ? `${microseconds} µs` : `${(microseconds / 1000).toFixed(microseconds < 100_000 ? 1 : 0)} ms`;
}

/**
 * The longest time of any operator of a tree: what the bars are drawn against.
 * @param {ExplainOperator[]} operators
 * @returns {number}
 */
function longest(operators) {
    return operators.reduce((most, each) => Math.max(most, each.microseconds ?? 0, longest(each.children)), 0);
}

const PlanTree = defineComponent(/** @type {import("vue").ComponentOptions<{operators: ExplainOperator[], most: number}>} */ ({
    name: "PlanTree",
    props: { operators: { type: Array, required: true }, most: { type: Number, required: true } },
    template: `
<ul class="plan-tree">
    <li v-for="(each, index) in operators" :key="index">
        <div class="plan-operator">
            <code><b>{{ each.operator }}</b> {{ typed(each.detail) }}</code>
            <span v-if="each.rows !== undefined" class="plan-figure">{{ formatCount(each.rows) }} {{ each.rows === 1 ? "row" : "rows" }}</span>
            <span v-if="each.microseconds !== undefined" class="plan-figure">{{ formatTime(each.microseconds) }}</span>
            <span v-if="each.microseconds !== undefined" class="plan-bar" aria-hidden="true"
                :style="{ width: 120 * each.microseconds / Math.max(most, 1) + 'px' }"></span>
        </div>
        <PlanTree v-if="each.children.length" :operators="each.children" :most="most" />
    </li>
</ul>`,
    setup() {
        return { formatCount, formatTime, typed };
    },
}));

/**
 * By the names of the nodes, and for each node as they came: in the order of arrival the same question would look another way each time.
 * @param {ExplainPart[]} parts
 */
function sorted(parts) {
    return [...parts].sort((a, b) => collator.compare(a.node, b.node));
}

/** @param {ExplainPart} part */
function figuresOf(part) {
    const figures = [`${formatCount(part.slots)} slots (${(100 * part.share).toFixed(1)} %)`];
    if (part.microseconds !== undefined) figures.push(formatTime(part.microseconds));
    if (part.series !== undefined) figures.push(`${formatCount(part.series)} series`);
    if (part.samples !== undefined) figures.push(`${formatCount(part.samples)} samples`);
    if (part.chunks !== undefined) figures.push(`${formatCount(part.chunks)} chunks`);
    if (part.bytes !== undefined) figures.push(formatValue(part.bytes, unitNamed("bytes")));
    if (part.hedge) figures.push("asked because another was slow");
    if (part.union) figures.push("part of a union");
    return figures.join(" · ");
}

export const ExplainTree = defineComponent(/** @type {import("vue").ComponentOptions<{explained: Explained}>} */ ({
    name: "ExplainTree",
    components: { PlanTree },
    props: { explained: { type: Object, required: true } },
    template: `
<section class="card explain" aria-label="How the answer was found">
    <h2>How the answer was found</h2>
    <p class="explain-say">{{ said }}</p>
    <h3>On the coordinator</h3>
    <PlanTree :operators="explained.plan" :most="most(explained.plan)" />
    <template v-for="(work, index) in explained.work" :key="index">
        <h3>{{ work.kind === "fragment" ? "Fragment " + work.fragment : "Samples" }}
            <small v-if="work.cut !== explained.cut">an attempt that did not suffice</small></h3>
        <code class="explain-text">{{ work.text }}</code>
        <div v-for="(part, place) in sorted(work.parts)" :key="place" class="explain-part" :class="{ unused: part.outcome !== 'used' }">
            <p><b>{{ part.node }}</b> <span class="explain-outcome">{{ part.outcome }}</span> {{ figuresOf(part) }}</p>
            <p v-if="part.failure" class="query-failure">{{ part.failure }}</p>
            <PlanTree v-if="part.plan" :operators="part.plan" :most="most(part.plan)" />
        </div>
        <p v-if="work.partsLeftOut" class="card-note">and {{ formatCount(work.partsLeftOut) }} more questions</p>
    </template>
    <p v-if="explained.workLeftOut" class="card-note">and {{ formatCount(explained.workLeftOut) }} more</p>
</section>`,
    setup(props) {
        const said = computed(() => {
            const nodes = new Set(props.explained.work.flatMap((work) => work.parts.map((part) => part.node)));
            const who = nodes.size === 1 ? "one aggregator" : `${nodes.size} aggregators`;
            const how = /** @type {Record<string, string>} */ ({
                "one part": "computed as a whole where the data is",
                "by server": "computed server by server where the data is, the rest here",
                "anywhere": "computed in parts where the data is, the rest here",
            })[props.explained.cut] ?? "computed here, on samples that were fetched";
            return `Asked of ${who}, ${how}.`;
        });
        return { said, most: longest, figuresOf, sorted, formatCount };
    },
}));
