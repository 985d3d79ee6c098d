import Foundation
import NIOCore

/// What the audience has seen. Lives on the event loop.
final class Tally {
    var connectionsLost = 0
    var framesDropped = 0
    private var frames = 0
    private var stepsMissed = 0
    private var isCounting = false
    private var notes: [String] = []
    /// When each pushed sample was acknowledged, by lane and number.
    private var acknowledged: [[Int: NIODeadline]] = []
    /// Microseconds from a sample's acknowledgement to a frame with it.
    private var fromAcknowledgement: [Int64] = []
    /// Microseconds from a step's time to a frame of it.
    private var fromStep: [Int64] = []

    /// The samples pushed before this are known to nobody any more.
    func begin() {
        (frames, stepsMissed, framesDropped) = (0, 0, 0)
        (fromAcknowledgement, fromStep) = ([], [])
        isCounting = true
    }

    func frame(time: Double, stepsMissed: Int) {
        if !isCounting { return }
        frames += 1
        self.stepsMissed += max(0, stepsMissed)
        fromStep.append(Int64((Date().timeIntervalSince1970 - time) * 1e6))
    }

    func acknowledged(_ number: Int, lane: Int) {
        while acknowledged.count <= lane { acknowledged.append([:]) }
        acknowledged[lane][number] = .now()
    }

    /// A frame shows a sample for the first time on its connection.
    func arrived(_ number: Int, lane: Int) {
        guard isCounting, lane < acknowledged.count, let then = acknowledged[lane][number] else { return }
        fromAcknowledgement.append((NIODeadline.now() - then).nanoseconds / 1_000)
    }

    /// Something that a good run has none of.
    func note(_ text: String) {
        if notes.count < 5 { notes.append(text) }
    }

    /// Everything as one line of JSON.
    func report() -> String {
        isCounting = false
        let quoted = notes.map {
            "\"\($0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: " ").replacing("\r", with: ""))\""
        }
        return """
            {"frames":\(frames),"steps_missed":\(stepsMissed),"frames_dropped":\(framesDropped),"connections_lost":\(connectionsLost),\
            "from_acknowledgement":\(Tally.quantiles(&fromAcknowledgement)),"from_step":\(Tally.quantiles(&fromStep)),\
            "notes":[\(quoted.joined(separator: ","))]}
            """
    }

    private static func quantiles(_ microseconds: inout [Int64]) -> String {
        microseconds.sort()
        if microseconds.isEmpty { return "null" }
        func at(_ share: Double) -> Double {
            Double(microseconds[Int(Double(microseconds.count - 1) * share)]) / 1_000
        }
        return #"{"count":\#(microseconds.count),"p50_ms":\#(at(0.5)),"p99_ms":\#(at(0.99)),"max_ms":\#(at(1))}"#
    }
}
