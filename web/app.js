// The frame of the application: header, banner of the connection, and the view that the address names.

import { computed, createApp, defineComponent, ref, watch } from "vue";
import { tenant } from "./api.js";
import { useClock } from "./components/use-live.js";
import { formatClock } from "./format.js";
import { connection, open, reconnectNow } from "./live.js";
import { href, route } from "./router.js";
import { chooseTheme, themeChoice } from "./theme.js";
import { ClusterView } from "./views/cluster.js";
import { ExploreView } from "./views/explore.js";
import { FleetView } from "./views/fleet.js";
import { ServerView } from "./views/server.js";

/** A connection that comes back at once is not worth a banner. */
const bannerDelayMilliseconds = 400;
const themes = /** @type {const} */ (["auto", "light", "dark"]);

function useConnectionWords() {
    const now = useClock();
    const isDown = computed(() => connection.state === "lost" && now.value - connection.since > bannerDelayMilliseconds);
    const retry = computed(() => Math.max(0, Math.ceil((connection.retryAt - now.value) / 1000)));
    const asOf = computed(() => connection.lastFrame ? formatClock(connection.lastFrame) : "");
    const words = { idle: "starting", connecting: "connecting", open: "live", lost: "offline" };
    const word = computed(() => words[connection.state]);
    return { isDown, retry, asOf, word };
}

/** Typing `/` anywhere outside a field goes to the search, or to the query on the explore view. */
function listenForSlash() {
    window.addEventListener("keydown", (event) => {
        const target = /** @type {HTMLElement} */ (event.target);
        const isCombined = event.ctrlKey || event.metaKey || event.altKey;
        if (event.key !== "/" || isCombined || target.closest("input, textarea, select")) return;
        const field = /** @type {HTMLElement | null} */ (document.querySelector("[data-slash]"));
        event.preventDefault();
        if (field) field.focus();
        else window.location.hash = href(["fleet"], { search: "" });
    });
}

/** Names the page after what it shows, for tabs, history and screen readers. */
/** Whether the address names a server; one cut short is answered by the fleet, where it can be found. */
function namesServer() {
    return route.view === "server" && route.segments.length === 2 && route.segments[0] !== "";
}

function titleOf() {
    if (namesServer()) return `${route.segments[1]} · Murmuration`;
    return `${{ explore: "Explore", cluster: "Cluster" }[route.view] ?? "Fleet"} · Murmuration`;
}

const App = defineComponent(/** @type {import("vue").ComponentOptions<{}>} */ ({
    name: "App",
    components: { ClusterView, FleetView, ServerView, ExploreView },
    template: `
        <a class="skip-link" href="#content" @click.prevent="skip">Skip to content</a>
        <header class="masthead">
            <a class="brand" :href="href(['fleet'])" aria-label="Murmuration, fleet">
                <svg viewBox="0 0 32 32" aria-hidden="true"><use href="#mark" /></svg><span>murmuration</span>
            </a>
            <nav aria-label="Views">
                <a :href="href(['fleet'])" :aria-current="['explore', 'cluster'].includes(route.view) ? undefined : 'page'">Fleet</a>
                <a :href="href(['explore'])" :aria-current="route.view === 'explore' ? 'page' : undefined">Explore</a>
                <a :href="href(['cluster'])" :aria-current="route.view === 'cluster' ? 'page' : undefined">Cluster</a>
            </nav>
            <span class="masthead-space"></span>
            <span v-if="tenant" class="tenant" title="Tenant">{{ tenant }}</span>
            <span class="pulse" :class="'pulse-' + connection.state"
                role="status"><i aria-hidden="true"></i>{{ word }}</span>
            <button type="button" class="theme" @click="nextTheme" :aria-label="'Theme: ' + themeChoice + '. Change'"
                :title="'Theme: ' + themeChoice">
                <svg viewBox="0 0 16 16" aria-hidden="true">
                    <circle cx="8" cy="8" r="6.250" fill="none" stroke="currentColor" stroke-width="1.5" />
                    <path v-if="themeChoice === 'auto'" d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
                    <circle v-else-if="themeChoice === 'dark'" cx="8" cy="8" r="6" fill="currentColor" />
                    <circle v-else cx="8" cy="8" r="2.2" fill="currentColor" />
                </svg>
            </button>
        </header>
        <div v-if="isDown" class="banner" role="alert">
            <p><strong>The server does not answer.</strong>
                <span v-if="asOf"> What you see is from {{ asOf }}.</span>
                <span class="banner-retry">{{ " " }}{{ retry > 0 ? "Trying again in " + retry + " s." : "Trying again…" }}</span></p>
            <button type="button" class="button" @click="reconnectNow">Try now</button>
        </div>
        <main id="content" tabindex="-1" ref="content">
            <ExploreView v-if="route.view === 'explore'" />
            <ClusterView v-else-if="route.view === 'cluster'" />
            <ServerView v-else-if="isServer" :key="route.segments.join('/')" :label="route.segments[0]"
                :id="route.segments[1]" />
            <FleetView v-else />
        </main>
        <svg class="visually-hidden" aria-hidden="true"><symbol id="mark" viewBox="0 0 32 32">
            <path d="M2 13c3.2-1.6 6-1.3 8 .8 1.6-2.7 4.4-4.2 8.4-4.3-2.7 1.7-4.5 4-5.3 7.100C9.9 15.7 6.3 14.5 2 13zM15.5 21c2.5-1.3 4.7-1 6.3.6 1.3-2.1 3.5-3.3 6.7-3.4-2.2 1.4-3.6 3.2-4.2 5.6-2.5-.7-5.4-1.7-8.8-2.800zM20.5 6.500c1.5-.8 2.8-.6 3.8.4.8-1.3 2.1-2 4-2-1.3.8-2.1 1.9-2.5 3.3-1.5-.4-3.3-1-5.3-1.700zM6 23.500c1.5-.8 2.8-.6 3.8.4.8-1.3 2.1-2 4-2-1.3.8-2.1 1.9-2.5 3.3-1.5-.4-3.3-1-5.3-1.700z" /></symbol></svg>`,
    setup() {
        const isServer = computed(namesServer);
        const content = ref(/** @type {HTMLElement | null} */ (null));
        const skip = () => content.value?.focus();
        const nextTheme = () => chooseTheme(themes[(themes.indexOf(themeChoice.value) + 1) % themes.length]);
        watch(() => [route.view, ...route.segments].join("/"), () => {
            document.title = titleOf();
            window.scrollTo(0, 0);
        }, { immediate: true });
        listenForSlash();
        open();
        return { content, isServer, skip, nextTheme, route, href, tenant, connection, reconnectNow, themeChoice, ...useConnectionWords() };
    },
}));

createApp(App).mount("#app");
