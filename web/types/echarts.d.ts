// The part of Apache ECharts 6 that the application uses; index.html maps the name `echarts` to vendor/echarts/index.js.
declare namespace ECharts {
    interface AxisPointerEvent { axesInfo?: { axisDim: string; value: number }[] }
    interface ZoomEvent { batch?: { startValue?: number; endValue?: number }[] }
    interface Instance {
        setOption(option: object, settings?: { replaceMerge?: string[]; notMerge?: boolean; lazyUpdate?: boolean }): void
        resize(): void
        dispose(): void
        isDisposed(): boolean
        on(event: "updateAxisPointer", handler: (event: AxisPointerEvent) => void): void
        on(event: "datazoom", handler: (event: ZoomEvent) => void): void
        getZr(): { on(event: "globalout", handler: () => void): void }
        dispatchAction(action: object): void
        convertFromPixel(finder: object, point: number[]): number[]
    }
    interface Library {
        init(element: HTMLElement, theme: null, settings: { renderer: "canvas"; useDirtyRect?: boolean }): Instance
    }
}

declare module "echarts" {
    export const echarts: ECharts.Library
}
