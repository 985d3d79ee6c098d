// One server: what it is, how it is, and every metric that it pushes, as it comes in.

import { computed, defineComponent, ref, shallowRef, watch } from "vue";
import { ApiError, fetchLabelValues, fetchMetadata, fetchServers, serverNow } from "../api.js";
import { LiveCard } from "../components/live-card.js";
import { StatusMark, statusOf } from "../components/status.js";
import { useClock, useLive, usePolling } from "../components/use-live.js";
import { formatAge, formatCount, formatDuration } from "../format.js";
import { observedNow } from "../live.js";
import { selector } from "../promql.js";
import { href, remember, route } from "../router.js";
import { isOther, metricCard, nodeCards, pushedNames } from "./server-cards.js";

/** @typedef {{label: string, id: string}} Props */

/** Time windows: seconds shown, seconds between points. */
const spans = /** @type {Record<string, {span: number, step: number, name: string}>} */ ({
    "1m": { span: 60, step: 1, name: "1 min" }, "5m": { span: 300, step: 1, name: "5 min" },
    "15m": { span: 900, step: 1, name: "15 min" }, "1h": { span: 3600, step: 5, name: "1 h" },
});
/** Fewer metrics of one family than this share a group with others of their kind. */
const groupMetricsMin = 3;

/**
 * Status of this server, as the list of servers has it.
 * @param {Props} props
 */
function useSummary(props) {
    const summary = shallowRef(/** @type {ServerSummary | null} */ (null));
    const isMissing = ref(false);
    const clock = useClock();
    usePolling(async () => {
        try {
            const { servers } = await fetchServers(props.id, 1000);
            const found = servers.find((server) => server.id === props.id && server.label === props.label);
            isMissing.value = !found;
            if (found) summary.value = found;
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
        }
    }, () => 2000);
    const age = computed(() => {
        void clock.value;
        return summary.value ? Math.max(0, observedNow() - summary.value.lastPush) : Infinity;
    });
    return { summary, isMissing, age, status: computed(() => statusOf(age.value)), clock };
}

/**
 * The names of the server's metrics: those of the last hour, then live, so that a new metric appears with its first push.
 * @param {Props} props
 */
function useMetricNames(props) {
    const names = shallowRef(/** @type {ReadonlySet<string>} */ (new Set()));
    const hasLoaded = ref(false);
    const metadata = shallowRef(/** @type {Record<string, MetadataEntry>} */ ({}));
    const where = { [props.label]: props.id };
    /** @param {string[]} more */
    const add = (more) => {
        const fresh = more.filter((name) => name && !names.value.has(name));
        if (fresh.length > 0) names.value = new Set([...names.value, ...fresh].sort());
        return fresh.length > 0;
    };
    const pollMetadata = usePolling(async () => {
        try {
            metadata.value = await fetchMetadata();
        } catch {
            // Units are a nicety; the next round asks again.
        }
    }, () => 15_000);
    usePolling(async () => {
        try {
            add(await fetchLabelValues("__name__", selector(where), { start: serverNow() - 3600, end: serverNow() + 60 }));
            hasLoaded.value = true;
        } catch (error) {
            if (!(error instanceof ApiError)) throw error;
        }
    }, () => 30_000);
    const query = `count by (__name__) (${selector(where)})`;
    useLive(() => ({ names: { query, step: 1, history: 0 } }), ({ names: window }) => {
        const isNew = add([...window.series.values()].map(({ metric }) => metric.__name__));
        if (window.time > 0) hasLoaded.value = true;
        if (isNew) pollMetadata();
    });
    return { names, hasLoaded, metadata };
}

/**
 * What the agent says of the machine itself.
 * @param {Props} props
 * @param {import("vue").ReadonlyRef<number>} clock
 */
function useFacts(props, clock) {
    const boot = ref(NaN);
    const system = ref("");
    const query = selector({ [props.label]: props.id }, '__name__=~"node_boot_time_seconds|node_uname_info"');
    useLive(() => ({ facts: { query, step: 5, history: 0 } }), ({ facts }) => {
        for (const series of facts.series.values()) {
            const { __name__, sysname, release, machine } = series.metric;
            if (__name__ === "node_boot_time_seconds") boot.value = facts.latest(series);
            else system.value = [sysname, release, machine].filter(Boolean).join(" ");
        }
    });
    const uptime = computed(() => {
        void clock.value;
        return Number.isFinite(boot.value) ? formatDuration(serverNow() - boot.value) : "";
    });
    return { system, uptime };
}

/**
 * Metrics without a known card, in families by the first two words of their names.
 * @param {string[]} names
 */
function grouped(names) {
    /** @type {Map<string, string[]>} */
    const families = new Map();
    for (const name of names) {
        const family = name.split("_").slice(0, 2).join("_");
        families.set(family, [...families.get(family) ?? [], name]);
    }
    const groups = [...families].map(([family, members]) => ({ family, names: members }));
    const rest = groups.filter((group) => group.names.length < groupMetricsMin).flatMap((group) => group.names);
    const large = groups.filter((group) => group.names.length >= groupMetricsMin);
    return rest.length > 0 ? [{ family: "", names: rest }, ...large] : large;
}

