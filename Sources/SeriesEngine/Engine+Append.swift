internal import ChunkCoding
internal import MetricModel

extension Engine {
    /// Judges a batch and writes its log records; the head is as before until `apply`.
    ///
    /// Series are defined at once: one whose batch is abandoned stays as an empty series until two seals have passed.
    /// - Parameters:
    ///   - input: the batch.
    ///   - now: Unix milliseconds, for the bounds of age and future.
    ///   - mark: the batch's number, where others may come to miss it; its record is there even if nothing is taken.
    ///   - log: where the records are appended; they belong to the current segment.
    /// - Returns: what `apply` takes once the log has the records, and the answer to give then.
    package mutating func prepare(
        _ input: AppendInput, now: Int64, as mark: BatchMark? = nil, into log: inout [UInt8]
    ) -> PreparedAppend {
        precondition(walSegment > 0, "append before beginSegment")
        var outcome = AppendOutcome(generation: configuration.generation)
        var definitionRows: [UInt32] = []
        var refusals: [SampleRejection.Reason?] = []
        for definition in input.definitions {
            let found = define(definition, seriesMax: configuration.seriesMax)
            definitionRows.append(found.row)
            refusals.append(found.refusal)
            outcome.references.append(
                found.refusal == nil
                    ? table.identities[Int(found.row)].reference ?? AppendOutcome.refused : AppendOutcome.refused)
        }
        var judging = Judging(
            definitionRows: definitionRows, refusals: refusals,
            knowsReferences: input.generation == configuration.generation, now: now, configuration: configuration)
        judging.run(input.rows, table: &table, segment: walSegment)
        statistics.rejected += judging.rejections.count
        statistics.unknownReferences += judging.unknown.count
        outcome.rejections = judging.rejections
        outcome.unknownReferences = judging.unknown

        let news = input.metadata.filter { metadata.isNews($0, limit: configuration.metadataMetricsMax) }
        let prepared = PreparedAppend(
            rows: judging.rows,
            timestamps: judging.kept(input.rows.timestamps), values: judging.kept(input.rows.values),
            histograms: judging.kept(input.rows.histograms),
            metadata: news, outcome: outcome)
        writeDefinitions(of: judging.undefinedRows, into: &log)
        if !news.isEmpty { WALRecord.metadata(news, into: &log) }
        if let mark {
            WALRecord.batch(
                mark, series: prepared.rows, timestamps: prepared.timestamps, values: prepared.values,
                histograms: prepared.histograms, into: &log)
        } else if !prepared.rows.isEmpty {
            WALRecord.samples(
                series: prepared.rows, timestamps: prepared.timestamps, values: prepared.values,
                histograms: prepared.histograms, into: &log)
        }
        return prepared
    }

    /// Takes a prepared batch into the head: its records are in the log.
    package mutating func apply(_ prepared: PreparedAppend) {
        for entry in prepared.metadata { metadata.set(entry) }
        changes.note(prepared.timestamps)
        append(
            rows: prepared.rows, timestamps: prepared.timestamps, values: prepared.values,
            histograms: prepared.histograms)
    }

    /// Takes back what `prepare` noted: the batch's records did not reach the log. Begin a new segment next.
    package mutating func abandon(_ prepared: PreparedAppend) {
        for row in prepared.rows { table.states[Int(row)].judged = table.states[Int(row)].newest }
    }

    /// The row of a series, defined if it is new; a reason when it cannot be.
    ///
    /// - Parameters:
    ///   - definition: the series.
    ///   - seriesMax: series that the table may hold; replay takes whatever was acknowledged.
    /// - Returns: the row, or `SeriesTable.noRow` and why.
    mutating func define(
        _ definition: SeriesDefinition, seriesMax: Int
    ) -> (row: UInt32, refusal: SampleRejection.Reason?) {
        let fingerprint = definition.fingerprint
        if let row = table.row(of: fingerprint) {
            let known = table.identities[Int(row)]
            guard known.labels == definition.labels && known.tenant == definition.tenant else {
                return (SeriesTable.noRow, .fingerprintCollision)
            }
            return (row, nil)
        }
        guard table.liveCount < seriesMax else { return (SeriesTable.noRow, .tooManySeries) }
        let server = serverRow(of: definition)
        let row = table.add(definition, fingerprint: fingerprint, server: server)
        if let reference = table.identities[Int(row)].reference {
            indexes[definition.tenant, default: LabelIndex()].insert(reference, labels: definition.labels)
            slotReferences[Int(definition.placement.slot(bits: configuration.slotBits))].append(reference)
        }
        servers.addSeries(server)
        statistics.seriesDefined += 1
        return (row, nil)
    }

    private mutating func serverRow(of definition: SeriesDefinition) -> UInt32 {
        let index = Int(definition.placement.labelIndex)
        guard index < configuration.placementLabels.count else { return ServerTable.nobody }
        let label = configuration.placementLabels[index]
        guard let id = definition.labels[label] else { return ServerTable.nobody }
        return servers.row(tenant: definition.tenant, label: label, id: id)
    }

