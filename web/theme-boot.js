// Runs before the first paint, so that a remembered theme does not flash. theme.js owns the choice from then on.
(() => {
    const stored = window.localStorage.getItem("murmuration.theme");
    if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
