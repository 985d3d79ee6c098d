// The cluster itself: who is there, how the copies of all slots stand, what moves, and what to look at.

import { computed, defineComponent, ref } from "vue";
import { GrowSteps } from "../components/grow-steps.js";
import { MemberCard } from "../components/member-card.js";
import { SlotGrid, shapeOf, slotMeaning } from "../components/slot-grid.js";
import { formatClock, formatCount, formatDuration, formatValue, unitNamed } from "../format.js";
import { paletteSize } from "../theme.js";
import { useCluster } from "./cluster-data.js";

const bytesUnit = unitNamed("bytes");
const states = /** @type {SlotState[]} */ (["full", "moving", "fewer", "united", "silent"]);
const clusterPart = "cluster: ";
const collator = new Intl.Collator("en", { numeric: true });

/**
 * One sentence for the whole of it.
 * @param {ClusterOverview} overview
 */
export function summaryOf({ cluster, node, nodes, replication: counts }) {
    if (!cluster) {
        const waits = nodes.find(({ name }) => name === node)?.report?.waitingFor ?? [];
        // A part that is waited for stands before what it waits for: here only the cluster's is of interest.
        const own = waits.filter((each) => each.startsWith(clusterPart)).map((each) => each.slice(clusterPart.length));
        const why = (own.length > 0 ? own : waits).join("; ");
        return why ? `Not part of a cluster yet: ${why}.` : "Not part of a cluster yet.";
    }
    if (!counts) return "No aggregator is there yet.";
    const copies = counts.copies === 1 ? "their copy" : counts.copies === 2 ? "both copies" : `all ${counts.copies} copies`;
    if (counts.full === counts.slots) return `All ${formatCount(counts.slots)} slots have ${copies}.`;
    return `${formatCount(counts.full)} of ${formatCount(counts.slots)} slots have ${copies}.`;
}

/**
 * What a screen reader says of it by itself: only the kind of state, for the counts change each second while slots move.
 * @param {ClusterOverview} overview
 */
export function announcementOf({ cluster, replication: counts }) {
    if (!cluster) return "Not part of a cluster yet.";
    if (!counts) return "No aggregator is there yet.";
    if (counts.full === counts.slots) return "All slots have all copies.";
    return counts.full === 0 ? "No slot has all copies." : "Not all slots have all copies.";
}

/** @param {ClusterOverview} overview */
function zonesOf(overview) {
    /** @type {Map<string, ClusterNode[]>} */
    const zones = new Map();
    for (const node of overview.nodes) {
        const nodes = zones.get(node.zone);
        if (nodes) nodes.push(node);
        else zones.set(node.zone, [node]);
    }
    return [...zones].sort(([a], [b]) => collator.compare(a, b)).map(([zone, nodes]) => ({
        name: zone ? `Zone ${zone}` : zones.size === 1 ? "Members" : "No zone", nodes,
    }));
}

/** @param {ClusterOverview} overview */
function figuresOf(overview) {
    const reports = overview.nodes.flatMap(({ report }) => report ? [report] : []);
    const pushed = reports.filter(({ roles }) => roles.includes("router")).map(({ load }) => load?.samplesPerSecond ?? 0);
    const copies = overview.replication?.copies ?? 1;
    const series = reports.reduce((sum, { store }) => sum + (store?.series ?? 0), 0) / Math.max(1, copies);
    const lags = reports.flatMap(({ checkpoint }) => checkpoint ? [checkpoint] : []);
    const lag = Math.max(0, ...lags.map(({ secondsBehind }) => secondsBehind));
    const pending = lags.reduce((sum, { pendingBytes }) => sum + pendingBytes, 0);
    const away = new Set(lags.flatMap(({ away }) => away ?? [])).size;
    const state = pending === 0 ? "up to date" : `${formatDuration(lag)} behind, ${formatValue(pending, bytesUnit)} wait`;
    const answering = overview.nodes.filter(({ liveness }) => liveness === "alive").length;
    return [
        { name: "Members", text: answering === overview.nodes.length ? `${answering}, all answer` : `${answering} of ${overview.nodes.length} answer` },
        { name: "Pushed", text: `${formatCount(Math.round(pushed.reduce((a, b) => a + b, 0)))} samples/s` },
        { name: "Series", text: `about ${formatCount(Math.round(series))}` },
        { name: "Copies", text: String(copies) },
        { name: "Checkpoint", text: lags.length === 0 ? "none" : away === 0 ? state : `${away === 1 ? "a database does" : `${away} databases do`} not answer; ${state}` },
    ];
}

