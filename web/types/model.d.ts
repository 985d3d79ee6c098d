// Shapes that cross files: what the HTTP API answers, what the live protocol says (docs/live.md), what a chart draws.
type Metric = Readonly<Record<string, string>>
/** Time in Unix milliseconds and value; NaN is a gap. */
type Point = [number, number]
type RawPoint = [number, string]
/** A native histogram as the API has it: of each bucket which bounds belong to it, the bounds, and the count. */
interface RawHistogram { count: string; sum: string; buckets?: [number, string, string, string][] }
type RawHistogramPoint = [number, RawHistogram]
interface Histogram { count: number; sum: number; buckets: { lower: number; upper: number; count: number }[] }

interface ServerSummary { id: string; label: string; lastPush: number; series: number }
interface MetadataEntry { type: string; unit: string; help: string }
/** `histogram` is the newest sample, where that is a native histogram. */
interface QuerySeries { metric: Metric; points: Point[]; histogram?: Histogram }
interface QueryAnswer {
    resultType: "matrix" | "vector" | "scalar" | "string"
    series: QuerySeries[]
    text: string
    warnings: string[]
    bytes: number
    milliseconds: number
    explained: Explained | null
}
/** docs/api.md, "Explain", says what each member means. */
interface ExplainOperator { operator: string; detail: string; rows?: number; microseconds?: number; children: ExplainOperator[] }
interface ExplainPart {
    node: string
    slots: number
    share: number
    outcome: string
    failure?: string
    hedge?: boolean
    union?: boolean
    microseconds?: number
    series?: number
    samples?: number
    chunks?: number
    bytes?: number
    plan?: ExplainOperator[]
}
interface ExplainWork { kind: "fragment" | "samples"; fragment?: number; cut: string; text: string; parts: ExplainPart[]; partsLeftOut: number }
interface Explained {
    mode: "plan" | "analyze"
    cut: string
    slots: number
    cache: string
    plan: ExplainOperator[]
    work: ExplainWork[]
    workLeftOut: number
}
interface Failure { type: string; message: string; offset: number; length: number }
type Span = { offset: number; length: number }

interface LiveSeries { s: number; metric: Metric; values?: RawPoint[]; histograms?: RawHistogramPoint[] }
interface LiveCorrection { time: number; values: [number, string][]; histograms?: [number, RawHistogram][]; gone?: number[] }
type LiveMessage =
    | { type: "subscribed"; id: string; key: number; step: number; time: number; series: LiveSeries[]; warnings?: string[] }
    | { type: "data"; key: number; time: number; new?: LiveSeries[]; values: [number, string][]; histograms?: [number, RawHistogram][]; gone?: number[]; corrected?: LiveCorrection[]; warnings?: string[] }
    | { type: "error"; id?: string; key?: number; errorType: string; error: string; position?: Span }
    | { type: "dropped"; key: number; frames: number }
    | { type: "end"; id?: string; key?: number; reason: string }

type Status = "live" | "late" | "silent"
type Unit = { kind: "bytes" | "seconds" | "percent" | "bits" | "number"; scale: number; suffix: string; name: string }

/** One line (or band) of a chart. */
interface Line { name: string; points: Point[]; colour: number | string; mirrored?: boolean }
