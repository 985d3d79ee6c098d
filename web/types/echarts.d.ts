// The part of Apache ECharts 6 that the application uses; index.html maps the name `echarts` to vendor/echarts/index.js.
declare namespace ECharts {
    interface Instance {
        setOption(option: object, settings?: { replaceMerge?: string[]; notMerge?: boolean }): void
        convertFromPixel(finder: { xAxisIndex: number }, pixels: number): number
        getZr(): { setSleepAfterStill(frames: number): void }
        resize(): void
        dispose(): void
    }
    interface Library {
        init(element: HTMLElement, theme: null, settings: { renderer: "canvas" }): Instance
    }
}

declare module "echarts" {
    export const echarts: ECharts.Library
}