/** @param {ClusterMovement} movement */
function movementWords({ move, direction }) {
    const share = move.slots === 0 ? 1 : (move.slots - move.slotsLeft) / move.slots;
    const parts = [`${formatCount(move.slots - move.slotsLeft)} done`, `${formatCount(move.slotsLeft)} to go`];
    if (direction === "gains") parts.splice(1, 0, `${formatCount(move.slotsCopying)} being copied`);
    parts.push(`${formatValue(move.bytes, bytesUnit)} at ${formatValue(move.bytesPerSecond, bytesUnit)}/s`);
    const left = move.secondsLeft === undefined ? "not moving now" : `about ${formatDuration(move.secondsLeft)} left`;
    return { percent: Math.floor(100 * share), details: parts.join(", "), left, running: formatDuration(move.seconds) };
}

const template = `
<div class="page cluster">
    <div class="cluster-head">
        <h1>Cluster<span v-if="overview && overview.cluster">{{ " " + overview.cluster }}</span></h1>
        <p class="cluster-summary">{{ summary }}</p>
        <p class="visually-hidden" role="status">{{ announcement }}</p>
        <span class="as-of" :class="{ 'as-of-old': failure }">{{ failure ? "not updated since " + clock : "as of " + clock }}</span>
    </div>
    <p v-if="failure && !overview" class="notice notice-error" role="alert">The cluster's state could not be fetched: {{ failure.message }}</p>
    <p v-else-if="failure" class="notice notice-error" role="alert">
        <b>{{ failure.isOffline ? "Offline." : "The cluster's state could not be fetched." }}</b>
        {{ failure.message }} What you see is from {{ clock }}; it is asked for again by itself.</p>
    <div v-if="!overview && !failure" class="skeleton" role="status" aria-label="Loading the cluster"><i v-for="n in 6" :key="n"></i></div>
    <template v-if="overview">
        <dl class="facts cluster-facts">
            <div v-for="each in figures" :key="each.name"><dt>{{ each.name }}</dt><dd>{{ each.text }}</dd></div></dl>
        <section v-if="overview.warnings.length > 0" aria-label="Warnings">
            <ul class="warnings">
                <li v-for="warning in overview.warnings" :key="warning.text" class="notice">{{ warning.text }}
                    <template v-if="warning.advice"><br><span class="advice">{{ warning.advice }}</span></template></li></ul>
        </section>
        <section v-if="movements.length > 0" class="panel" aria-labelledby="moves-title">
            <h2 id="moves-title">On the move</h2>
            <ul class="moves">
                <li v-for="each in movements" :key="each.node + each.direction" class="move-row">
                    <p><b>{{ each.node }}</b> {{ each.direction }} {{ formatCount(each.move.slots) }} slots
                        <span class="move-left">{{ each.left }}</span></p>
                    <div class="move-bar" role="progressbar" :aria-label="each.node + ' ' + each.direction + ' slots'"
                        aria-valuemin="0" aria-valuemax="100" :aria-valuenow="each.percent">
                        <i :style="{ width: each.percent + '%' }"></i></div>
                    <p class="move-details">{{ each.percent }} % after {{ each.running }}: {{ each.details }}</p>
                </li></ul>
        </section>
        <p v-if="ringFailure && !isAlone" class="notice notice-error" role="alert">
            <b>The slots could not be fetched.</b> {{ ringFailure }}
            {{ ring ? "Those below are from before." : "" }} They are asked for again each second.</p>
        <section v-if="ring && !isAlone" class="panel" aria-labelledby="slots-title">
            <div class="slots-head">
                <h2 id="slots-title">Slots</h2>
                <div class="segments" role="group" aria-label="Colour by">
                    <button type="button" :aria-pressed="mode === 'copies'" @click="mode = 'copies'">Copies</button>
                    <button type="button" :aria-pressed="mode === 'owner'" @click="mode = 'owner'">First owner</button>
                </div>
                <div class="chips" role="group" aria-label="Show the slots of one aggregator">
                    <button v-for="(node, index) in ring.nodes" :key="node.name" type="button" class="chip"
                        :aria-pressed="only === node.name" @click="only = only === node.name ? '' : node.name">
                        <i v-if="mode === 'owner'" class="swatch" :style="{ background: 'var(--series-' + (index % paletteSize + 1) + ')' }"></i>
                        {{ node.name }}</button>
                </div>
                <p v-if="mode === 'owner' && ring.nodes.length > paletteSize" class="slots-hint">Colours repeat: choose one to see its slots alone.</p>
            </div>
            <ul class="slots-legend">
                <li v-for="state in states" :key="state" :class="{ none: counts[state] === 0 }" :title="slotMeaning[state].meaning">
                    <svg viewBox="0 0 1 1" aria-hidden="true" :style="{ color: 'var(--' + slotMeaning[state].colour + ')' }">
                        <rect v-for="(part, n) in shapeOf(state)" :key="n" :x="part[0]" :y="part[1]" :width="part[2]" :height="part[3]"
                            fill="currentColor" /></svg>
                    <b>{{ formatCount(counts[state]) }}</b> {{ slotMeaning[state].name }}</li>
            </ul>
            <SlotGrid :ring="ring" :mode="mode" :only="only" />
        </section>
        <section class="zones" aria-label="Members">
            <div v-for="zone in zones" :key="zone.name" class="zone">
                <h2>{{ zone.name }}</h2>
                <ul><MemberCard v-for="node in zone.nodes" :key="node.name" :node="node" /></ul>
            </div>
        </section>
        <GrowSteps v-if="isAlone" :name="overview.node" />
    </template>
</div>`;

