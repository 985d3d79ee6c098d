// What to do when nothing has been pushed yet: commands that work as they stand, each with a button to copy it.

import { defineComponent, ref } from "vue";
import { tenant } from "../api.js";

const origin = window.location.origin;
const header = tenant ? ` -H 'X-Scope-OrgID: ${tenant}'` : "";

/** @typedef {{name: string, lead: string, text: string}} Step */
/** @type {Step[]} */
const steps = [
    {
        name: "agent", lead: "Watch this machine: the agent pushes its CPU, memory, disks and network each second.",
        text: `.build/release/murmur agent --push ${origin}${tenant ? ` --tenant ${tenant}` : ""}`,
    },
    {
        name: "curl", lead: "Or push one number from anywhere.",
        text: `curl${header} ${origin}/api/metrics \\\n  -d '{"server_id":"my-server","metric_type":"cpu","value":42.5,"unit":"%"}'`,
    },
    {
        name: "Prometheus", lead: "Or let a Prometheus send what it scrapes.",
        text: `remote_write:\n  - url: ${origin}/api/v1/write${tenant ? `\n    headers:\n      X-Scope-OrgID: ${tenant}` : ""}`,
    },
];

export const FirstSteps = defineComponent(/** @type {import("vue").ComponentOptions<{}>} */ ({
    name: "FirstSteps",
    template: `
        <section class="first-steps" aria-labelledby="first-steps-title">
            <h2 id="first-steps-title">No server has pushed yet</h2>
            <p>This page is listening. The first sample appears here within a second of its push.</p>
            <ol>
                <li v-for="step in steps" :key="step.name">
                    <p>{{ step.lead }}</p>
                    <div class="command">
                        <pre tabindex="0"><code>{{ step.text }}</code></pre>
                        <button type="button" class="button" @click="copy(step)"
                            :aria-label="'Copy the ' + step.name + ' command'">
                            {{ copied === step.name ? "Copied" : "Copy" }}</button>
                    </div>
                </li>
            </ol>
            <span class="visually-hidden" role="status">{{ copied ? "Copied to the clipboard" : "" }}</span>
        </section>`,
    setup() {
        const copied = ref("");
        /** @param {Step} step */
        const copy = async (step) => {
            await navigator.clipboard.writeText(step.text);
            copied.value = step.name;
            window.setTimeout(() => { copied.value = ""; }, 2000);
        };
        return { steps, copied, copy };
    },
}));
