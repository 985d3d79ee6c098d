/// One raw sample of an open buffer.
struct OpenSample: BitwiseCopyable, Sendable {
    var timestamp: Int64
    var value: Double
}

/// The memory of all open buffers: pages of 16 samples, chained backwards, recycled through a free list.
///
/// A page is 256 bytes, four cache lines: a series with few samples costs little, and a sample written costs one line.
struct OpenPages: Sendable {
    /// Samples in a page.
    static let samplesPerPage = 16
    /// Stands for "no page".
    static let none = UInt32.max

    private var samples = SegmentedArray<OpenSample>()
    private var previous = SegmentedArray<UInt32>()
    private var free: [UInt32] = []

    /// Pages that exist, in use or free.
    var pageCount: Int { previous.count }

    /// Takes a page whose predecessor in the chain is `page` (or `none`).
    mutating func allocate(after page: UInt32) -> UInt32 {
        if let recycled = free.popLast() {
            previous[Int(recycled)] = page
            return recycled
        }
        let number = UInt32(previous.count)
        previous.append(page)
        for _ in 0..<Self.samplesPerPage { samples.append(OpenSample(timestamp: 0, value: 0)) }
        return number
    }

    /// Writes a sample into a page; `position` is 0 ... 15.
    @inline(__always)
    mutating func write(_ sample: OpenSample, page: UInt32, position: Int) {
        samples[Int(page) &* Self.samplesPerPage &+ position] = sample
    }

    /// Gives the chain that ends in `page` back.
    mutating func release(chain page: UInt32) {
        var at = page
        while at != Self.none {
            free.append(at)
            at = previous[Int(at)]
        }
    }

    /// Copies the `count` samples of the chain that ends in `page` to the end of the columns, oldest first.
    func copy(chain page: UInt32, count: Int, timestamps: inout [Int64], values: inout [Double]) {
        guard count > 0 else { return }
        var pages: [UInt32] = []
        var at = page
        while at != Self.none {
            pages.append(at)
            at = previous[Int(at)]
        }
        var rest = count
        for page in pages.reversed() {
            let base = Int(page) * Self.samplesPerPage
            for position in 0..<min(rest, Self.samplesPerPage) {
                let sample = samples[base + position]
                timestamps.append(sample.timestamp)
                values.append(sample.value)
            }
            rest -= Self.samplesPerPage
        }
    }

    /// Finds the sample at `timestamp` in the chain and lets `resolve` replace its value.
    ///
    /// - Returns: whether there is one.
    mutating func resolve(
        chain page: UInt32, count: Int, timestamp: Int64, _ resolve: (Double) -> Double
    ) -> Bool {
        var at = page
        var inPage = count == 0 ? 0 : (count - 1) % Self.samplesPerPage + 1
        while at != Self.none {
            let base = Int(at) * Self.samplesPerPage
            for position in stride(from: inPage - 1, through: 0, by: -1) {
                let found = samples[base + position]
                if found.timestamp == timestamp {
                    samples[base + position].value = resolve(found.value)
                    return true
                }
                if found.timestamp < timestamp { return false }
            }
            at = previous[Int(at)]
            inPage = Self.samplesPerPage
        }
        return false
    }
}