const template = `
<div class="page server">
    <header class="server-head">
        <div class="server-title">
            <p class="crumb"><a :href="href(['fleet'])">Fleet</a><span aria-hidden="true"> / </span>
                <span class="crumb-label">{{ label }}</span></p>
            <h1>{{ id }}</h1>
        </div>
        <div class="segments" role="group" aria-label="Time window">
            <button v-for="(each, key) in spans" :key="key" type="button" :aria-pressed="spanKey === key"
                @click="choose(key)">{{ each.name }}</button>
        </div>
        <dl class="facts" v-if="summary">
            <div><dt>Status</dt><dd><StatusMark :status="status" /></dd></div>
            <div><dt>Last push</dt><dd>{{ formatAge(age) }}</dd></div>
            <div v-if="uptime"><dt>Uptime</dt><dd>{{ uptime }}</dd></div>
            <div><dt>Series</dt><dd>{{ formatCount(summary.series) }}</dd></div>
            <div v-if="system" class="facts-system"><dt>System</dt><dd>{{ system }}</dd></div>
        </dl>
    </header>
    <p v-if="isMissing && names.size === 0" class="notice notice-error" role="alert">
        No server with {{ label }} “{{ id }}” has pushed. <a :href="href(['fleet'])">Back to the fleet</a></p>
    <div v-else-if="!hasLoaded" class="cards" role="status" aria-label="Loading">
        <div v-for="n in 4" :key="n" class="card card-loading"></div></div>
    <template v-else>
        <h2 class="visually-hidden" v-if="known.length > 0">Overview</h2>
        <div class="cards" v-if="known.length > 0">
            <LiveCard v-for="card in known" :key="card.id" :card="card" :span="span.span" :step="span.step" />
        </div>
        <section v-if="others.length > 0" class="others" aria-labelledby="others-title">
            <div class="others-head">
                <h2 id="others-title">{{ known.length > 0 ? "All other metrics" : "Metrics" }} <small>{{ formatCount(others.length) }}</small></h2>
                <label class="search"><span class="visually-hidden">Filter metrics</span>
                    <input type="search" v-model="filter" placeholder="Filter metrics" autocomplete="off"
                        spellcheck="false" data-slash>
                        <kbd aria-hidden="true">/</kbd></label>
            </div>
            <template v-for="group in groups" :key="group.family">
                <h3 class="family"
                    v-if="group.family">{{ group.family }}<span>_*</span> <small>{{ group.names.length }}</small></h3>
                <div class="cards cards-small">
                    <LiveCard v-for="card in group.cards" :key="card.id" :card="card" :span="span.span"
                        :step="span.step" :isSmall="true" />
                </div>
            </template>
            <p v-if="groups.length === 0" class="nothing" role="status">No metric's name contains “{{ filter }}”.</p>
        </section>
        <p v-if="names.size === 0" class="nothing" role="status">Nothing was pushed by this server in the last hour.</p>
    </template>
</div>`;

export const ServerView = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "ServerView",
    components: { LiveCard, StatusMark },
    props: { label: { type: String, required: true }, id: { type: String, required: true } },
    template,
    setup(props) {
        const where = { [props.label]: props.id };
        const spanKey = ref(route.parameters.window in spans ? route.parameters.window : "5m");
        const span = computed(() => spans[spanKey.value]);
        const filter = ref("");
        const { summary, isMissing, age, status, clock } = useSummary(props);
        const { names, hasLoaded, metadata } = useMetricNames(props);
        /** @param {string} key */
        const choose = (key) => {
            spanKey.value = key;
            remember(["server", props.label, props.id], { window: key }, "replace");
        };
        // A card is kept while what defines it stays, so that its chart is.
        /** @type {Map<string, import("./server-cards.js").Card>} */
        const kept = new Map();
        /** @param {string} name */
        const cardOf = (name) => {
            const entry = metadata.value[name];
            const key = JSON.stringify([name, span.value.step, entry?.type, entry?.unit]);
            const card = kept.get(key) ?? metricCard(name, where, entry, span.value.step);
            kept.set(key, card);
            return card;
        };
        const known = computed(() => [
            ...pushedNames.filter((name) => names.value.has(name)).map(cardOf),
            ...nodeCards(names.value, where, span.value.step),
        ]);
        const others = computed(() => [...names.value].filter(isOther));
        const groups = computed(() => {
            const wanted = filter.value.trim().toLowerCase();
            const matching = others.value.filter((name) => name.toLowerCase().includes(wanted));
            return grouped(matching).map((group) => ({ ...group, cards: group.names.map(cardOf) }));
        });
        watch(span, () => kept.clear(), { flush: "sync" });
        return {
            ...useFacts(props, clock), summary, isMissing, age, status, names, hasLoaded, spans, spanKey, span, choose,
            filter, known, others, groups, href, formatAge, formatCount,
        };
    },
}));
