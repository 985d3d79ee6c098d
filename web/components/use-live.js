// Ties subscriptions and observers to the life of a component, so that leaving a page leaves nothing running.

import { onBeforeUnmount, onMounted, ref, watch } from "vue";
import { subscribe } from "../live.js";

/** @typedef {import("../live.js").LiveQuery} LiveQuery */
/** @typedef {import("../window.js").SeriesWindow} SeriesWindow */

/** The messages of one tick come within so many milliseconds; drawn together they cost one layout and one paint. */
const gatherMilliseconds = 40;
/** @type {Set<() => void>} */
const gathered = new Set();
let isGathering = false;

/** @param {() => void} draw runs with all others of the same tick, in one frame; a hidden page has none, and needs none */
function drawSoon(draw) {
    gathered.add(draw);
    if (isGathering) return;
    isGathering = true;
    window.setTimeout(() => window.requestAnimationFrame(() => {
        isGathering = false;
        const due = [...gathered];
        gathered.clear();
        for (const each of due) each();
    }), gatherMilliseconds);
}

/**
 * Keeps a set of named subscriptions. When `requests` yields others, what stayed equal is kept.
 * `update` runs once a tick, however many messages came, with the windows that have data.
 * @param {() => Record<string, LiveQuery>} requests
 * @param {(windows: Record<string, SeriesWindow>) => void} update
 * @param {(failure: Failure) => void} [fail]
 */
export function useLive(requests, update, fail) {
    /** @type {Map<string, {request: string, end: () => void}>} */
    const running = new Map();
    /** @type {Record<string, SeriesWindow>} */
    const windows = {};
    const draw = () => update(windows);
    /** @param {Record<string, LiveQuery>} wanted */
    const apply = (wanted) => {
        for (const [name, { request, end }] of running) {
            if (name in wanted && JSON.stringify(wanted[name]) === request) continue;
            end();
            running.delete(name);
            if (!(name in wanted)) delete windows[name];
        }
        for (const [name, request] of Object.entries(wanted)) {
            if (running.has(name)) continue;
            const end = subscribe(request, { update: (each) => { windows[name] = each; drawSoon(draw); }, fail });
            running.set(name, { request: JSON.stringify(request), end });
        }
    };
    watch(requests, apply, { immediate: true });
    onBeforeUnmount(() => {
        apply({});
        gathered.delete(draw);
    });
}

/**
 * Whether an element is on screen or nearly so; what is not needs no data.
 * @param {import("vue").Ref<HTMLElement | null>} element
 */
export function useVisible(element) {
    const isVisible = ref(false);
    const observer = new IntersectionObserver((entries) => {
        isVisible.value = entries[entries.length - 1].isIntersecting;
    }, { rootMargin: "200px" });
    onMounted(() => { if (element.value) observer.observe(element.value); });
    onBeforeUnmount(() => observer.disconnect());
    return isVisible;
}

/**
 * Runs `action` now and then until the component goes. A slow action is never run twice at once.
 * @param {() => Promise<void>} action
 * @param {() => number} interval milliseconds until the next run
 * @returns {() => void} runs it now
 */
export function usePolling(action, interval) {
    let timer = 0;
    let isRunning = false;
    let isMounted = true;
    const run = async () => {
        window.clearTimeout(timer);
        if (isRunning) return;
        isRunning = true;
        await action();
        isRunning = false;
        if (isMounted) timer = window.setTimeout(run, interval());
    };
    onMounted(run);
    onBeforeUnmount(() => {
        isMounted = false;
        window.clearTimeout(timer);
    });
    return run;
}

/** The browser's clock, ticking once a second, for ages. */
export function useClock() {
    const now = ref(Date.now());
    const timer = window.setInterval(() => { now.value = Date.now(); }, 1000);
    onBeforeUnmount(() => window.clearInterval(timer));
    return now;
}
