// Which rows of a long list are on screen. The page itself scrolls; rows have one height.

import { computed, onBeforeUnmount, onMounted, ref } from "vue";

const wideRowPixels = 44;
const narrowRowPixels = 96;
const marginRows = 6;
const narrow = window.matchMedia("(max-width: 720px)");

/**
 * @param {import("vue").Ref<HTMLElement | null>} list
 * @param {() => number} count
 */
export function useVirtualRows(list, count) {
    const view = ref({ top: 0, height: window.innerHeight });
    const rowHeight = ref(0);
    const measure = () => {
        rowHeight.value = narrow.matches ? narrowRowPixels : wideRowPixels;
        const top = list.value ? -list.value.getBoundingClientRect().top : 0;
        view.value = { top, height: window.innerHeight };
    };
    onMounted(() => {
        measure();
        window.addEventListener("scroll", measure, { passive: true });
        window.addEventListener("resize", measure);
    });
    onBeforeUnmount(() => {
        window.removeEventListener("scroll", measure);
        window.removeEventListener("resize", measure);
    });
    const range = computed(() => {
        const height = rowHeight.value || wideRowPixels;
        const first = Math.max(0, Math.floor(view.value.top / height) - marginRows);
        const end = Math.min(count(), Math.ceil((view.value.top + view.value.height) / height) + marginRows);
        return { first: Math.min(first, end), end };
    });
    return { range, rowHeight };
}
