// All slots of the ring, a cell each: how their copies stand as shape and colour, or whose they are. It is a slider over the slots' numbers, so
// that keys walk through it and a screen reader says what a cell shows.

import { computed, defineComponent, onBeforeUnmount, onMounted, ref, watch } from "vue";
import { formatCount } from "../format.js";
import { colour, seriesColour, themeVersion } from "../theme.js";

/** @typedef {{ring: Ring, mode: "copies" | "owner", only: string}} Props */

/** @type {Record<SlotState, {name: string, meaning: string, colour: string}>} */
export const slotMeaning = {
    full: { name: "all copies", meaning: "every copy is whole", colour: "live" },
    moving: { name: "on its way", meaning: "a copy is being made; another is whole", colour: "accent" },
    fewer: { name: "a copy less", meaning: "one copy is whole, another is missing or not whole now", colour: "late" },
    united: { name: "united", meaning: "no single copy is known to be whole; answers unite what members have", colour: "silent" },
    silent: { name: "out of reach", meaning: "nobody who should have it answers", colour: "ink" },
};
/** @type {Record<string, string>} what a node's letter says of it */
const letterWords = {
    ".": "has nothing of it", r: "is about to copy it", c: "copies it", a: "has copied it", h: "holds it, not whole now",
    w: "has it whole", s: "has samples for another",
};
const heightMax = 460;
const cellMax = 24;

/**
 * The shape that a state has in a square of the size 1: x, y, width, height of what is filled.
 * @param {SlotState} state
 * @returns {[number, number, number, number][]}
 */
export function shapeOf(state) {
    switch (state) {
    case "full": return [[0, 0, 1, 1]];
    case "moving": return [[0, 0, 0.5, 1]];
    case "fewer": return [[0, 0.5, 1, 0.5]];
    case "united": return [[0, 0, 1, 0.25], [0, 0.75, 1, 0.25], [0, 0, 0.25, 1], [0.75, 0, 0.25, 1]];
    case "silent": return [[0.3, 0.3, 0.4, 0.4]];
    }
}

/**
 * The largest cells with which all fit; whole device pixels, so that they are sharp.
 * @param {number} width
 * @param {number} slots
 */
function layout(width, slots) {
    const ratio = window.devicePixelRatio;
    let cell = Math.round(cellMax * ratio);
    while (cell > 1 && Math.ceil(slots / Math.floor(width * ratio / cell)) * cell > heightMax * ratio) cell -= 1;
    const columns = Math.max(1, Math.floor(width * ratio / cell));
    return { columns, pitch: cell / ratio, rows: Math.ceil(slots / columns), ratio };
}

/**
 * Draws all cells of one colour at a time: a change of colour costs more than a cell.
 * @param {HTMLCanvasElement} canvas
 * @param {Props} props
 * @param {number} width
 */
function draw(canvas, props, width) {
    const { ring, mode, only } = props;
    const { columns, pitch, rows, ratio } = layout(width, ring.slots);
    canvas.width = Math.round(columns * pitch * ratio);
    canvas.height = Math.round(rows * pitch * ratio);
    canvas.style.width = `${canvas.width / ratio}px`;
    canvas.style.height = `${canvas.height / ratio}px`;
    const context = canvas.getContext("2d");
    if (!context) return;
    const cell = pitch * ratio;
    const gap = cell >= 4 ? 1 : 0;
    const chosen = ring.nodes.find(({ name }) => name === only);
    const firsts = ring.nodes.filter(({ isInRing }) => isInRing);
    const palette = new Map(ring.nodes.map(({ name }, index) => [name, seriesColour(index)]));
    /** @type {Map<string, number[]>} */
    const byPaint = new Map();
    for (let slot = 0; slot < ring.slots; slot += 1) {
        const first = mode === "owner" ? firsts.find(({ owns }) => owns[slot] === "a") : undefined;
        const paint = mode === "owner" ? palette.get(first?.name ?? "") ?? "" : colour(slotMeaning[ring.states[slot]].colour);
        // Colours repeat, and neighbours among them are alike: of the first owners the chosen one alone stands out.
        const isFaint = chosen !== undefined && (mode === "owner" ? first !== chosen : (chosen.owns[slot] ?? ".") === ".");
        const key = `${isFaint ? "0.12" : "1"} ${paint}`;
        const slots = byPaint.get(key);
        if (slots) slots.push(slot);
        else byPaint.set(key, [slot]);
    }
    for (const [key, slots] of byPaint) {
        const space = key.indexOf(" ");
        context.globalAlpha = Number(key.slice(0, space));
        context.fillStyle = key.slice(space + 1);
        for (const slot of slots) {
            const left = (slot % columns) * cell;
            const top = Math.floor(slot / columns) * cell;
            for (const [x, y, wide, high] of shapeOf(ring.states[slot])) {
                const size = cell - gap;
                context.fillRect(left + x * size, top + y * size, Math.max(1, wide * size), Math.max(1, high * size));
            }
        }
    }
}

