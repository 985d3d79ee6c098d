// Whether a server still pushes: a word, a shape and a colour, so that no one of them has to carry it alone.

import { defineComponent } from "vue";

const lateSeconds = 30;
const silentSeconds = 300;

/** @type {Record<Status, string>} */
export const statusMeaning = {
    live: `pushed within the last ${lateSeconds} seconds`,
    late: `last push ${lateSeconds} seconds to ${silentSeconds / 60} minutes ago`,
    silent: `no push for ${silentSeconds / 60} minutes`,
};

/**
 * @param {number} age seconds since the last push
 * @returns {Status}
 */
export function statusOf(age) {
    if (age < lateSeconds) return "live";
    return age < silentSeconds ? "late" : "silent";
}

/** @typedef {{status: Status}} Props */

export const StatusMark = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "StatusMark",
    props: { status: { type: String, required: true } },
    template: `
        <span class="status" :class="'status-' + status" :title="meaning[status]">
            <svg viewBox="0 0 10 10" aria-hidden="true">
                <circle v-if="status === 'live'" cx="5" cy="5" r="4" class="solid" />
                <circle v-else cx="5" cy="5" r="4" class="hollow" />
                <path v-if="status === 'late'" d="M5 1a4 4 0 0 1 0 8z" class="half" />
            </svg>{{ status }}
        </span>`,
    setup() {
        return { meaning: statusMeaning };
    },
}));
