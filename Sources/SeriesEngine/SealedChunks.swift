internal import ByteCoding
internal import ChunkCoding
package import MetricModel

/// The chunks of every series in several open block files, series by series, with their bytes: what a query walks. Immutable.
///
/// In the files a series' chunks lie far from each other: to look one up and to touch its first byte costs a cache miss each, more than to
/// decode it. Here the chunks of a series are one run of memory, and so are their bytes.
package struct SealedChunks: Sendable {
    struct Chunk: Sendable, BitwiseCopyable {
        var first: Int64
        var last: Int64
        /// Where its samples begin in `bytes`; the byte before has its codecs.
        var offset: Int
        /// Bytes of its samples.
        var length: UInt32
        /// How many samples it has.
        var count: UInt16
        /// Index of the file.
        var file: UInt16
    }

    /// A chunk of histograms.
    struct HistogramPart: Sendable {
        var first: Int64
        var last: Int64
        /// Index of the file.
        var file: UInt16
        /// The whole chunk.
        var bytes: [UInt8]
        /// Where it begins in its file: for errors alone.
        var offset: Int
    }

    /// What is kept of each chunk of histograms, and of each series of such, beside the chunk's bytes.
    static let bytesPerHistogramChunk = MemoryLayout<HistogramPart>.stride + 32
    static let bytesPerHistogramSeries = 64

    /// Where a file's chunks are taken from.
    package enum Source: Sendable {
        /// From a file of a number, and its bytes.
        case file(SealedFile, UInt32, [UInt8])
        /// From chunks that were put together before, where it was at this index.
        case joined(Int)
    }

    /// Lives as long as these chunks are in memory, which each copy of them holds.
    package final class Lifetime: Sendable {
        /// Bytes of these chunks.
        package let memorySize: Int

        fileprivate init(memorySize: Int) { self.memorySize = memorySize }
    }

    /// The most files that can be together.
    package static let filesMax = 1 << 16
    /// What is kept of each chunk beside its samples.
    static let bytesPerChunk = MemoryLayout<Chunk>.stride + MemoryLayout<Int>.stride

    /// Where the chunks of each number begin in `chunks`, with the end behind the last: twice the index, and one more where the number's
    /// chunks do not follow each other in time without overlap.
    var places: [UInt32] = []
    /// Of each series file by file.
    private(set) var chunks: [Chunk] = []
    /// Of each chunk its codecs and its samples, in the order of `chunks`, and a word behind the last.
    private var bytes: [UInt8] = []
    /// Of each chunk where its samples begin in its file: for errors alone.
    private var fileOffsets: [Int] = []
    /// Of each file its number: for errors alone.
    private(set) var fileNumbers: [UInt32] = []
    /// Of each file how many chunks it has, and bytes of these.
    private var sizes: [(chunks: Int, bytes: Int)] = []
    /// Chunks of histograms, by number, file by file: few series have any.
    var histograms: [UInt32: [HistogramPart]] = [:]
    private var histogramBytes = 0
    /// To be looked at weakly.
    package private(set) var lifetime = Lifetime(memorySize: 0)

    /// Bytes that so many numbers take in memory beside their chunks.
    package static func bytesOf(numbers: Int) -> Int { (numbers + 1) * MemoryLayout<UInt32>.stride }

    /// Bytes in memory, roughly.
    private var memorySize: Int {
        Self.bytesOf(numbers: numberLimit) + chunks.count * Self.bytesPerChunk + bytes.count + histogramBytes
    }

    /// Puts files together.
    ///
    /// - Parameters:
    ///   - sources: in order of sealing, at most `filesMax`.
    ///   - before: what those that were joined are taken from; their indexes there ascend.
    /// - Complexity: O(bytes + numbers · files).
    package init(_ sources: [Source], before: SealedChunks?) {
        precondition(sources.count <= Self.filesMax, "\(sources.count) files")
        var limit = 0
        var chunkCount = 0
        var byteCount = 0
        for source in sources {
            switch source {
            case .file(let file, let number, _):
                limit = max(limit, file.numberLimit)
                chunkCount += file.chunkCount
                byteCount += file.sampleBytes
                fileNumbers.append(number)
            case .joined(let index):
                guard let before else { preconditionFailure("file \(index) of nothing") }
                chunkCount += before.sizes[index].chunks
                byteCount += before.sizes[index].bytes
                fileNumbers.append(before.fileNumbers[index])
            }
        }
        if let before { limit = max(limit, before.numberLimit) }
        precondition(chunkCount < 1 << 31, "\(chunkCount) chunks")
        places.reserveCapacity(limit + 1)
        chunks.reserveCapacity(chunkCount)
        fileOffsets.reserveCapacity(chunkCount)
        bytes.reserveCapacity(byteCount + 8)
        sizes = [(chunks: Int, bytes: Int)](repeating: (0, 0), count: sources.count)
        var positions = [Int](repeating: 0, count: sources.count)
        for number in 0..<UInt32(limit) { append(number, sources, &positions, before) }
        places.append(UInt32(chunks.count) << 1)
        bytes.append(littleEndian: 0 as UInt64)
        for (index, source) in sources.enumerated() { addHistograms(of: source, as: UInt16(index), before) }
        measure()
    }

    /// One more than the greatest number that may have chunks.
    var numberLimit: Int { max(places.count - 1, 0) }

    /// Says anew what it takes in memory, as something that nobody else holds yet.
    mutating func measure() { lifetime = Lifetime(memorySize: memorySize) }

    /// Whether there is a copy that holds the same memory.
    package mutating func isHeldElsewhere() -> Bool { !isKnownUniquelyReferenced(&lifetime) }

    /// Adds a file's chunks of histograms.
    private mutating func addHistograms(of source: Source, as index: UInt16, _ before: SealedChunks?) {
        switch source {
        case .file(let file, _, let data):
            for (number, places) in file.histograms {
                for place in places {
                    add(
                        HistogramPart(
                            first: place.first, last: place.last, file: index,
                            bytes: Array(data[place.offset..<place.offset + place.length]), offset: place.offset),
                        to: number)
                }
            }
        case .joined(let joined):
            for (number, parts) in before?.histograms ?? [:] {
                for var part in parts where Int(part.file) == joined {
                    part.file = index
                    add(part, to: number)
                }
            }
        }
    }

    private mutating func add(_ part: HistogramPart, to number: UInt32) {
        if histograms[number] == nil { histogramBytes += Self.bytesPerHistogramSeries }
        histograms[number, default: []].append(part)
        histogramBytes += part.bytes.count + Self.bytesPerHistogramChunk
    }

    /// Adds a series' chunks; `positions` has, of each file that was read, where its series from this number on begin.
    private mutating func append(
        _ number: UInt32, _ sources: [Source], _ positions: inout [Int], _ before: SealedChunks?
    ) {
        let place = chunks.count
        var old = before?.range(of: number) ?? 0..<0
        for (index, source) in sources.enumerated() {
            switch source {
            case .file(let file, _, let data):
                let position = positions[index]
                guard position < file.seriesCount, file.number(at: position) == number else { continue }
                for chunk in file.chunks(at: position) { append(chunk, of: data, UInt16(index)) }
                positions[index] += 1
            case .joined(let joined):
                guard let before else { continue }
                while let first = old.first, Int(before.chunks[first].file) <= joined {
                    let chunk = before.chunks[first]
                    if Int(chunk.file) == joined { append(first, of: before, UInt16(index)) }
                    old.removeFirst()
                }
            }
        }
        var isOrdered = true
        for next in chunks.indices[place...].dropFirst() where chunks[next].first <= chunks[next - 1].last {
            isOrdered = false
        }
        places.append(UInt32(place) << 1 | (isOrdered ? 0 : 1))
    }

    /// Adds a chunk of a file.
    private mutating func append(_ chunk: SealedFile.Chunk, of data: [UInt8], _ file: UInt16) {
        let data = data.rawSpan
        bytes.append(chunk.codecs)
        chunks.append(
            Chunk(
                first: chunk.first, last: chunk.last, offset: bytes.count, length: chunk.length, count: chunk.count,
                file: file))
        fileOffsets.append(chunk.offset)
        bytes.append(span: data.extracting(chunk.offset..<chunk.offset + Int(chunk.length)))
        count(Int(chunk.length) + 1, of: file)
    }

    /// Adds a chunk that others were together with, by its index there.
    private mutating func append(_ index: Int, of before: SealedChunks, _ file: UInt16) {
        var chunk = before.chunks[index]
        fileOffsets.append(before.fileOffsets[index])
        let old = before.bytes.rawSpan
        let start = bytes.count
        bytes.append(span: old.extracting(chunk.offset - 1..<chunk.offset + Int(chunk.length)))
        chunk.offset = start + 1
        chunk.file = file
        chunks.append(chunk)
        count(Int(chunk.length) + 1, of: file)
    }

    private mutating func count(_ bytes: Int, of file: UInt16) {
        sizes[Int(file)].chunks += 1
        sizes[Int(file)].bytes += bytes
    }

    func range(of number: UInt32) -> Range<Int> {
        guard Int(number) < places.count - 1 else { return 0..<0 }
        return Int(places[Int(number)] >> 1)..<Int(places[Int(number) + 1] >> 1)
    }

    /// Whether a series has a chunk that overlaps `start ... end` in one of the `wanted` files.
    package func overlaps(_ number: UInt32, of wanted: [Bool], start: Int64, end: Int64) -> Bool {
        for index in range(of: number) where chunks[index].last >= start && chunks[index].first <= end {
            if wanted[Int(chunks[index].file)] { return true }
        }
        return histograms[number]?.contains { $0.last >= start && $0.first <= end && wanted[Int($0.file)] } ?? false
    }

    /// Asks for the memory that reading the newest of a series will touch: first where its chunks stand, some series later, with
    /// `hasPlaces`, their bytes.
    package func prefetch(_ number: UInt32, hasPlaces: Bool) {
        let range = range(of: number)
        guard let last = range.last else { return }
        if hasPlaces {
            Prefetch.line(of: bytes, at: chunks[last].offset)
        } else {
            Prefetch.line(of: chunks, at: last)
        }
    }

    private func isOrdered(_ number: UInt32) -> Bool { places[Int(number)] & 1 == 0 }

    /// Adds a series' samples from chunks that overlap `start ... end` to an empty run; what lies outside is not cut off.
    ///
    /// - Parameters:
    ///   - number: the series.
    ///   - wanted: of each file, whether it is to be read.
    ///   - run: gains the samples.
    ///   - start: first time wanted.
    ///   - end: last time wanted.
    ///   - times: where only the newest samples at some times are wanted, these times; others may come along.
    /// - Throws: `BlockError.badChunk` naming the file, with the offset in it.
    package func append(
        _ number: UInt32, of wanted: [Bool], to run: inout SampleRun, start: Int64, end: Int64, times: SampleTimes?
    ) throws(BlockError) {
        if !histograms.isEmpty { try appendHistograms(number, of: wanted, to: &run, start: start, end: end) }
        let all = range(of: number)
        if all.isEmpty { return }
        guard isOrdered(number) else {
            for index in all where chunks[index].last >= start && chunks[index].first <= end {
                if wanted[Int(chunks[index].file)] { try merge(index, into: &run) }
            }
            return
        }
        let range = overlapping(all, start, end)
        if let times {
            try pick(range, of: wanted, to: &run, times)
        } else {
            try decode(range, of: wanted, to: &run)
        }
    }

    private func appendHistograms(
        _ number: UInt32, of wanted: [Bool], to run: inout SampleRun, start: Int64, end: Int64
    ) throws(BlockError) {
        for part in histograms[number] ?? [] where part.last >= start && part.first <= end && wanted[Int(part.file)] {
            do throws(BlockError) {
                try run.merge(histogramChunk: part.bytes.rawSpan, offset: part.offset)
            } catch {
                throw BlockError(
                    error.code, offset: error.offset, found: error.found,
                    context: "block \(fileNumbers[Int(part.file)]), \(error.context)")
            }
        }
    }

    /// Of chunks that ascend, those that overlap `start ... end`.
    private func overlapping(_ all: Range<Int>, _ start: Int64, _ end: Int64) -> Range<Int> {
        let chunks = chunks.span
        // Most questions are about the newest: doubled distances from the end, then halves.
        var low = all.lowerBound
        var high = all.upperBound
        var distance = 1
        while distance <= high &- low {
            if chunks[high &- distance].last < start {
                low = high &- distance &+ 1
                break
            }
            high &-= distance
            distance &*= 2
        }
        while low < high {
            let middle = (low &+ high) / 2
            if chunks[middle].last < start { low = middle &+ 1 } else { high = middle }
        }
        high = low
        while high < all.upperBound && chunks[high].first <= end { high &+= 1 }
        return low..<high
    }

    private func merge(_ index: Int, into run: inout SampleRun) throws(BlockError) {
        let chunk = chunks[index]
        var times = [Int64](repeating: 0, count: Int(chunk.count))
        var numbers = [Double](repeating: 0, count: Int(chunk.count))
        var timeSpan = times.mutableSpan
        var numberSpan = numbers.mutableSpan
        let data = bytes.rawSpan
        _ = try decode(chunk, index, data, &timeSpan, &numberSpan, from: 0)
        run.merge(timestamps: times, values: numbers)
    }

    private func decode(_ range: Range<Int>, of wanted: [Bool], to run: inout SampleRun) throws(BlockError) {
        let chunks = chunks.span
        let data = bytes.rawSpan
        var room = 0
        for index in range where wanted[Int(chunks[index].file)] { room += Int(chunks[index].count) }
        try run.append(room: room) { times, values, base, _ throws(BlockError) in
            var at = base
            for index in range where wanted[Int(chunks[index].file)] {
                at &+= try decode(chunks[index], index, data, &times, &values, from: at)
            }
            return at
        }
    }

    @inline(__always)
    private func decode(
        _ chunk: Chunk, _ index: Int, _ data: RawSpan, _ times: inout MutableSpan<Int64>,
        _ values: inout MutableSpan<Double>,
        from base: Int
    ) throws(BlockError) -> Int {
        do throws(ChunkError) {
            return try ChunkDecoder.decode(
                Self.header(chunk, data), data, at: chunk.offset..<chunk.offset + Int(chunk.length), into: &times,
                from: base, values: &values, from: base)
        } catch {
            throw damaged(index, error)
        }
    }

    private func pick(
        _ range: Range<Int>, of wanted: [Bool], to run: inout SampleRun, _ asked: SampleTimes
    ) throws(BlockError) {
        let data = bytes.rawSpan
        var all = 0
        for index in range { all += Int(chunks[index].count) }
        // A chunk of which more than half is wanted is decoded whole.
        let room = min(all, asked.count > all ? all : 2 * asked.count)
        try run.append(room: room) { times, values, base, picker throws(BlockError) in
            var at = base
            try forEachWanted(range, of: wanted, asked) { chunk, place, indices throws(BlockError) in
                if indices.count > Int(chunk.count) / 2 {
                    at &+= try decode(chunk, place, data, &times, &values, from: at)
                    return
                }
                do throws(ChunkError) {
                    at &+= try picker.pick(
                        Self.header(chunk, data), data, at: chunk.offset..<chunk.offset + Int(chunk.length),
                        newestAt: asked.time(indices.lowerBound), step: asked.step, count: indices.count, into: &times,
                        &values, from: at)
                } catch {
                    throw damaged(place, error)
                }
            }
            return at
        }
    }

    /// Hands over, of chunks that ascend, those in which some of the times may find their newest sample, with their index and the indices of
    /// these times.
    @inline(__always)
    private func forEachWanted<Failure: Error>(
        _ range: Range<Int>, of wanted: [Bool], _ times: SampleTimes,
        _ body: (Chunk, Int, Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        let chunks = chunks.span
        var index = range.lowerBound
        while index < range.upperBound {
            let place = index
            let chunk = chunks[place]
            index &+= 1
            if !wanted[Int(chunk.file)] { continue }
            // From the next chunk's first sample on, that or a later one is newer than all of this.
            while index < range.upperBound, !wanted[Int(chunks[index].file)] { index &+= 1 }
            let next = index < range.upperBound ? chunks[index].first : .max
            let indices = times.indices(from: chunk.first, before: next, last: chunk.last)
            if !indices.isEmpty { try body(chunk, place, indices) }
        }
    }

    /// Adds what `append` reads of a series.
    package func measure(
        _ number: UInt32, of wanted: [Bool], into volume: inout ReadVolume, start: Int64, end: Int64,
        times: SampleTimes?
    ) {
        for part in histograms[number] ?? [] where part.last >= start && part.first <= end && wanted[Int(part.file)] {
            volume.add(bytes: part.bytes.count)
        }
        let all = range(of: number)
        if all.isEmpty { return }
        guard isOrdered(number), let times else {
            for chunk in chunks[all] where chunk.last >= start && chunk.first <= end && wanted[Int(chunk.file)] {
                volume.add(bytes: Int(chunk.length))
            }
            return
        }
        forEachWanted(overlapping(all, start, end), of: wanted, times) { chunk, _, _ in
            volume.add(bytes: Int(chunk.length))
        }
    }

    @inline(__always)
    private static func header(_ chunk: Chunk, _ data: RawSpan) throws(ChunkError) -> ChunkHeader {
        try ChunkHeader(
            codecs: data.byte(at: chunk.offset &- 1), count: Int(chunk.count), firstTime: chunk.first,
            lastTime: chunk.last)
    }

    private func damaged(_ index: Int, _ error: ChunkError) -> BlockError {
        BlockError(
            .badChunk, offset: fileOffsets[index], found: 0,
            context: "block \(fileNumbers[Int(chunks[index].file)]), chunk data: \(error)")
    }
}
