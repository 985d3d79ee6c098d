// How a standalone becomes a cluster: the steps of docs/operating.md, "A standalone that grows".

import { defineComponent } from "vue";

/** @typedef {{name: string}} Props */

export const GrowSteps = defineComponent(/** @type {import("vue").ComponentOptions<Props>} */ ({
    name: "GrowSteps",
    props: { name: { type: String, required: true } },
    template: `
        <section class="grow" aria-labelledby="grow-title">
            <h2 id="grow-title">One process does everything here</h2>
            <p>That is enough for a small fleet. When it is not, or when a lost machine must not stop it, it grows into a
                cluster and keeps its data:</p>
            <ol>
                <li v-for="step in steps" :key="step.lead"><p>{{ step.lead }}</p>
                    <div class="command"><pre tabindex="0"><code>{{ step.text }}</code></pre></div></li>
            </ol>
        </section>`,
    setup(props) {
        const steps = [
            {
                lead: "Stop it, and start the same data directory as an aggregator, with a PostgreSQL for checkpoints:",
                text: `murmur aggregator --name ${props.name} --data-dir ./data \\\n  --checkpoint postgresql://murmur@db.example/murmur --http HOST-1:7480 --cluster HOST-1:7481`,
            },
            {
                lead: "Start a router, to which agents push, and a coordinator, which serves this page:",
                text: "murmur router --join HOST-1:7481 --http HOST-2:7480 --cluster HOST-2:7481\nmurmur coordinator --join HOST-1:7481 --http HOST-3:7480 --cluster HOST-3:7481",
            },
            {
                lead: "Add aggregators, each on a machine of its own; they copy their share, which this page shows:",
                text: "murmur aggregator --join HOST-1:7481 --http HOST-4:7480 --cluster HOST-4:7481 \\\n  --checkpoint postgresql://murmur@db.example/murmur",
            },
        ];
        return { steps };
    },
}));
