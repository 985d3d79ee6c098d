// All servers: how many there are, which still push, what each is doing right now.

import { computed, defineComponent, nextTick, onMounted, ref, shallowRef, watch } from "vue";
import { FirstSteps } from "../components/first-steps.js";
import { Flock } from "../components/flock.js";
import { Sparkline } from "../components/sparkline.js";
import { StatusMark, statusMeaning, statusOf } from "../components/status.js";
import { useClock } from "../components/use-live.js";
import { useVirtualRows } from "../components/virtual-rows.js";
import { formatAge, formatCount, formatValue } from "../format.js";
import { observedNow } from "../live.js";
import { href, remember, route } from "../router.js";
import { serverKey, useServers, useSignals } from "./fleet-data.js";

/** @typedef {import("./fleet-data.js").Signals} Signals */
/** @typedef {ServerSummary & {key: string, status: Status, age: number}} Row */

/** @type {{key: string, name: string, isText?: boolean}[]} */
const columns = [
    { key: "status", name: "Status", isText: true }, { key: "id", name: "Server", isText: true }, { key: "cpu", name: "CPU" },
    { key: "memory", name: "Memory" }, { key: "network", name: "Network" }, { key: "series", name: "Series" }, { key: "push", name: "Last push" },
];
const statuses = /** @type {Status[]} */ (["live", "late", "silent"]);
/** Rows may change places this often, so that one can be clicked. */
const sortMilliseconds = 3000;
/** Fewer than this are seen at a glance in the list itself. */
const flockServersMin = 12;
const collator = new Intl.Collator("en", { numeric: true });

/**
 * @param {Row} row
 * @param {string} column
 * @param {Map<string, Signals>} signals
 * @returns {number | string}
 */
function sortValue(row, column, signals) {
    switch (column) {
    case "status":
    case "push": return row.age;
    case "series": return row.series;
    case "id": return row.id;
    default: return signals.get(row.key)?.[/** @type {keyof Signals} */ (column)]?.value ?? -Infinity;
    }
}

/**
 * @param {Row[]} rows
 * @param {string} sort column, with a minus in front for descending
 * @param {Map<string, Signals>} signals
 */
function sorted(rows, sort, signals) {
    const column = sort.replace(/^-/, "");
    const direction = sort.startsWith("-") ? -1 : 1;
    const keyed = rows.map((row) => ({ row, value: sortValue(row, column, signals) }));
    keyed.sort((a, b) => {
        const order = typeof a.value === "string"
            ? collator.compare(a.value, String(b.value))
            : compareNumbers(a.value, Number(b.value), direction);
        return direction * order || collator.compare(a.row.id, b.row.id);
    });
    return keyed.map(({ row }) => row);
}

/**
 * Servers without a value come last, whichever the direction.
 * @param {number} a
 * @param {number} b
 * @param {number} direction
 */
function compareNumbers(a, b, direction) {
    const first = Number.isFinite(a);
    const second = Number.isFinite(b);
    if (first && second) return a - b;
    return first === second ? 0 : direction * (first ? -1 : 1);
}

/** Search, status and sort live in the address. */
function useChoices() {
    const search = ref(route.parameters.search ?? "");
    const status = ref(route.parameters.status ?? "");
    const sort = ref(route.parameters.sort ?? "id");
    watch(() => [search.value, status.value, sort.value].join("\n"), () => {
        /** @type {Record<string, string>} */
        const parameters = {};
        if (search.value) parameters.search = search.value;
        if (status.value) parameters.status = status.value;
        if (sort.value !== "id") parameters.sort = sort.value;
        remember(["fleet"], parameters, "replace");
    });
    /** @param {string} column */
    const sortBy = (column) => {
        const isNumber = !columns.find(({ key }) => key === column)?.isText && column !== "push";
        const first = isNumber ? `-${column}` : column;
        const second = isNumber ? column : `-${column}`;
        sort.value = sort.value === first ? second : first;
    };
    /** @param {string} column */
    const direction = (column) => {
        if (sort.value === column) return "ascending";
        return sort.value === `-${column}` ? "descending" : undefined;
    };
    return { search, status, sort, sortBy, direction };
}

