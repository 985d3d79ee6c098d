// One process of the cluster: who it is, whether it answers, what it does and keeps.

import { computed, defineComponent } from "vue";
import { formatCount, formatDuration, formatValue, unitNamed } from "../format.js";

/** @typedef {{node: ClusterNode, move: ClusterMovement | undefined}} Props */

const bytesUnit = unitNamed("bytes");
const rateUnit = unitNamed("/s");
const plainUnit = unitNamed("");

/**
 * Whether it answers, in the words and shapes of the fleet's servers.
 * @param {ClusterNode} node
 * @returns {{status: Status, word: string}}
 */
export function livenessOf(node) {
    if (node.liveness === "dead") return { status: "silent", word: `dead for ${formatDuration(node.seconds)}` };
    if (node.liveness === "suspect") return { status: "late", word: "does not answer" };
    if (!node.report) return { status: "late", word: "no answer over HTTP" };
    if (!node.report.isReady) return { status: "late", word: "not ready" };
    return { status: "live", word: "answers" };
}

/** @param {ClusterNode} node */
export function roleOf(node) {
    return node.roles.length === 3 ? "standalone" : node.roles.join(" + ");
}

/**
 * @param {NodeReport} report
 * @returns {{name: string, text: string}[]}
 */
function factsOf(report) {
    const facts = [];
    if (report.load) {
        const takesSamples = report.store || report.roles.includes("router");
        if (takesSamples) facts.push({ name: "Samples", text: formatValue(report.load.samplesPerSecond, rateUnit) });
        facts.push({ name: "CPU", text: `${report.load.cores.toFixed(2)} cores` });
        facts.push({ name: "Memory", text: formatValue(report.load.memoryBytes, bytesUnit) });
    }
    if (report.store) {
        facts.push({ name: "Series", text: formatValue(report.store.series, plainUnit) });
        facts.push({ name: "Blocks", text: formatValue(report.store.blockBytes, bytesUnit) });
    }
    if (report.checkpoint) facts.push({ name: report.checkpoint.kind, text: lagOf(report.checkpoint) });
    return facts;
}

/** @param {NonNullable<NodeReport["checkpoint"]>} checkpoint */
function lagOf(checkpoint) {
    if (checkpoint.away?.length) return "cannot be used";
    return checkpoint.pendingBytes === 0 ? "up to date" : `${formatDuration(checkpoint.secondsBehind)} behind`;
}

export const MemberCard = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "MemberCard",
    props: { node: { type: Object, required: true }, move: Object },
    template: `
        <li class="member" :class="'member-' + liveness.status" :data-member="node.name">
            <div class="member-head">
                <h3>{{ node.name }}</h3>
                <span class="status" :class="'status-' + liveness.status">
                    <svg viewBox="0 0 10 10" aria-hidden="true">
                        <circle cx="5" cy="5" r="4" :class="liveness.status === 'live' ? 'solid' : 'hollow'" />
                        <path v-if="liveness.status === 'late'" d="M5 1a4 4 0 0 1 0 8z" class="half" />
                    </svg>{{ liveness.word }}</span>
            </div>
            <p class="member-role">{{ role }}<template v-if="node.state === 'leaving'"> · <b>leaves</b></template>
                <template v-else-if="node.state === 'joining'"> · <b>joins</b></template>
                <template v-if="node.http"> · {{ node.http }}</template></p>
            <div v-if="slots" class="member-slots">
                <span>{{ slots.text }}</span>
                <span class="meter" aria-hidden="true"><i :style="{ width: slots.share + '%' }"></i></span>
            </div>
            <dl v-if="facts.length > 0" class="member-facts">
                <div v-for="fact in facts" :key="fact.name"><dt>{{ fact.name }}</dt><dd>{{ fact.text }}</dd></div>
            </dl>
            <p v-if="node.report && !node.report.isReady" class="member-waits">{{ node.report.waitingFor.join("; ") }}</p>
        </li>`,
    setup(props) {
        const liveness = computed(() => livenessOf(props.node));
        const role = computed(() => roleOf(props.node));
        const facts = computed(() => props.node.report ? factsOf(props.node.report) : []);
        const slots = computed(() => {
            const own = props.node.report?.slots;
            if (!own) return undefined;
            if (own.wanted === 0) return { text: `${formatCount(own.held)} slots left to give`, share: 0 };
            const owed = own.batchesOwed > 0 ? `, owes ${formatCount(own.batchesOwed)} batches` : "";
            const text = own.whole === own.wanted ? `${formatCount(own.wanted)} slots, all whole${owed}`
                : `${formatCount(Math.min(own.whole, own.wanted))} of ${formatCount(own.wanted)} slots whole${owed}`;
            return { text, share: Math.min(100, 100 * own.whole / own.wanted) };
        });
        return { liveness, role, facts, slots };
    },
}));
