// The theme: what the system prefers, unless the user chose otherwise; and the colours that canvases need to know.

import { ref } from "vue";

const storageKey = "murmuration.theme";
const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");

/** "auto" follows the system. */
export const themeChoice = ref(readChoice());
/** Grows whenever the colours change; charts watch it. */
export const themeVersion = ref(0);

darkScheme.addEventListener("change", apply);

/** @returns {"auto" | "light" | "dark"} */
function readChoice() {
    const stored = window.localStorage.getItem(storageKey);
    return stored === "light" || stored === "dark" ? stored : "auto";
}

function apply() {
    const system = darkScheme.matches ? "dark" : "light";
    document.documentElement.dataset.theme = themeChoice.value === "auto" ? system : themeChoice.value;
    themeVersion.value += 1;
}

/** @param {"auto" | "light" | "dark"} choice */
export function chooseTheme(choice) {
    themeChoice.value = choice;
    if (choice === "auto") window.localStorage.removeItem(storageKey);
    else window.localStorage.setItem(storageKey, choice);
    apply();
}

/** How many colours the palette of series has. */
export const paletteSize = 8;

/**
 * A colour of the present theme, from the variables in styles/base.css.
 * @param {string} name without the leading dashes
 */
export function colour(name) {
    return window.getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * The colour of the n-th series, or the named variable.
 * @param {number | string} which
 */
export function seriesColour(which) {
    return colour(typeof which === "number" ? `series-${which % paletteSize + 1}` : which);
}