/**
 * @param {() => ServerSummary[]} servers
 * @param {ReturnType<typeof useChoices>} choices
 * @param {() => Map<string, Signals>} signals
 */
function useRows(servers, choices, signals) {
    const clock = useClock();
    const all = computed(() => {
        // Read, so that ages grow while nothing is pushed.
        void clock.value;
        const now = observedNow();
        return servers().map((server) => {
            const age = Math.max(0, now - server.lastPush);
            return { ...server, key: serverKey(server), status: statusOf(age), age };
        });
    });
    const counts = computed(() => {
        const count = { live: 0, late: 0, silent: 0, series: 0 };
        for (const row of all.value) {
            count[row.status] += 1;
            count.series += row.series;
        }
        return count;
    });
    const matching = computed(() => {
        const wanted = choices.search.value.trim().toLowerCase();
        const status = choices.status.value;
        return all.value.filter((row) => (!status || row.status === status) && row.id.toLowerCase().includes(wanted));
    });
    const order = shallowRef({ signals: signals(), time: -sortMilliseconds });
    watch(signals, (newest) => {
        const time = performance.now();
        if (time - order.value.time > sortMilliseconds) order.value = { signals: newest, time };
    });
    const rows = computed(() => sorted(matching.value, choices.sort.value, order.value.signals));
    return { all, counts, rows };
}

/**
 * Arrow keys walk through the rows, from the search downwards.
 * @param {KeyboardEvent} event
 */
function walk(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const stops = [...document.querySelectorAll("#fleet-search, .fleet-row .server-link")];
    const next = stops[stops.indexOf(/** @type {Element} */ (event.target)) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!(next instanceof HTMLElement)) return;
    event.preventDefault();
    next.focus();
}

