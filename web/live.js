// The browser's side of docs/live.md: one WebSocket for the whole page, shared by every subscription.
// Equal subscriptions are one on the wire. A lost connection is replaced with back-off and asks for its history again.

import { reactive } from "vue";
import { parsePoint, parseValue, serverNow, tenant } from "./api.js";
import { SeriesWindow } from "./window.js";

const backoffMillisecondsMin = 500;
const backoffMillisecondsMax = 10_000;
const silenceMillisecondsMin = 5000;
/** A subscription that the server ended or refused for a passing reason is asked for again after this. */
const resubscribeMilliseconds = 3000;

/** @typedef {{query: string, step: number, history: number}} LiveQuery seconds */
/** @typedef {{update: (window: SeriesWindow) => void, fail?: (failure: Failure) => void}} Listener */
/** @typedef {{id: string, key: number, request: LiveQuery, window: SeriesWindow, listeners: Set<Listener>,
 *   failure: Failure | null, hasSnapshot: boolean, timer: number}} Subscription */

/** What the pages show of the connection. `since` and `retryAt` are browser times in milliseconds. */
export const connection = reactive({
    state: /** @type {"idle" | "connecting" | "open" | "lost"} */ ("idle"),
    since: 0,
    retryAt: 0,
    lastFrame: 0,
});

/** @type {Map<string, Subscription>} by query, step and history */
const subscriptions = new Map();
/** @type {Map<string, Subscription>} */
const byId = new Map();
/** @type {Map<number, Set<Subscription>>} */
const byKey = new Map();

/** @type {WebSocket | null} */
let socket = null;
let attempts = 0;
let reconnectTimer = 0;
let silenceTimer = 0;
let idCount = 0;

/**
 * Subscribes to an expression. `update` is called upon every frame, at once when data is already here.
 * @param {LiveQuery} request
 * @param {Listener} listener
 * @returns {() => void} ends this subscription; the last of equal ones ends it on the server
 */
export function subscribe(request, listener) {
    const name = JSON.stringify([request.query, request.step, request.history]);
    let subscription = subscriptions.get(name);
    if (!subscription) {
        subscription = {
            id: "", key: -1, request, window: new SeriesWindow(request.step * 1000, request.history * 1000),
            listeners: new Set(), failure: null, hasSnapshot: false, timer: 0,
        };
        subscriptions.set(name, subscription);
        ask(subscription);
    }
    const current = subscription;
    current.listeners.add(listener);
    if (current.hasSnapshot) listener.update(current.window);
    if (current.failure) listener.fail?.(current.failure);
    return () => {
        if (!current.listeners.delete(listener) || current.listeners.size > 0) return;
        subscriptions.delete(name);
        window.clearTimeout(current.timer);
        if (current.id) send({ type: "unsubscribe", id: current.id });
        forget(current);
    };
}

/** Opens the connection before anybody subscribes, so that every page knows whether the server is there. */
export function open() {
    if (!socket) connect();
}

/**
 * The server's time of what is on screen, Unix seconds. It stands still while the server does not answer: nothing is
 * known of what goes on.
 */
export function observedNow() {
    return connection.state === "lost" ? serverNow() - (Date.now() - connection.since) / 1000 : serverNow();
}

/** Tries to connect now instead of when the back-off says. */
export function reconnectNow() {
    if (connection.state === "lost" && !socket) connect();
}

/** @param {Subscription} subscription */
function ask(subscription) {
    forget(subscription);
    if (!socket) {
        // When the connection is lost the back-off says when to try again; it asks for everything then.
        if (connection.state !== "lost") connect();
        return;
    }
    if (socket.readyState !== WebSocket.OPEN) return;
    idCount += 1;
    subscription.id = `s${idCount}`;
    byId.set(subscription.id, subscription);
    send({ type: "subscribe", id: subscription.id, ...subscription.request });
    watchSilence();
}

/** @param {Subscription} subscription */
function forget(subscription) {
    byId.delete(subscription.id);
    const sharers = byKey.get(subscription.key);
    sharers?.delete(subscription);
    if (sharers?.size === 0) byKey.delete(subscription.key);
    subscription.id = "";
    subscription.key = -1;
}

