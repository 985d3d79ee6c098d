// The part of Vue 3.5 that the application uses; index.html maps the name `vue` to vendor/vue.esm-browser.prod.js.
declare module "vue" {
    export interface Ref<T> { value: T }
    export interface ReadonlyRef<T> { readonly value: T }
    export interface SetupContext { emit(event: string, ...payload: unknown[]): void }
    export interface Component { readonly name?: string }

    export interface ComponentOptions<P> {
        name: string
        props?: Record<string, unknown>
        emits?: string[]
        components?: Record<string, Component>
        template: string
        setup(props: Readonly<P>, context: SetupContext): Record<string, unknown>
    }
    export function defineComponent<P>(options: ComponentOptions<P>): Component
    export function createApp(root: Component): { mount(selector: string): void }

    export function ref<T>(value: T): Ref<T>
    export function shallowRef<T>(value: T): Ref<T>
    export function reactive<T extends object>(value: T): T
    export function computed<T>(getter: () => T): ReadonlyRef<T>
    export function nextTick(): Promise<void>

    export type Source<T> = ReadonlyRef<T> | (() => T)
    export interface WatchOptions { immediate?: boolean; flush?: "pre" | "post" | "sync" }
    export function watch<T>(
        source: Source<T>, effect: (value: T, old: T | undefined) => void, options?: WatchOptions): () => void

    export function onMounted(hook: () => void): void
    export function onBeforeUnmount(hook: () => void): void
}
