// The theme: what the system prefers, unless the user chose otherwise; and the colours that canvases need to know.

import { ref } from "vue";

const storageKey = "murmuration.theme";
const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");

/** "auto" follows the system. */
export const themeChoice = ref(/** @type {"auto" | "light" | "dark"} */ (document.documentElement.dataset.theme ?? "auto"));
/** Grows whenever the colours change; charts watch it. */
export const themeVersion = ref(0);

darkScheme.addEventListener("change", () => { themeVersion.value += 1; });

/** @param {"auto" | "light" | "dark"} choice */
export function chooseTheme(choice) {
    themeChoice.value = choice;
    if (choice === "auto") {
        delete document.documentElement.dataset.theme;
        window.localStorage.removeItem(storageKey);
    } else {
        document.documentElement.dataset.theme = choice;
        window.localStorage.setItem(storageKey, choice);
    }
    themeVersion.value += 1;
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
