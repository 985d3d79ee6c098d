// The times that a query covers: a range that ends now, or two moments.

import { computed, defineComponent, ref } from "vue";
import { serverNow } from "../api.js";
import { formatMoment } from "../format.js";
import { parseDuration, ranges, toLocalField } from "../views/explore-state.js";

/** @typedef {import("../views/explore-state.js").Choice} Choice */
/** @typedef {{choice: Choice, step: number}} Props `step` is the one in use, seconds */

const template = `
<div class="time-range">
    <div class="segments" role="group" aria-label="Time range">
        <template v-if="!isInstant">
            <button v-for="(seconds, name) in ranges" :key="name" type="button" :aria-pressed="choice.range === name"
                @click="$emit('change', { range: name, start: 0, end: 0 })">{{ name }}</button></template>
        <button v-else type="button" :aria-pressed="choice.range !== ''"
            @click="$emit('change', { range: '1h', start: 0, end: 0 })">now</button>
        <button type="button" class="range-absolute" :aria-pressed="choice.range === ''" :aria-expanded="isOpen"
            :aria-controls="isOpen ? 'absolute' : undefined" @click="open">{{ absolute }}</button>
    </div>
    <label v-if="!isInstant" class="field">Step <input class="step" type="text" :value="choice.step"
        :placeholder="step + 's'" size="6" :aria-invalid="isStepWrong ? 'true' : undefined"
        @change="changeStep"></label>
    <form v-if="isOpen" id="absolute" class="absolute" @submit.prevent="apply">
        <label v-if="!isInstant" class="field">From <input type="datetime-local" step="1" v-model="from" required></label>
        <label class="field">{{ isInstant ? "At" : "to" }} <input type="datetime-local" step="1"
            v-model="to" required></label>
        <button type="submit" class="button">Apply</button>
        <span v-if="problem" class="field-problem" role="alert">{{ problem }}</span>
    </form>
</div>`;

export const TimeRange = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "TimeRange",
    props: { choice: { type: Object, required: true }, step: { type: Number, required: true } },
    emits: ["change"],
    template,
    setup(props, { emit }) {
        const isOpen = ref(false);
        const isInstant = computed(() => props.choice.mode === "instant");
        const isStepWrong = ref(false);
        const problem = ref("");
        const from = ref("");
        const to = ref("");
        const open = () => {
            isOpen.value = !isOpen.value;
            const now = Math.floor(serverNow());
            from.value = toLocalField(props.choice.start || now - (ranges[props.choice.range] ?? 3600));
            to.value = toLocalField(props.choice.end || now);
        };
        const apply = () => {
            const end = Date.parse(to.value) / 1000;
            const start = isInstant.value ? end - 3600 : Date.parse(from.value) / 1000;
            problem.value = start < end ? "" : "The end is not after the start.";
            if (problem.value) return;
            isOpen.value = false;
            emit("change", { range: "", start, end });
        };
        /** @param {Event} event */
        const changeStep = (event) => {
            const text = /** @type {HTMLInputElement} */ (event.target).value.trim();
            isStepWrong.value = text !== "" && !(parseDuration(text) > 0);
            if (!isStepWrong.value) emit("change", { step: text });
        };
        const absolute = computed(() => {
            const [start, end] = [props.choice.start, props.choice.end].map((seconds) => formatMoment(seconds * 1000));
            if (isInstant.value) return props.choice.range ? "at …" : end;
            return props.choice.range ? "from … to" : `${start.slice(5, 16)} – ${end.slice(5, 16)}`;
        });
        return { isOpen, isInstant, isStepWrong, problem, from, to, open, apply, changeStep, absolute, ranges };
    },
}));