/** @param {object} message */
function send(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function connect() {
    window.clearTimeout(reconnectTimer);
    if (connection.state !== "lost") connection.state = "connecting";
    const address = new URL("api/v1/live", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = "";
    address.search = tenant ? `?tenant=${encodeURIComponent(tenant)}` : "";
    const opened = new WebSocket(address);
    socket = opened;
    opened.onopen = () => {
        if (socket !== opened) return opened.close();
        attempts = 0;
        connection.state = "open";
        connection.since = Date.now();
        for (const subscription of subscriptions.values()) ask(subscription);
        watchSilence();
    };
    opened.onmessage = (event) => {
        if (socket !== opened) return;
        watchSilence();
        receive(JSON.parse(event.data));
    };
    opened.onclose = () => {
        if (socket === opened) lose();
    };
}

function lose() {
    window.clearTimeout(silenceTimer);
    socket = null;
    byId.clear();
    byKey.clear();
    if (connection.state !== "lost") connection.since = Date.now();
    connection.state = "lost";
    const ceiling = Math.min(backoffMillisecondsMax, backoffMillisecondsMin * 2 ** attempts);
    // Jitter, so that a fleet of open pages does not come back in one instant.
    const delay = ceiling * (0.7 + 0.3 * Math.random());
    attempts += 1;
    connection.retryAt = Date.now() + delay;
    reconnectTimer = window.setTimeout(connect, delay);
}

/** A connection can die without a word; a stream that is silent for too long is given up. */
function watchSilence() {
    window.clearTimeout(silenceTimer);
    if (subscriptions.size === 0) return;
    const smallest = Math.min(...[...subscriptions.values()].map(({ request }) => request.step));
    silenceTimer = window.setTimeout(() => {
        if (subscriptions.size === 0) return;
        const stale = socket;
        lose();
        stale?.close();
    }, silenceMillisecondsMin + 3000 * smallest);
}

/** @param {LiveMessage} message */
function receive(message) {
    switch (message.type) {
    case "subscribed":
        return start(message);
    case "data":
        return advance(message);
    case "error":
        return fail(message);
    case "dropped":
        // Spread out: asking for all of the past at once is what a slow connection can bear least.
        for (const subscription of [...byKey.get(message.key) ?? []]) {
            renew(subscription, resubscribeMilliseconds * (1 + 3 * Math.random()));
        }
        return;
    case "end":
        for (const subscription of concerned(message)) renew(subscription, resubscribeMilliseconds);
    }
}

/** @param {Extract<LiveMessage, {type: "subscribed"}>} message */
function start(message) {
    const subscription = byId.get(message.id);
    if (!subscription) return;
    subscription.key = message.key;
    const sharers = byKey.get(message.key) ?? new Set();
    byKey.set(message.key, sharers.add(subscription));
    connection.lastFrame = serverNow() * 1000;
    subscription.window.restart(message, parsePoint);
    subscription.hasSnapshot = true;
    subscription.failure = null;
    notify(subscription);
}

/** @param {Extract<LiveMessage, {type: "data"}>} message */
function advance(message) {
    connection.lastFrame = serverNow() * 1000;
    for (const subscription of [...byKey.get(message.key) ?? []]) {
        if (!subscription.window.advance(message, parseValue)) renew(subscription, 0);
        else notify(subscription);
    }
}

/** @param {Extract<LiveMessage, {type: "error"}>} message */
function fail(message) {
    const { position } = message;
    const place = position ?? { offset: -1, length: 0 };
    const failure = { type: message.errorType, message: message.error, ...place };
    for (const subscription of concerned(message)) {
        subscription.failure = failure;
        for (const listener of subscription.listeners) listener.fail?.(failure);
        const isLasting = message.errorType === "bad_data" || message.errorType === "execution";
        if (message.id !== undefined && !isLasting) renew(subscription, resubscribeMilliseconds);
    }
}

/**
 * @param {{id?: string, key?: number}} message
 * @returns {Subscription[]}
 */
function concerned(message) {
    if (message.key !== undefined) return [...byKey.get(message.key) ?? []];
    const subscription = byId.get(message.id ?? "");
    return subscription ? [subscription] : [];
}

/**
 * @param {Subscription} subscription
 * @param {number} delay milliseconds
 */
function renew(subscription, delay) {
    if (subscription.id) send({ type: "unsubscribe", id: subscription.id });
    forget(subscription);
    window.clearTimeout(subscription.timer);
    subscription.timer = window.setTimeout(() => ask(subscription), delay);
}

/** @param {Subscription} subscription */
function notify(subscription) {
    for (const listener of subscription.listeners) listener.update(subscription.window);
}