/**
 * A slot in words: who owns it, who has it.
 * @param {Ring} ring
 * @param {number} slot
 */
export function describe(ring, slot) {
    const owners = ring.nodes.filter(({ owns }) => (owns[slot] ?? ".") !== ".")
        .sort((a, b) => a.owns[slot] < b.owns[slot] ? -1 : 1);
    const others = ring.nodes.filter(({ owns, states }) => (owns[slot] ?? ".") === "." && "wha".includes(states[slot] ?? "-"));
    const words = owners.map(({ name, states }) => {
        return `${name} ${states === "" ? "does not answer" : letterWords[states[slot]] ?? "has it"}`;
    });
    words.push(...others.map(({ name }) => `${name} gives it away`));
    return `Slot ${formatCount(slot)}: ${slotMeaning[ring.states[slot]].meaning}. ${words.join(", ")}.`;
}

const template = `
<div class="slots-frame" ref="frame">
    <div class="slots-slider" role="slider" tabindex="0" ref="slider" aria-label="Slot" aria-orientation="horizontal"
        :aria-valuemin="0" :aria-valuemax="ring.slots - 1" :aria-valuenow="picked" :aria-valuetext="words"
        aria-describedby="slots-keys" @keydown="walk" @focus="isFocused = true" @blur="isFocused = false"
        @pointermove="point" @pointerleave="hovered = -1" @pointerdown="point">
        <canvas ref="canvas"></canvas>
        <i class="slots-mark" v-if="isMarked" :style="mark" aria-hidden="true"></i>
    </div>
    <p class="slots-words" aria-hidden="true">{{ words }}</p>
    <p class="slots-keys" id="slots-keys">Arrow keys walk from slot to slot, N goes to the next that lacks a copy.</p>
</div>`;

export const SlotGrid = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "SlotGrid",
    props: { ring: { type: Object, required: true }, mode: { type: String, required: true }, only: { type: String, required: true } },
    template,
    setup(props) {
        const frame = ref(/** @type {HTMLElement | null} */ (null));
        const canvas = ref(/** @type {HTMLCanvasElement | null} */ (null));
        const width = ref(0);
        const chosen = ref(0);
        const hovered = ref(-1);
        const isFocused = ref(false);
        const picked = computed(() => Math.min(props.ring.slots - 1, hovered.value >= 0 ? hovered.value : chosen.value));
        const words = computed(() => describe(props.ring, picked.value));
        const isMarked = computed(() => width.value > 0 && (isFocused.value || hovered.value >= 0));
        const mark = computed(() => {
            const { columns, pitch } = layout(width.value, props.ring.slots);
            const [x, y] = [(picked.value % columns) * pitch, Math.floor(picked.value / columns) * pitch];
            return { left: `${x - 3}px`, top: `${y - 3}px`, width: `${pitch + 5}px`, height: `${pitch + 5}px` };
        });
        const observer = new ResizeObserver(([entry]) => { width.value = entry.contentRect.width; });
        onMounted(() => { if (frame.value) observer.observe(frame.value); });
        onBeforeUnmount(() => observer.disconnect());
        watch(() => [props.ring, props.mode, props.only, width.value, themeVersion.value], () => {
            if (canvas.value && width.value > 0) draw(canvas.value, props, width.value);
        }, { flush: "post" });
        /** @param {PointerEvent} event */
        const point = (event) => {
            const { columns, pitch, rows } = layout(width.value, props.ring.slots);
            const [column, row] = [Math.floor(event.offsetX / pitch), Math.floor(event.offsetY / pitch)];
            const slot = row * columns + column;
            const isInside = column >= 0 && column < columns && row >= 0 && row < rows && slot < props.ring.slots;
            hovered.value = isInside ? slot : -1;
            if (isInside) chosen.value = slot;
        };
        /** @param {KeyboardEvent} event */
        const walk = (event) => {
            const { columns } = layout(width.value, props.ring.slots);
            const last = props.ring.slots - 1;
            /** @type {Record<string, number>} */
            const steps = {
                ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: 8 * columns, PageUp: -8 * columns,
                Home: -last, End: last,
            };
            if (event.ctrlKey || event.metaKey || event.altKey) return;
            if (event.key === "n" || event.key === "N") {
                const states = [...props.ring.states.slice(chosen.value + 1), ...props.ring.states.slice(0, chosen.value + 1)];
                const next = states.findIndex((state) => state !== "full");
                if (next >= 0) chosen.value = (chosen.value + 1 + next) % props.ring.slots;
            } else if (event.key in steps) {
                chosen.value = Math.max(0, Math.min(last, chosen.value + steps[event.key]));
            } else {
                return;
            }
            event.preventDefault();
            hovered.value = -1;
        };
        return { frame, canvas, hovered, isFocused, picked, words, isMarked, mark, point, walk };
    },
}));
