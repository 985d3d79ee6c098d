import HTTPSurface
import MetricModel
import NIOCore
import Testing

@Suite struct LiveMessages {
    @Test("server messages are JSON as docs/live.md writes them")
    func encoding() throws {
        let up = try labels(("__name__", "up"))
        let series = LiveServerMessage.Series(
            number: 0, columns: .init(labels: up, timestamps: [1_763_000_299_000], values: [1]))
        let messages: [(LiveServerMessage, String)] = [
            (
                .subscribed(id: "a1", key: 7, step: 500, time: 1_763_000_300_500, series: [series], warnings: []),
                #"{"type":"subscribed","id":"a1","key":7,"step":0.500,"time":1763000300.500,"series":[{"s":0,"metric":{"__name__":"up"},"values":[[1763000299,"1"]]}],"warnings":[]}"#
            ),
            (
                step(7, 1_000, new: [(5, up)], values: [(0, 1.5), (5, .nan)], gone: [3, 4]),
                #"{"type":"data","key":7,"time":1,"new":[{"s":5,"metric":{"__name__":"up"}}],"values":[[0,"1.5"],[5,"NaN"]],"gone":[3,4]}"#
            ),
            (step(7, 1_000, values: []), #"{"type":"data","key":7,"time":1,"values":[]}"#),
            (
                .data(
                    .init(
                        key: 7, time: 5_000, new: [], values: [],
                        gone: [],
                        corrected: [
                            .init(time: 3_000, values: [LiveValue(number: 0, value: 2)], gone: [1]),
                            .init(time: 4_000, values: [], gone: [2]),
                        ], warnings: [])),
                #"{"type":"data","key":7,"time":5,"values":[],"corrected":[{"time":3,"values":[[0,"2"]],"gone":[1]},{"time":4,"values":[],"gone":[2]}]}"#
            ),
            (
                .error(
                    .subscription("a1"), APIFailure(.badData, "no", position: .init(offset: 4, length: 1)),
                    query: "sum(("),
                #"{"type":"error","id":"a1","errorType":"bad_data","error":"no","position":{"offset":4,"length":1}}"#
            ),
            (
                .error(.stream(7), APIFailure(.timeout, "t"), query: nil),
                #"{"type":"error","key":7,"errorType":"timeout","error":"t"}"#
            ),
            (
                .error(.message, APIFailure(.badData, "m"), query: nil),
                #"{"type":"error","errorType":"bad_data","error":"m"}"#
            ),
            (.dropped(key: 7, frames: 3), #"{"type":"dropped","key":7,"frames":3}"#),
            (.end(.subscription("a1"), reason: "bye"), #"{"type":"end","id":"a1","reason":"bye"}"#),
        ]
        for (message, expected) in messages { #expect(String(buffer: message.encoded()) == expected) }
    }

    @Test(
        "client messages are read with their defaults",
        arguments: [
            (
                #"{"type":"subscribe","id":"a","query":"up"}"#,
                LiveClientMessage.subscribe(id: "a", query: "up", step: 1_000, history: 0)
            ),
            (
                #"{"type":"subscribe","id":"a","query":"up","step":0.5,"history":300,"more":[1]}"#,
                .subscribe(id: "a", query: "up", step: 500, history: 300_000)
            ),
            (#"{"type":"unsubscribe","id":"a"}"#, .unsubscribe(id: "a")),
        ])
    func decoding(text: String, expected: LiveClientMessage) throws {
        #expect(try LiveClientMessage(decoding: .init(string: text)) == expected)
    }

    @Test(
        "anything else is bad data",
        arguments: [
            "", "x", "[]", "1", "{}", #"{"type":"subscribe"}"#, #"{"type":"subscribe","id":"a"}"#,
            #"{"type":"dance","id":"a"}"#,
            #"{"type":"subscribe","id":1,"query":"up"}"#, #"{"type":"subscribe","id":"a","query":"up","step":"1"}"#,
            #"{"type":"subscribe","id":"a","query":"up","step":1e300}"#, #"{"type":"unsubscribe"}"#,
            "{\"type\":\"unsub",
            String(repeating: "[", count: 50_000),
        ])
    func broken(text: String) {
        #expect(throws: APIFailure.self) { try LiveClientMessage(decoding: .init(string: text)) }
    }
}
