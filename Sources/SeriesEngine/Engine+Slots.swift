internal import ChunkCoding
package import MetricModel

/// What a whole slot's samples need: reading it, taking samples of other replicas, and dropping it.
extension Engine {
    /// Samples of one series, older than its newest, from which on they are encoded at once instead of sorted in one by one.
    static var lateRunMin: Int { 16 }

    /// The head's part of a slot: every series of it, of all tenants.
    ///
    /// - Parameters:
    ///   - slot: which one.
    ///   - start: of series whose newest sample is older nothing that is not frozen is there.
    /// - Returns: copies and shared values, to be merged on any thread.
    /// - Complexity: O(series of the slot).
    package func head(ofSlot slot: UInt16, after start: Int64 = .min) -> HeadSelection {
        HeadSelection(
            series: slotReferences[Int(slot)].map { headSeries(ofReference: $0, after: start) },
            identities: table.identities, frozen: frozen)
    }

    /// What a series of this generation is; nil when its reference is not known any more.
    package func definition(ofReference reference: UInt32) -> SeriesDefinition? {
        let row = table.row(ofReference: reference)
        guard row != SeriesTable.noRow else { return nil }
        let identity = table.identities[Int(row)]
        return SeriesDefinition(tenant: identity.tenant, labels: identity.labels, placement: identity.placement)
    }

    // MARK: - Samples of other replicas

    /// Defines the series of a bundle; the head is as before until `apply`.
    ///
    /// Nothing is judged by age, skew or number of series: what another replica took is taken. A series whose fingerprint is another's
    /// here cannot be told from it, and its samples are left out.
    /// - Parameters:
    ///   - bundle: samples of another replica, a hint, a repair or a checkpoint.
    ///   - bytes: the bundle, as it came or `encoded`.
    ///   - mark: the number that they get.
    ///   - log: where the record is appended; it belongs to the current segment.
    /// - Returns: what `apply` takes once the log has the record.
    package mutating func prepare(
        _ bundle: SampleBundle, _ bytes: [UInt8], as mark: BatchMark, into log: inout [UInt8]
    ) -> PreparedBundle {
        WALRecord.bundle(mark, bundle: bytes, into: &log)
        return prepare(bundle)
    }

    mutating func prepare(_ bundle: SampleBundle) -> PreparedBundle {
        var prepared = PreparedBundle()
        for series in bundle.series {
            let found = define(series.definition, seriesMax: .max)
            if found.refusal == nil {
                prepared.columns.append((found.row, series.timestamps, series.values, series.histograms))
            } else {
                prepared.refused += series.sampleCount
            }
        }
        return prepared
    }

    /// Takes a prepared bundle into the head: the log has it.
    package mutating func apply(_ prepared: PreparedBundle) {
        for column in prepared.columns {
            changes.note(column.timestamps)
            if !column.histograms.isEmpty {
                changes.note(column.histograms.timestamps)
                for (timestamp, histogram) in zip(column.histograms.timestamps, column.histograms.values) {
                    append(histogram, row: column.row, timestamp: timestamp)
                }
                if column.timestamps.isEmpty { continue }
            }
            let newest = table.states[Int(column.row)].newest
            let older = newest == .min ? 0 : column.timestamps.partition(from: newest &+ 1)
            if older >= Self.lateRunMin {
                appendRuns(row: Int(column.row), column.timestamps[..<older], column.values[..<older])
            } else if older > 0 {
                append(
                    rows: Array(repeating: column.row, count: older), timestamps: Array(column.timestamps[..<older]),
                    values: Array(column.values[..<older]))
            }
            if older == column.timestamps.count { continue }
            append(
                rows: Array(repeating: column.row, count: column.timestamps.count - older),
                timestamps: Array(column.timestamps[older...]), values: Array(column.values[older...]))
        }
    }

    /// Encodes many older samples of one series as chunks of their own: what they repeat is resolved where chunks are merged.
    private mutating func appendRuns(row: Int, _ timestamps: ArraySlice<Int64>, _ values: ArraySlice<Double>) {
        var start = timestamps.startIndex
        while start < timestamps.endIndex {
            let end = min(start + EngineConfiguration.chunkSamplesMax, timestamps.endIndex)
            let chunk = encode(timestamps: Array(timestamps[start..<end]), values: Array(values[start..<end]))
            table.chunks[row].append(chunk)
            start = end
        }
        statistics.appended += timestamps.count
        statistics.late += timestamps.count
        statistics.liveSamples += timestamps.count
    }

    // MARK: - Batches that others may miss

    /// A prepared batch as it is kept for those who miss it.
    package func numbered(_ prepared: PreparedAppend, as mark: BatchMark) -> NumberedBatch {
        numbered(
            mark, rows: prepared.rows, timestamps: prepared.timestamps, values: prepared.values,
            histograms: prepared.histograms)
    }

    func numbered(
        _ mark: BatchMark, rows: [UInt32], timestamps: [Int64], values: [Double], histograms: HistogramRows
    ) -> NumberedBatch {
        NumberedBatch(
            mark: mark, references: rows.map { table.identities[Int($0)].reference ?? SeriesTable.noRow },
            slots: rows.map { table.identities[Int($0)].placement.slot(bits: configuration.slotBits) },
            timestamps: timestamps, values: values, histograms: histograms)
    }