const template = `
<div class="page fleet" @keydown="walk">
    <div class="fleet-head">
        <h1>Fleet</h1>
        <div class="chips" role="group" aria-label="Filter by status">
            <button type="button" class="chip" :aria-pressed="status === ''"
                @click="status = ''"><b>{{ formatCount(isPartial ? total : all.length) }}</b> {{ all.length === 1 ? "server" : "servers" }}</button>
            <button v-for="each in statuses" :key="each" type="button" class="chip"
                :class="{ 'chip-none': counts[each] === 0 }" :aria-pressed="status === each"
                :title="statusMeaning[each]" @click="status = status === each ? '' : each">
                <b>{{ formatCount(counts[each]) }}</b> <StatusMark :status="each" /></button>
        </div>
        <span class="fleet-series"><b>{{ formatCount(counts.series) }}</b> series</span>
        <label class="search">
            <span class="visually-hidden">Search servers</span>
            <input id="fleet-search" type="search" v-model="search" placeholder="Search servers" autocomplete="off"
                spellcheck="false" data-slash>
            <kbd aria-hidden="true">/</kbd>
        </label>
    </div>
    <p v-if="isPartial" class="notice">Showing the first {{ formatCount(all.length) }} of {{ formatCount(total) }} servers. Search looks through all of them.</p>
    <p v-if="!hasLoaded && failure" class="notice notice-error" role="alert">
        The list of servers could not be fetched: {{ failure }}</p>
    <div v-else-if="!hasLoaded" class="skeleton" role="status" aria-label="Loading servers">
        <i v-for="n in 6" :key="n"></i></div>
    <FirstSteps v-else-if="all.length === 0 && !search" />
    <template v-else>
        <Flock v-if="all.length >= flockMin" :rows="all" :signals="signals" :chosen="chosen" />
        <div class="table" role="table" aria-label="Servers" :aria-rowcount="rows.length + 1">
            <div class="fleet-row fleet-labels" role="row">
                <span v-for="column in columns" :key="column.key" role="columnheader" :aria-sort="direction(column.key)"
                    :class="'cell-' + column.key">
                    <button type="button" @click="sortBy(column.key)">{{ column.name }}<i aria-hidden="true">{{
                        { ascending: "↑", descending: "↓" }[direction(column.key)] }}</i></button>
                </span>
            </div>
            <div ref="list" role="rowgroup" :style="{ height: rows.length * rowHeight + 'px', position: 'relative' }">
                <div v-for="row in visible" :key="row.key" class="fleet-row" role="row"
                    :style="{ transform: 'translateY(' + row.top + 'px)', height: rowHeight + 'px' }">
                    <span role="cell" class="cell-status"><StatusMark :status="row.status" /></span>
                    <span role="cell" class="cell-id">
                        <a class="server-link" :href="href(['server', row.label, row.id])">{{ row.id }}</a></span>
                    <span role="cell" class="cell-cpu">
                        <template v-if="row.cpu">
                            <Sparkline :points="row.cpu.points" :start="window.start" :end="window.end"
                                :max="row.cpu.unit.kind === 'percent' ? 25 : 0" label="CPU of the last minute" />
                            <b class="figure">{{ show(row.cpu) }}</b></template>
                        <span v-else class="none">–</span>
                    </span>
                    <span role="cell" class="cell-memory">
                        <template v-if="row.memory">
                            <span class="meter" aria-hidden="true" v-if="row.memory.unit.kind === 'percent'">
                                <i :style="{ width: Math.min(100, row.memory.value) + '%' }"
                                    :class="{ high: row.memory.value > 90 }"></i></span>
                            <b>{{ show(row.memory) }}</b></template>
                        <span v-else class="none">–</span></span>
                    <span role="cell" class="cell-network">
                        <template v-if="row.network">{{ show(row.network) }}</template>
                        <span v-else class="none">–</span></span>
                    <span role="cell" class="cell-series">{{ formatCount(row.series) }}</span>
                    <span role="cell" class="cell-push">{{ formatAge(row.age) }}</span>
                </div>
            </div>
        </div>
        <p v-if="rows.length === 0" class="nothing" role="status">
            No server matches{{ search ? " “" + search + "”" : "" }}{{ status ? " among the " + status + " ones" : "" }}.
            <button type="button" class="link" @click="search = ''; status = ''">Show all</button></p>
    </template>
</div>`;

export const FleetView = defineComponent(/** @type {import("vue").ComponentOptions<{}>} */ ({
    name: "FleetView",
    components: { FirstSteps, Flock, Sparkline, StatusMark },
    template,
    setup() {
        const choices = useChoices();
        const list = ref(/** @type {HTMLElement | null} */ (null));
        const data = useServers(() => choices.search.value.trim());
        const { signals, window } = useSignals(() => data.servers.value);
        const { all, counts, rows } = useRows(() => data.servers.value, choices, () => signals.value);
        const { range, rowHeight } = useVirtualRows(list, () => rows.value.length);
        const visible = computed(() => rows.value.slice(range.value.first, range.value.end).map((row, index) => {
            return { ...row, ...signals.value.get(row.key), top: (range.value.first + index) * rowHeight.value };
        }));
        const chosen = computed(() => {
            return rows.value.length === all.value.length ? null : new Set(rows.value.map((row) => row.key));
        });
        onMounted(async () => {
            await nextTick();
            if (route.parameters.search === "") document.getElementById("fleet-search")?.focus();
        });
        /** @param {import("./fleet-data.js").Signal} signal */
        const show = (signal) => formatValue(signal.value, signal.unit);
        return {
            ...choices, ...data, list, signals, window, all, counts, rows, visible, rowHeight, chosen, show, walk,
            columns, statuses, statusMeaning, flockMin: flockServersMin, href, formatAge, formatCount,
        };
    },
}));
