// The HTTP API, typed. Every answer is checked for the envelope {status, data, errorType, error}; what fails is an `ApiError`.

/** The tenant of this page, from its own address (`/?tenant=x`); "" is the server's default. */
export const tenant = new URLSearchParams(window.location.search).get("tenant") ?? "";

/** A request that failed: `type` is Prometheus' errorType, or "unreachable" when no answer came. */
export class ApiError extends Error {
    /**
     * @param {string} type
     * @param {string} message
     */
    constructor(type, message) {
        super(message);
        this.type = type;
    }
}

/** Server clock minus browser clock in milliseconds, from the Date header; small differences count as none. */
let clockSkew = 0;

/** The server's time in Unix seconds, as well as it is known. */
export function serverNow() {
    return (Date.now() + clockSkew) / 1000;
}

/** @param {Response} response */
function noteClock(response) {
    const date = Date.parse(response.headers.get("date") ?? "");
    const skew = date + 500 - Date.now();
    if (!Number.isNaN(date)) clockSkew = Math.abs(skew) > 3000 ? skew : 0;
}

/**
 * @param {string} path
 * @param {Record<string, string | string[]>} parameters
 * @param {AbortSignal} [signal]
 * @returns {Promise<{data: any, warnings: string[], bytes: number}>}
 */
async function ask(path, parameters, signal) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
        for (const each of Array.isArray(value) ? value : [value]) query.append(name, each);
    }
    const headers = tenant ? { "X-Scope-OrgID": tenant } : undefined;
    let response;
    let text;
    try {
        // Expressions can be longer than an address may be, so they travel as a form.
        response = path.startsWith("query")
            ? await fetch(`api/v1/${path}`, { method: "POST", body: query, headers, signal })
            : await fetch(`api/v1/${path}?${query}`, { headers, signal });
        text = await response.text();
    } catch (error) {
        if (signal?.aborted) throw new ApiError("canceled", "The request was cancelled.");
        throw new ApiError("unreachable", "The server does not answer.");
    }
    noteClock(response);
    let envelope;
    try {
        envelope = JSON.parse(text);
    } catch {
        throw new ApiError("internal", `The server answered ${response.status} with something that is not JSON.`);
    }
    if (envelope?.status !== "success") {
        const message = envelope?.error ?? `The server answered ${response.status}.`;
        throw new ApiError(envelope?.errorType ?? "internal", message);
    }
    return {
        data: envelope.data, warnings: [...envelope.warnings ?? [], ...envelope.infos ?? []], bytes: text.length,
    };
}

/**
 * Servers whose ID contains `search`, at most `limit`, and how many there are in all.
 * @param {string} search
 * @param {number} limit
 * @returns {Promise<{servers: ServerSummary[], total: number}>}
 */
export async function fetchServers(search, limit) {
    return (await ask("servers", { search, limit: String(limit) })).data;
}

/**
 * Metadata of all metrics, the first entry of each.
 * @returns {Promise<Record<string, MetadataEntry>>}
 */
export async function fetchMetadata() {
    const { data } = await ask("metadata", {});
    /** @type {Record<string, MetadataEntry>} */
    const entries = {};
    for (const [metric, list] of Object.entries(data)) {
        if (Array.isArray(list) && list.length > 0) entries[metric] = list[0];
    }
    return entries;
}

/**
 * @param {string} match a selector, or "" for all series
 * @param {AbortSignal} [signal]
 * @returns {Promise<string[]>}
 */
export async function fetchLabelNames(match, signal) {
    return (await ask("labels", match ? { "match[]": match } : {}, signal)).data;
}

/**
 * @param {string} label
 * @param {string} match a selector, or "" for all series
 * @param {{start?: number, end?: number, signal?: AbortSignal}} [options] Unix seconds
 * @returns {Promise<string[]>}
 */
export async function fetchLabelValues(label, match, options = {}) {
    /** @type {Record<string, string>} */
    const parameters = match ? { "match[]": match } : {};
    if (options.start !== undefined) parameters.start = String(options.start);
    if (options.end !== undefined) parameters.end = String(options.end);
    return (await ask(`label/${encodeURIComponent(label)}/values`, parameters, options.signal)).data;
}

/**
 * @param {string} query
 * @param {number} time Unix seconds
 * @param {AbortSignal} [signal]
 * @param {boolean} [explains] whether the answer is to say how it was found
 * @returns {Promise<QueryAnswer>}
 */
export async function queryInstant(query, time, signal, explains = false) {
    const begin = performance.now();
    return answer(await ask("query", { query, time: time.toFixed(3), ...explaining(explains) }, signal), begin);
}

/**
 * An explained answer is computed anew: a kept one would only say that it was kept.
 * @param {boolean} explains
 * @returns {Record<string, string>}
 */
function explaining(explains) {
    return explains ? { explain: "analyze", cache: "off" } : {};
}

/**
 * @param {string} query
 * @param {{start: number, end: number, step: number}} range Unix seconds, seconds
 * @param {AbortSignal} [signal]
 * @param {boolean} [explains] whether the answer is to say how it was found
 * @returns {Promise<QueryAnswer>}
 */
export async function queryRange(query, range, signal, explains = false) {
    const begin = performance.now();
    const parameters = {
        query, start: range.start.toFixed(3), end: range.end.toFixed(3), step: String(range.step), ...explaining(explains),
    };
    return answer(await ask("query_range", parameters, signal), begin);
}

/**
 * @param {{data: any, warnings: string[], bytes: number}} reply
 * @param {number} begin
 * @returns {QueryAnswer}
 */
function answer(reply, begin) {
    const { resultType, result } = reply.data;
    /** @type {{metric: Metric, values?: RawPoint[], value?: RawPoint, histograms?: RawHistogramPoint[], histogram?: RawHistogramPoint}[]} */
    const raw = resultType === "scalar" ? [{ metric: {}, value: result }] : resultType === "string" ? [] : result;
    const series = raw.map(({ metric, values, value, histograms, histogram }) => {
        const points = (values ?? (value ? [value] : [])).map(parsePoint);
        const newest = histogram ?? histograms?.at(-1);
        const isNewest = newest && Math.round(newest[0] * 1000) >= (points.at(-1)?.[0] ?? -Infinity);
        return isNewest ? { metric, points, histogram: parseHistogram(newest[1]) } : { metric, points };
    });
    return {
        resultType, series, text: resultType === "string" ? result[1] : "",
        warnings: reply.warnings, bytes: reply.bytes, milliseconds: performance.now() - begin,
        explained: reply.data.explain ?? null,
    };
}

/**
 * @param {RawPoint} raw
 * @returns {Point}
 */
export function parsePoint(raw) {
    return [Math.round(raw[0] * 1000), parseValue(raw[1])];
}

/**
 * @param {string} text a value as Prometheus writes it
 * @returns {number}
 */
export function parseValue(text) {
    if (text === "+Inf") return Infinity;
    if (text === "-Inf") return -Infinity;
    return Number(text);
}

/**
 * @param {RawHistogram} raw
 * @returns {Histogram}
 */
export function parseHistogram(raw) {
    const buckets = (raw.buckets ?? []).map(([, lower, upper, count]) => {
        return { lower: parseValue(lower), upper: parseValue(upper), count: parseValue(count) };
    });
    return { count: parseValue(raw.count), sum: parseValue(raw.sum), buckets };
}

/**
 * A page about the cluster. They are the same for all tenants.
 * @param {"overview" | "ring"} page
 * @returns {Promise<any>}
 */
export async function fetchCluster(page) {
    return (await ask(`cluster/${page}`, {})).data;
}