    func numbered(_ prepared: PreparedBundle, as mark: BatchMark) -> NumberedBatch {
        var samples = SampleColumns(
            series: prepared.columns.flatMap { Array(repeating: $0.row, count: $0.timestamps.count) },
            timestamps: prepared.columns.flatMap(\.timestamps), values: prepared.columns.flatMap(\.values))
        for column in prepared.columns {
            for (timestamp, histogram) in zip(column.histograms.timestamps, column.histograms.values) {
                samples.append(series: column.row, timestamp: timestamp, histogram: histogram)
            }
        }
        return numbered(
            mark, rows: samples.series, timestamps: samples.timestamps, values: samples.values,
            histograms: samples.histograms)
    }

    /// What the series of some batches are.
    ///
    /// - Parameter batches: their series stay in the table unless their slot is dropped.
    /// - Returns: definitions by reference, for `SampleBundle.init(_:_:)`.
    package func definitions(of batches: [NumberedBatch]) -> [UInt32: SeriesDefinition] {
        var found: [UInt32: SeriesDefinition] = [:]
        for batch in batches {
            for reference in batch.references where found[reference] == nil {
                if let definition = definition(ofReference: reference) { found[reference] = definition }
            }
        }
        return found
    }

    /// Appends what is needed of batches that members still miss to a new segment, which then needs no older one for it.
    package func rewrite(_ batches: [NumberedBatch], into log: inout [UInt8]) {
        for batch in batches {
            let bundle = SampleBundle([batch], definitions(of: [batch]))
            WALRecord.bundle(batch.mark, bundle: bundle.encoded, into: &log)
        }
    }

    /// The part of a batch whose series are placed in some slots. Rows of unknown series stay, so that they are told of.
    ///
    /// - Parameters:
    ///   - input: the batch.
    ///   - slots: which slots.
    /// - Returns: the part, and the rows of `input` that it has; nil when it has all.
    package func part(of input: AppendInput, in slots: SlotSet) -> (input: AppendInput, rows: [Int]?) {
        let bits = configuration.slotBits
        let isWanted = input.definitions.map { slots.contains($0.placement.slot(bits: bits)) }
        var rows: [Int] = []
        rows.reserveCapacity(input.rows.count)
        for (index, series) in input.rows.series.enumerated() {
            if series & SeriesReference.definitionBit != 0 {
                let definition = Int(series & ~SeriesReference.definitionBit)
                if definition < isWanted.count, !isWanted[definition] { continue }
            } else if input.generation == configuration.generation {
                let row = table.row(ofReference: series)
                if row != SeriesTable.noRow,
                    !slots.contains(table.identities[Int(row)].placement.slot(bits: bits))
                {
                    continue
                }
            }
            rows.append(index)
        }
        if rows.count == input.rows.count { return (input, nil) }
        var part = input
        part.rows = input.rows.part(rows: rows)
        return (part, rows)
    }

    // MARK: - Records of slots

    /// Appends a record of what `SlotMovement` notes.
    package static func note(_ movement: [UInt8], into log: inout [UInt8]) { WALRecord.movement(movement, into: &log) }

    /// Appends a record of slots that are dropped.
    package static func note(_ dropped: DroppedSlots, into log: inout [UInt8]) {
        WALRecord.dropped(dropped, into: &log)
    }

    // MARK: - Dropping

    /// Takes all series and samples of some slots out of the head; their references become unknown.
    ///
    /// What a running seal holds of them is in the block that it writes: whoever drops slots masks them there.
    /// - Parameter slots: whose; no batch may be prepared and not applied.
    /// - Complexity: O(series of the slots) and once over the indexes of their tenants.
    package mutating func dropSlots(_ slots: some Sequence<UInt16>) {
        changes.noteEverything()
        var rows: [Int] = []
        for slot in slots {
            for reference in slotReferences[Int(slot)] { rows.append(Int(table.row(ofReference: reference))) }
        }
        guard !rows.isEmpty else { return }
        var emptied: Set<UInt32> = []
        for row in rows {
            let state = table.states[row]
            let held = Int(state.openCount) + table.chunks[row].reduce(0) { $0 + $1.count }
            statistics.liveSamples -= held + (late[UInt32(row)]?.count ?? 0)
            if let gone = histograms.removeValue(forKey: UInt32(row)) {
                statistics.liveSamples -= gone.count
                histogramWeight -= gone.weight
            }
            pages.release(chain: state.page)
            table.chunks[row] = []
            late[UInt32(row)] = nil
            table.states[row] = SeriesState(server: state.server)
            if state.server != ServerTable.nobody { emptied.insert(state.server) }
        }
        drop(rows: rows)
        for server in emptied { servers.forgetIfEmpty(server) }
    }
}

/// A bundle whose series are defined, but whose samples are not yet in the head.
///
/// Between `Engine.prepare` and `Engine.apply` the engine must not begin or finish a seal.
package struct PreparedBundle: Sendable {
    /// Row of the series table, and the samples.
    var columns: [(row: UInt32, timestamps: [Int64], values: [Double], histograms: HistogramColumns)] = []
    /// Samples that cannot be taken.
    package internal(set) var refused = 0

    /// Samples that are taken.
    package var count: Int { columns.reduce(0) { $0 + $1.timestamps.count + $1.histograms.count } }
}