    /// Writes definitions in records of at most `WALRecord.definitionBytesMax`, or of one that is larger alone.
    private func writeDefinitions(of rows: [UInt32], into log: inout [UInt8]) {
        var part: [WALDefinition] = []
        var bytes = 0
        for row in rows {
            let identity = table.identities[Int(row)]
            let entry = WALDefinition(
                series: row,
                definition: SeriesDefinition(
                    tenant: identity.tenant, labels: identity.labels, placement: identity.placement))
            if bytes + entry.bytesMax > WALRecord.definitionBytesMax && !part.isEmpty {
                WALRecord.definitions(part, into: &log)
                part.removeAll(keepingCapacity: true)
                bytes = 0
            }
            part.append(entry)
            bytes += entry.bytesMax
        }
        if !part.isEmpty { WALRecord.definitions(part, into: &log) }
    }

    /// Takes rows of either kind that are already judged.
    mutating func append(rows: [UInt32], timestamps: [Int64], values: [Double], histograms: HistogramRows) {
        if histograms.isEmpty { return append(rows: rows, timestamps: timestamps, values: values) }
        append(histograms, rows: rows, timestamps: timestamps)
        let numbers = rows.indices.filter { histograms[$0] == nil }
        append(
            rows: numbers.map { rows[$0] }, timestamps: numbers.map { timestamps[$0] },
            values: numbers.map { values[$0] })
    }

    /// The append loop: samples that are already judged, in order of arrival.
    mutating func append(rows: [UInt32], timestamps: [Int64], values: [Double]) {
        precondition(rows.count == timestamps.count && rows.count == values.count, "sample columns of unequal length")
        var grown = 0
        for index in rows.indices {
            let row = Int(rows[index])
            let sample = OpenSample(timestamp: timestamps[index], value: values[index])
            var state = table.states[row]
            guard sample.timestamp > state.newest else {
                if appendLate(sample, row: row) { grown += 1 }
                continue
            }
            if Int(state.openCount) == EngineConfiguration.openSamplesMax { state = encodeOpen(row: row) }
            let position = Int(state.openCount) % OpenPages.samplesPerPage
            if position == 0 { state.page = pages.allocate(after: state.page) }
            pages.write(sample, page: state.page, position: position)
            state.openCount &+= 1
            state.newest = sample.timestamp
            if state.judged < sample.timestamp { state.judged = sample.timestamp }
            table.states[row] = state
            let server = Int(state.server)
            if servers.lastPush[server] < sample.timestamp { servers.lastPush[server] = sample.timestamp }
            grown += 1
        }
        statistics.appended += rows.count
        statistics.liveSamples += grown
    }

    /// Takes a sample that is not newer than its series.
    ///
    /// - Returns: whether the head holds one more sample.
    private mutating func appendLate(_ sample: OpenSample, row: Int) -> Bool {
        let state = table.states[row]
        let resolved = pages.resolve(
            chain: state.page, count: Int(state.openCount), timestamp: sample.timestamp,
            { SampleResolution.winner($0, sample.value) })
        if resolved { return false }
        statistics.late += 1
        let key = UInt32(row)
        let grown = late[key, default: LateSamples()].insert(timestamp: sample.timestamp, value: sample.value)
        if let list = late[key], list.count >= EngineConfiguration.lateSamplesMax {
            late[key] = nil
            table.chunks[row].append(encode(timestamps: list.timestamps, values: list.values))
        }
        return grown
    }

    /// Turns a full open buffer into a chunk.
    ///
    /// - Returns: the row's state, with an empty buffer.
    private mutating func encodeOpen(row: Int) -> SeriesState {
        var state = table.states[row]
        scratchTimestamps.removeAll(keepingCapacity: true)
        scratchValues.removeAll(keepingCapacity: true)
        pages.copy(
            chain: state.page, count: Int(state.openCount), timestamps: &scratchTimestamps, values: &scratchValues)
        table.chunks[row].append(encode(timestamps: scratchTimestamps, values: scratchValues))
        pages.release(chain: state.page)
        state.page = OpenPages.none
        state.openCount = 0
        table.states[row] = state
        return state
    }

    mutating func encode(timestamps: [Int64], values: [Double]) -> HeadChunk {
        statistics.chunksEncoded += 1
        return HeadChunk(encoding: timestamps, values, with: &encoder)
    }
}

extension HeadChunk {
    /// Encodes samples, strictly ascending by time and at least one.
    init(encoding timestamps: [Int64], _ values: [Double], with encoder: inout ChunkEncoder) {
        precondition(!timestamps.isEmpty, "a chunk holds at least one sample")
        var bytes: [UInt8] = []
        encoder.encode(timestamps: timestamps.span, values: values.span, into: &bytes)
        self.init(bytes: bytes, first: timestamps[0], last: timestamps[timestamps.count - 1], count: timestamps.count)
    }
}
