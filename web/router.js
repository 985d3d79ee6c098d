// Routes live in the address's hash: #/fleet, #/server/LABEL/ID, #/explore?q=…. Any file server can host them.

import { reactive } from "vue";

/** @typedef {{view: string, segments: string[], parameters: Record<string, string>}} Route */

/** @returns {Route} */
function parse() {
    const [path, query] = window.location.hash.replace(/^#\/?/, "").split("?", 2);
    const [view, ...segments] = path.split("/").map(decode);
    return { view: view || "fleet", segments, parameters: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

/** @param {string} text */
function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** Where the page is. */
export const route = reactive(parse());

window.addEventListener("hashchange", () => Object.assign(route, parse()));

/**
 * @param {string[]} path view and segments, not yet encoded
 * @param {Record<string, string>} [parameters]
 */
export function href(path, parameters) {
    const query = new URLSearchParams(parameters ?? {}).toString();
    return `#/${path.map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

/**
 * Puts the state of a view into the address, so that the address can be shared.
 * @param {string[]} path
 * @param {Record<string, string>} parameters
 * @param {"push" | "replace"} how a pushed one can be gone back from
 */
export function remember(path, parameters, how) {
    const target = href(path, parameters);
    if (target === window.location.hash) return;
    if (how === "push") window.history.pushState(null, "", target);
    else window.history.replaceState(null, "", target);
    Object.assign(route, parse());
}
