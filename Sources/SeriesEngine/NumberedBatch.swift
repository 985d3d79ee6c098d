internal import ByteCoding
package import MetricModel

/// The number that a batch has at its node, and the slots that it is about.
package struct BatchMark: Hashable, Sendable {
    package var number: UInt64
    /// Ascending, each once, at least one.
    package var slots: [Int]

    package init(number: UInt64, slots: [Int]) {
        self.number = number
        self.slots = slots
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: number)
        bytes.append(ascending: slots)
    }

    @_lifetime(reader: copy reader)
    init(reading reader: inout ByteReader) throws(ByteError) {
        number = try reader.readUInt64()
        slots = try reader.readAscending(below: SlotSet.slotsMax)
    }
}

/// Slots whose samples were dropped: those before it in the log, and those in block files up to a number.
package struct DroppedSlots: Hashable, Sendable {
    /// Ascending, each once.
    package var slots: [Int]
    /// Blocks of these slots in files up to this number are not there any more; 0 is no file.
    package var throughBlock: UInt32

    package init(slots: [Int], throughBlock: UInt32) {
        self.slots = slots
        self.throughBlock = throughBlock
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(littleEndian: throughBlock)
        bytes.append(ascending: slots)
    }

    @_lifetime(reader: copy reader)
    init(reading reader: inout ByteReader) throws(ByteError) {
        throughBlock = try reader.readUInt32()
        slots = try reader.readAscending(below: SlotSet.slotsMax)
    }
}

/// The samples of a batch by the references of their series: what is kept of a batch that a member may miss.
package struct NumberedBatch: Sendable {
    package let mark: BatchMark
    let references: [UInt32]
    /// Of each row.
    let slots: [UInt16]
    let timestamps: [Int64]
    let values: [Double]
    /// Of the rows those that are histograms.
    var histograms = HistogramRows()

    /// Bytes in memory, roughly.
    package var memorySize: Int { 22 * references.count + histograms.memorySize + 8 * mark.slots.count + 128 }

    /// Rows in it.
    package var count: Int { references.count }

    /// The rows of some slots alone.
    package func part(in wanted: SlotSet) -> NumberedBatch {
        let rows = slots.indices.filter { wanted.contains(slots[$0]) }
        if rows.count == count { return self }
        return NumberedBatch(
            mark: mark, references: rows.map { references[$0] }, slots: rows.map { slots[$0] },
            timestamps: rows.map { timestamps[$0] }, values: rows.map { values[$0] },
            histograms: histograms.part(rows: rows))
    }

    /// The references of its series.
    package var series: [UInt32] { references }
}

extension SampleBundle {
    /// What batches have of some series: one value for each series and time.
    ///
    /// - Parameters:
    ///   - batches: in any order.
    ///   - definitions: of the series that are wanted, by reference.
    package init(_ batches: [NumberedBatch], _ definitions: [UInt32: SeriesDefinition]) {
        var places: [UInt32: Int] = [:]
        var samples: [(definition: SeriesDefinition, values: [Int64: Double], histograms: HistogramColumns)] = []
        for batch in batches {
            for (index, reference) in batch.references.enumerated() {
                guard let definition = definitions[reference] else { continue }
                let place = places[reference] ?? samples.count
                if place == samples.count {
                    places[reference] = place
                    samples.append((definition, [:], HistogramColumns()))
                }
                let (timestamp, value) = (batch.timestamps[index], batch.values[index])
                if !batch.histograms.isEmpty, let histogram = batch.histograms[index] {
                    _ = samples[place].histograms.insert(timestamp: timestamp, histogram)
                    continue
                }
                let known = samples[place].values[timestamp]
                samples[place].values[timestamp] = known.map { SampleResolution.winner($0, value) } ?? value
            }
        }
        self.init(
            series: samples.map { one in
                let times = one.values.keys.sorted()
                return Series(
                    definition: one.definition, timestamps: times, values: times.map { one.values[$0] ?? 0 },
                    histograms: one.histograms)
            })
    }
}
