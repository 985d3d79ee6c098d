// The whole fleet as a flock: one bird a server. Size is its load, colour its status. The list below says the same in words.

import { defineComponent, onBeforeUnmount, onMounted, ref, watch } from "vue";
import { formatValue } from "../format.js";
import { href } from "../router.js";
import { colour, themeVersion } from "../theme.js";

/** @typedef {import("../views/fleet-data.js").Signals} Signals */
/** @typedef {ServerSummary & {key: string, status: Status}} Bird */
/** @typedef {{rows: Bird[], signals: Map<string, Signals>, chosen: Set<string> | null}} Props */

const pitchMin = 7;
const pitchMax = 18;
const heightMax = 96;

/**
 * The largest pitch at which all birds fit.
 * @param {number} width
 * @param {number} count
 */
function layout(width, count) {
    let pitch = pitchMax;
    while (pitch > pitchMin && Math.ceil(count / Math.floor(width / pitch)) * pitch > heightMax) pitch -= 1;
    const columns = Math.max(1, Math.floor(width / pitch));
    return { pitch, columns, height: Math.ceil(count / columns) * pitch };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Props} props
 * @param {number} width
 * @param {string} hovered
 */
function draw(canvas, props, width, hovered) {
    const { pitch, columns, height } = layout(width, props.rows.length);
    const ratio = window.devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(ratio, ratio);
    const paint = { live: colour("live"), late: colour("late"), silent: colour("silent") };
    props.rows.forEach((row, index) => {
        const load = props.signals.get(row.key)?.cpu?.value ?? NaN;
        const share = Number.isFinite(load) ? Math.min(1, Math.max(0, load / 100)) : 0.15;
        const x = (index % columns + 0.5) * pitch;
        const y = (Math.floor(index / columns) + 0.5) * pitch;
        const radius = pitch * (0.14 + 0.3 * Math.sqrt(share));
        context.globalAlpha = props.chosen && !props.chosen.has(row.key) ? 0.15 : 1;
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.lineWidth = 1.500;
        context.strokeStyle = context.fillStyle = paint[row.status];
        if (row.status === "silent") context.stroke();
        else context.fill();
        if (row.key !== hovered) return;
        context.beginPath();
        context.arc(x, y, pitch * 0.5, 0, 2 * Math.PI);
        context.stroke();
    });
}

export const Flock = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "Flock",
    props: { rows: { type: Array, required: true }, signals: { type: Object, required: true }, chosen: Object },
    template: `
        <div class="flock" aria-hidden="true">
            <div ref="frame" class="flock-frame">
                <canvas ref="canvas" @pointermove="move" @pointerleave="hovered = null" @click="visit"></canvas></div>
            <p class="flock-word"><template v-if="hovered">{{ hovered.id }} · {{ hovered.status }}{{ loadOf(hovered) }}</template>
                <template v-else>one dot a server, its size the CPU</template></p>
        </div>`,
    setup(props) {
        const frame = ref(/** @type {HTMLElement | null} */ (null));
        const canvas = ref(/** @type {HTMLCanvasElement | null} */ (null));
        const hovered = ref(/** @type {Bird | null} */ (null));
        const width = ref(0);
        const observer = new ResizeObserver(([entry]) => { width.value = entry.contentRect.width; });
        onMounted(() => { if (frame.value) observer.observe(frame.value); });
        onBeforeUnmount(() => observer.disconnect());
        watch(() => [props.rows, props.signals, props.chosen, width.value, hovered.value, themeVersion.value], () => {
            if (canvas.value && width.value > 0) draw(canvas.value, props, width.value, hovered.value?.key ?? "");
        });
        /** @param {PointerEvent} event */
        const move = (event) => {
            const { pitch, columns } = layout(width.value, props.rows.length);
            const index = Math.floor(event.offsetY / pitch) * columns + Math.floor(event.offsetX / pitch);
            hovered.value = event.offsetX < columns * pitch ? props.rows[index] ?? null : null;
        };
        const visit = () => {
            if (hovered.value) window.location.hash = href(["server", hovered.value.label, hovered.value.id]);
        };
        /** @param {Bird} bird */
        const loadOf = (bird) => {
            const signal = props.signals.get(bird.key)?.cpu;
            return signal ? ` · CPU ${formatValue(signal.value, signal.unit)}` : "";
        };
        return { frame, canvas, hovered, move, visit, loadOf };
    },
}));
