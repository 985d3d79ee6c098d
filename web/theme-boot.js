// Runs before the first paint, so that no theme flashes that is not wanted. theme.js keeps it up from then on.
(() => {
    const stored = window.localStorage.getItem("murmuration.theme");
    const isDark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = stored ?? (isDark ? "dark" : "light");
})();
