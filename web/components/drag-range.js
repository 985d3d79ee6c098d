// Selecting a time range by dragging across a chart, with a mouse or a pen; fingers scroll the page.

const pixelsMin = 6;

/**
 * @param {HTMLElement} element that the chart is drawn in
 * @param {(pixels: number) => number} timeAt Unix milliseconds at so many pixels from the element's left edge
 * @param {(start: number, end: number) => void} select Unix milliseconds
 */
export function listenForDrag(element, timeAt, select) {
    /** @type {{from: number, band: HTMLElement} | null} */
    let drag = null;
    const offset = (/** @type {PointerEvent} */ event) => {
        const { left, width } = element.getBoundingClientRect();
        return Math.min(Math.max(0, event.clientX - left), width);
    };
    const end = () => {
        drag?.band.remove();
        drag = null;
    };
    element.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") return;
        element.setPointerCapture(event.pointerId);
        const band = document.createElement("div");
        band.className = "drag-band";
        drag = { from: offset(event), band };
        element.append(band);
    });
    element.addEventListener("pointermove", (event) => {
        if (!drag) return;
        const to = offset(event);
        drag.band.style.left = `${Math.min(drag.from, to)}px`;
        drag.band.style.width = `${Math.abs(to - drag.from)}px`;
    });
    element.addEventListener("pointerup", (event) => {
        const from = drag?.from ?? 0;
        const to = offset(event);
        const isSelection = drag !== null && Math.abs(to - from) >= pixelsMin;
        end();
        if (isSelection) select(timeAt(Math.min(from, to)), timeAt(Math.max(from, to)));
    });
    element.addEventListener("pointercancel", end);
}