export const ClusterView = defineComponent(/** @type {import("vue").ComponentOptions<{}>} */ ({
    name: "ClusterView",
    components: { GrowSteps, MemberCard, SlotGrid },
    template,
    setup() {
        const { overview, ring, asOf, failure, ringFailure } = useCluster();
        const mode = ref(/** @type {"copies" | "owner"} */ ("copies"));
        const only = ref("");
        const clock = computed(() => asOf.value ? formatClock(asOf.value) : "–");
        const summary = computed(() => overview.value ? summaryOf(overview.value) : "");
        const announcement = computed(() => overview.value ? announcementOf(overview.value) : "");
        const zones = computed(() => overview.value ? zonesOf(overview.value) : []);
        const figures = computed(() => overview.value ? figuresOf(overview.value) : []);
        const movements = computed(() => (overview.value?.movements.movements ?? []).map((each) => {
            return { ...each, ...movementWords(each) };
        }));
        const isAlone = computed(() => {
            const nodes = overview.value?.nodes ?? [];
            return nodes.length === 1 && nodes[0].roles.length === 3;
        });
        const counts = computed(() => {
            const count = { full: 0, moving: 0, fewer: 0, united: 0, silent: 0 };
            for (const state of ring.value?.states ?? []) count[state] += 1;
            return count;
        });
        return {
            overview, ring, failure, ringFailure, mode, only, clock, summary, announcement, zones, figures, movements, isAlone, counts, states,
            slotMeaning, paletteSize, shapeOf, formatCount,
        };
    },
}));
