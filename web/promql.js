// What the pages need to know of PromQL's text: quoting, tokens for colour and completion, places of errors.
// Understanding the language is the server's work.

/** Functions and aggregations offered by completion. */
export const functionNames = [
    "avg", "bottomk", "count", "count_values", "group", "max", "min", "quantile", "stddev", "stdvar", "sum", "topk",
    "abs", "avg_over_time", "ceil", "changes", "clamp", "count_over_time", "delta", "deriv", "exp", "floor", "idelta",
    "increase", "irate", "last_over_time", "ln", "log10", "log2", "max_over_time", "min_over_time",
    "present_over_time", "quantile_over_time", "rate", "resets", "round", "scalar", "sgn", "sort", "sort_desc", "sqrt",
    "stddev_over_time", "stdvar_over_time", "sum_over_time", "time", "timestamp", "vector",
];
const keywords = new Set(["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset",
    "bool", "atan2", "start", "end"]);
const functions = new Set(functionNames);

/** A label value as a PromQL string.
 * @param {string} text */
export function quote(text) {
    return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

/** A matcher set; text within a value cannot leave its quotes.
 * @param {Record<string, string>} equal @param {string} [more] */
export function selector(equal, more) {
    const matchers = Object.entries(equal).map(([name, value]) => `${name}=${quote(value)}`);
    return `{${[...matchers, ...(more ? [more] : [])].join(",")}}`;
}

/** @typedef {"comment" | "string" | "duration" | "number" | "keyword" | "function" | "label" | "metric" | "operator" |
 *   "space" | "open"} TokenKind */
/** @typedef {{kind: TokenKind, text: string, offset: number}} Token */

/** One group a kind of token, in the order of `kindOf`. */
const lexer = new RegExp([
    /(#[^\n]*)/, /("(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`[^`]*`?)/, /((?:\d+(?:ms|[smhdwy]))+)/,
    /(0x[\da-f]+|\d*\.?\d+(?:e[+-]?\d+)?)/, /([A-Za-z_:][\w:]*)/, /(\s+)/, /([()[\]{},])/, /([^\w\s]+?)/,
].map(({ source }) => source).join("|"), "giy");

/** Splits a query into coloured tokens; every character is in exactly one.
 * @param {string} query @returns {Token[]} */
export function tokenize(query) {
    /** @type {Token[]} */
    const tokens = [];
    let braces = 0;
    let isGrouping = false;
    lexer.lastIndex = 0;
    while (lexer.lastIndex < query.length) {
        const offset = lexer.lastIndex;
        const match = lexer.exec(query);
        if (!match) {
            tokens.push({ kind: "operator", text: query.slice(offset), offset });
            break;
        }
        if (match[0] === "{") braces += 1;
        if (match[0] === "}") braces -= 1;
        // Names between by( and ) are labels, as those within braces are.
        if (/^(by|without|on|ignoring|group_left|group_right)$/i.test(match[0])) isGrouping = true;
        else if (match[0] === ")") isGrouping = false;
        tokens.push({ kind: kindOf(match, braces > 0 || isGrouping, query), text: match[0], offset });
    }
    return tokens;
}

/**
 * @param {RegExpExecArray} match
 * @param {boolean} isLabel
 * @param {string} query
 * @returns {TokenKind}
 */
function kindOf(match, isLabel, query) {
    if (match[1]) return "comment";
    if (match[2]) return "string";
    if (match[3]) return "duration";
    if (match[4]) return "number";
    if (match[6]) return "space";
    if (match[7]) return "open";
    if (match[8]) return "operator";
    const word = match[0].toLowerCase();
    if (keywords.has(word)) return "keyword";
    if (isLabel) return "label";
    const next = query.slice(match.index + word.length).trimStart();
    return functions.has(word) && /^(\(|by\b|without\b)/i.test(next) ? "function" : "metric";
}

/** @typedef {{kind: "metric"|"label"|"value", prefix: string, from: number, metric: string, label: string}} Place */

/** What may be completed at the caret: a metric or function, a label's name within braces or by(), or a label's value.
 * @param {string} query @param {number} caret @returns {Place | null} */
export function placeAt(query, caret) {
    const before = query.slice(0, caret);
    const value = /([\w:]*)\s*\{[^{}]*?(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(before);
    if (value) {
        return { kind: "value", prefix: value[3], from: caret - value[3].length, metric: value[1], label: value[2] };
    }
    if ((before.match(/"/g)?.length ?? 0) % 2 === 1) return null;
    const label = /([\w:]*)\s*\{(?:[^{}"]|"[^"]*")*?([A-Za-z_]\w*)?$/.exec(before);
    if (label) {
        const prefix = label[2] ?? "";
        const from = caret - prefix.length;
        return /[{,]\s*$/.test(before.slice(0, from)) ? { kind: "label", prefix, from, metric: label[1], label: "" } : null;
    }
    const grouping = /\b(?:by|without|on|ignoring)\s*\([^()]*?([A-Za-z_]\w*)?$/i.exec(before);
    const word = /[A-Za-z_:][\w:]*$/.exec(before)?.[0] ?? "";
    const from = caret - word.length;
    if (grouping) return { kind: "label", prefix: word, from, metric: firstMetric(query), label: "" };
    if (word === "" || /[\d.]$/.test(before.slice(0, from)) || /\[[^\]]*$/.test(before)) return null;
    return { kind: "metric", prefix: word, from, metric: "", label: "" };
}

/** The first metric that a query names, or "".
 * @param {string} query */
export function firstMetric(query) {
    return tokenize(query).find((token) => token.kind === "metric")?.text ?? "";
}

/** Finds "line:column: parse error" in an error's text and turns it into a place in the query.
 * @param {string} message @param {string} query @returns {Span} */
export function errorPlace(message, query) {
    const match = /(\d+):(\d+): /.exec(message);
    if (!match) return { offset: -1, length: 0 };
    const lines = query.split("\n");
    const line = Math.min(Number(match[1]), lines.length) - 1;
    const start = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
    const offset = Math.min(start + Math.max(0, Number(match[2]) - 1), query.length);
    const token = tokenize(query).find((each) => each.offset <= offset && offset < each.offset + each.text.length);
    return { offset, length: token && token.kind !== "space" ? token.offset + token.text.length - offset : 1 };
}

/**
 * A length of time as PromQL writes it: `1h30m`.
 * @param {number} milliseconds
 */
function lengthOf(milliseconds) {
    const steps = /** @type {[string, number][]} */ ([["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000], ["ms", 1]]);
    let left = Math.abs(milliseconds);
    let text = milliseconds < 0 ? "-" : "";
    for (const [unit, size] of steps) {
        if (left >= size) text += `${Math.floor(left / size)}${unit}`;
        left %= size;
    }
    return text || "0s";
}

/**
 * The detail of a plan's operator as one would type it: `[60000 ms] @ 1500 ms` is `[1m] @ 1.5`. What stands in quotes stays as it is.
 * @param {string} detail
 */
export function typed(detail) {
    return detail.replace(/"(?:\\.|[^"\\])*"|(@ )?(-?\d+) ms\b/g, (/** @type {string} */ whole, at, number) => {
        if (number === undefined) return whole;
        return at ? `@ ${Number(number) / 1000}` : lengthOf(Number(number));
    });
}
