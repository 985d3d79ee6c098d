internal import ByteCoding
package import MetricModel

// What a coordinator asks before it takes a kept result: the protobuf messages `ChangesRequest` and `ChangesPage` in control.proto.

/// Asks which times of a node's data changed since a change that the asker knows.
package struct ChangesRequest: Equatable, Sendable {
    /// Whose query it is for.
    package var tenant: TenantID
    /// The slots that the asker would read of the node; the end says which of them it has whole.
    package var slots: SlotSet
    /// First time of interest, Unix milliseconds.
    package var start: Int64
    /// Last time of interest, Unix milliseconds, inclusive.
    package var end: Int64
    /// The engine's generation of which a change is known; 0 when none is.
    package var generation: UInt64
    /// The number of that change.
    package var known: UInt64

    /// What changed between `start` and `end`.
    package init(
        tenant: TenantID, slots: SlotSet, start: Int64, end: Int64, generation: UInt64 = 0, known: UInt64 = 0
    ) {
        self.tenant = tenant
        self.slots = slots
        self.start = start
        self.end = end
        self.generation = generation
        self.known = known
    }

    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, tenant.name)
        let slots = slots.bytes
        if !slots.isEmpty { ProtobufWriter.bytes(2, slots, into: &bytes) }
        bytes.field(3, start)
        bytes.field(4, end)
        bytes.field(5, generation)
        bytes.field(6, known)
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ChangesRequest")
        var tenant: TenantID?
        self.init(tenant: .default, slots: SlotSet(), start: 0, end: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .bytes): tenant = try reader.tenant()
            case (2, .bytes): slots = try reader.slots("slots")
            case (3, .varint): start = try reader.int64()
            case (4, .varint): end = try reader.int64()
            case (5, .varint): generation = try reader.varint()
            case (6, .varint): known = try reader.varint()
            default: try reader.skip(field)
            }
        }
        guard start <= end else { throw reader.malformed("end", found: UInt64(bitPattern: end)) }
        self.tenant = try reader.require(tenant)
    }
}

/// What changed of a node's data.
package struct ChangesPage: Equatable, Sendable {
    /// The engine's generation.
    package var generation: UInt64
    /// The number of its newest change.
    package var sequence: UInt64
    /// Ascending ranges of times, inclusive, that changed since the change that was asked about; they say nothing when that was of another
    /// generation.
    package var times: [ClosedRange<Int64>]

    /// The only page of its stream.
    package init(generation: UInt64, sequence: UInt64, times: [ClosedRange<Int64>] = []) {
        self.generation = generation
        self.sequence = sequence
        self.times = times
    }

    /// Appends the wire form.
    package func encode(into bytes: inout [UInt8]) {
        bytes.field(1, generation)
        bytes.field(2, sequence)
        for range in times {
            ProtobufWriter.message(3, into: &bytes) { inner in
                inner.field(1, range.lowerBound)
                inner.field(2, range.upperBound)
            }
        }
    }

    /// Reads the wire form.
    package init(decoding bytes: RawSpan) throws(WireError) {
        var reader = ControlReader(bytes, message: "ChangesPage")
        self.init(generation: 0, sequence: 0)
        while let field = try reader.next() {
            switch field {
            case (1, .varint): generation = try reader.varint()
            case (2, .varint): sequence = try reader.varint()
            case (3, .bytes):
                try reader.expect("times", fewerThan: WireLimits.changedTimesMax, times.count)
                times.append(try Self.range(try reader.span()))
            default: try reader.skip(field)
            }
        }
    }

    private static func range(_ bytes: RawSpan) throws(WireError) -> ClosedRange<Int64> {
        var reader = ControlReader(bytes, message: "ChangesPage.Times")
        var (start, end): (Int64, Int64) = (0, 0)
        while let field = try reader.next() {
            switch field {
            case (1, .varint): start = try reader.int64()
            case (2, .varint): end = try reader.int64()
            default: try reader.skip(field)
            }
        }
        guard start <= end else { throw reader.malformed("end", found: UInt64(bitPattern: end)) }
        return start...end
    }
}
