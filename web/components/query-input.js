// The field for PromQL: a text area over its own coloured text, with completion and the place of an error underlined.

import { computed, defineComponent, nextTick, ref, shallowRef } from "vue";
import { tokenize } from "../promql.js";
import { offerAt } from "./completion.js";

/** @typedef {{modelValue: string, failure: Failure | null}} Props */
/** @typedef {import("./completion.js").Offer} Offer */
/** @typedef {{text: string, kind: string, isWrong: boolean}} Piece */

/**
 * The query in coloured pieces; a piece that an error begins or ends in is cut there.
 * @param {string} query
 * @param {Failure | null} failure
 * @returns {Piece[]}
 */
function pieces(query, failure) {
    const from = failure?.offset ?? -1;
    const to = from < 0 ? -1 : from + Math.max(1, failure?.length ?? 1);
    /** @type {Piece[]} */
    const all = [];
    for (const { text, kind, offset } of tokenize(query)) {
        const cuts = [from, to].map((place) => place - offset).filter((cut) => cut > 0 && cut < text.length);
        let start = 0;
        for (const cut of [...cuts, text.length]) {
            const at = offset + start;
            all.push({ text: text.slice(start, cut), kind, isWrong: from >= 0 && at >= from && at < to });
            start = cut;
        }
    }
    // An error at the end of the text has no character to stand under.
    if (from >= query.length) all.push({ text: " ", kind: "space", isWrong: true });
    return all;
}

/**
 * Where a character of the coloured text is drawn, relative to its box.
 * @param {HTMLElement} box
 * @param {number} offset
 */
function placeOf(box, offset) {
    const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    let left = offset;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const length = node.textContent?.length ?? 0;
        if (left <= length) {
            const range = document.createRange();
            range.setStart(node, left);
            range.collapse(true);
            const at = range.getBoundingClientRect();
            const frame = box.getBoundingClientRect();
            return { x: at.left - frame.left, y: at.bottom - frame.top };
        }
        left -= length;
    }
    return { x: 0, y: box.clientHeight };
}

/**
 * @param {Readonly<Props>} props
 * @param {(query: string) => void} update
 */
function useCompletion(props, update) {
    const field = ref(/** @type {HTMLTextAreaElement | null} */ (null));
    const coloured = ref(/** @type {HTMLElement | null} */ (null));
    const offer = shallowRef(/** @type {Offer | null} */ (null));
    const active = ref(-1);
    const place = ref({ x: 0, y: 0 });
    let round = 0;
    const close = () => {
        round += 1;
        offer.value = null;
        active.value = -1;
    };
    const look = async () => {
        const current = ++round;
        const area = field.value;
        if (!area) return;
        const found = await offerAt(area.value, area.selectionStart).catch(() => null);
        if (current !== round) return;
        offer.value = found;
        active.value = -1;
        if (found && coloured.value) place.value = placeOf(coloured.value, found.from);
    };
    /** @param {number} index */
    const accept = async (index) => {
        const area = field.value;
        const chosen = offer.value?.candidates[index];
        if (!area || !offer.value || !chosen) return;
        const { from, prefix } = offer.value;
        close();
        update(props.modelValue.slice(0, from) + chosen.insert + props.modelValue.slice(from + prefix.length));
        await nextTick();
        const caret = from + chosen.insert.length;
        area.focus();
        area.setSelectionRange(caret, caret);
    };
    /** @param {number} by */
    const move = (by) => {
        const length = offer.value?.candidates.length ?? 0;
        active.value = length === 0 ? -1 : (active.value + by + length + (active.value < 0 && by < 0 ? 1 : 0)) % length;
    };
    return { field, coloured, offer, active, place, close, look, accept, move };
}

const template = `
<div class="query-input" :class="{ 'has-failure': failure }">
    <label class="visually-hidden" for="query">PromQL query</label>
    <div class="query-box">
        <pre ref="coloured" class="query-colours" aria-hidden="true"><span v-for="(piece, index) in drawn" :key="index"
            :class="['token-' + piece.kind, { wrong: piece.isWrong }]">{{ piece.text }}</span>&#8203;</pre>
        <textarea id="query" ref="field" :value="modelValue" rows="1"
            spellcheck="false" autocomplete="off" autocapitalize="off" data-slash
            placeholder="PromQL, for example  rate(node_cpu_seconds_total[1m])" aria-autocomplete="list" aria-haspopup="listbox"
            :aria-controls="offer ? 'completions' : undefined" :aria-activedescendant="active >= 0 ? 'completion-' + active : undefined"
            :aria-invalid="failure ? 'true' : undefined" :aria-describedby="failure ? 'query-failure' : undefined"
            @input="type" @keydown="press" @blur="close" @click="close"></textarea>
        <ul v-if="offer" id="completions" class="completions" role="listbox" aria-label="Completions"
            :style="{ left: 'min(' + place.x + 'px, 100% - 18rem)', top: place.y + 'px' }">
            <li v-for="(each, index) in offer.candidates" :id="'completion-' + index" :key="each.kind + each.text"
                role="option" :aria-selected="index === active"
                @mousedown.prevent="accept(index)"><span>{{ each.text }}</span><small>{{ each.kind }}</small></li>
        </ul>
    </div>
    <p v-if="failure" id="query-failure" class="query-failure" role="alert">{{ failure.message }}</p>
</div>`;

export const QueryInput = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "QueryInput",
    props: { modelValue: { type: String, required: true }, failure: Object },
    emits: ["update:modelValue", "run"],
    template,
    setup(props, { emit }) {
        const completion = useCompletion(props, (query) => emit("update:modelValue", query));
        const { offer, active, accept, move, close, look } = completion;
        /** @param {Event} event */
        const type = async (event) => {
            emit("update:modelValue", /** @type {HTMLTextAreaElement} */ (event.target).value);
            await nextTick();
            look();
        };
        /** @param {KeyboardEvent} event */
        const press = (event) => {
            if (event.key === "Enter" && !event.shiftKey) {
                event.preventDefault();
                if (offer.value && active.value >= 0) {
                    accept(active.value);
                } else {
                    close();
                    emit("run");
                }
            } else if (event.key === " " && event.ctrlKey) {
                event.preventDefault();
                look();
            } else if (offer.value && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
                event.preventDefault();
                move(event.key === "ArrowDown" ? 1 : -1);
            } else if (event.key === "Tab" && active.value >= 0) {
                event.preventDefault();
                accept(active.value);
            } else if (event.key === "Escape") {
                close();
            }
        };
        return { ...completion, drawn: computed(() => pieces(props.modelValue, props.failure)), type, press };
    },
}));
