import CheckpointPlan
import Testing

@Suite struct CheckpointCadenceTests {
    private func limits() -> CheckpointCadence.Limits {
        var limits = CheckpointCadence.Limits()
        limits.lingerMilliseconds = 1_000
        limits.uploadBytes = 1_000
        limits.backOffMillisecondsMin = 100
        limits.backOffMillisecondsMax = 5_000
        return limits
    }

    @Test("blocks linger for company, then go")
    func linger() {
        var cadence = CheckpointCadence(limits: limits())
        #expect(cadence.decision(now: 0) == .idle)
        cadence.sealed(count: 0, bytes: 0, now: 0)
        #expect(cadence.decision(now: 0) == .idle)
        cadence.sealed(count: 1, bytes: 10, now: 50)
        cadence.sealed(count: 1, bytes: 10, now: 900)
        #expect(cadence.decision(now: 950) == .wait(until: 1_050))
        #expect(cadence.decision(now: 1_050) == .upload)
        cadence.settled(count: 1, bytes: 10)
        #expect(cadence.decision(now: 1_050) == .upload, "what is left of a backlog does not linger again")
        cadence.settled(count: 1, bytes: 10)
        #expect(cadence.decision(now: 9_999) == .idle)
    }

    @Test("enough bytes go at once")
    func enough() {
        var cadence = CheckpointCadence(limits: limits())
        cadence.sealed(count: 1, bytes: 1_000, now: 5)
        #expect(cadence.decision(now: 5) == .upload)
    }

    @Test("each failure doubles the pause up to the longest, with at most half of it by chance; a success ends it")
    func backOff() {
        var cadence = CheckpointCadence(limits: limits())
        cadence.sealed(count: 2, bytes: 2_000, now: 0)
        for (full, jitter) in [
            (100, 0.0), (200, 0.5), (400, 0.99), (800, 0), (1_600, 0), (3_200, 0), (5_000, 0), (5_000, 1),
        ]
            as [(Int64, Double)]
        {
            cadence.failed(now: 10_000, jitter: jitter)
            let pause = full / 2 + Int64(Double(full / 2) * jitter)
            #expect(cadence.decision(now: 10_000) == .wait(until: 10_000 + pause))
            #expect(cadence.decision(now: 10_000 + pause) == .upload)
        }
        for _ in 0..<200 { cadence.failed(now: 0, jitter: 0) }
        #expect(cadence.decision(now: 0) == .wait(until: 2_500))
        cadence.settled(count: 1, bytes: 1_000)
        #expect(cadence.failureCount == 0 && cadence.decision(now: 0) == .upload)
    }

    @Test("a batch stays within its limits unless its first block is larger alone")
    func batches() {
        let limit = CheckpointLimits.batchBytesMax
        #expect(CheckpointCadence.batchCount([]) == 0)
        #expect(CheckpointCadence.batchCount([limit + 1, 1]) == 1)
        #expect(CheckpointCadence.batchCount([limit - 1, 1, 1]) == 2)
        #expect(CheckpointCadence.batchCount(Array(repeating: 1, count: 20_000)) == CheckpointLimits.batchBlocksMax)
    }
}

@Suite struct RestoreCursorTests {
    @Test("a page out of order, or one that does not go on, is an error and not an endless restore")
    func disorder() throws {
        let page = (0..<4 as Range<UInt64>).map { block($0, maxTime: 100 - Int64($0)).record }
        var cursor = RestoreCursor(slots: nil, since: 0, pageCount: 4)
        #expect(throws: CheckpointError.self) { try cursor.listed([page[1], page[0]]) }
        try cursor.listed(page)
        cursor.fetched(page)
        #expect(throws: CheckpointError.self) { try cursor.listed(page) }
        #expect(cursor.next == .list(BlockListRequest(slots: nil, since: 0, after: page[3], count: 4)))
    }

    @Test("blocks that are here are passed over; those that vanished are not asked for again")
    func passedOver() throws {
        let page = (0..<3 as Range<UInt64>).map { block($0, maxTime: 100 - Int64($0), size: 10).record }
        var cursor = RestoreCursor(slots: [3], since: 0, known: [(3, page[1].id)], pageCount: 5, fetchBytes: 100)
        try cursor.listed(page)
        #expect(cursor.next == .fetch([page[0], page[2]]))
        #expect(cursor.next == .fetch([page[0], page[2]]))
        cursor.fetched([page[0]])
        #expect(cursor.next == .finished && cursor.fetchedCount == 1)
    }

    @Test("a fetch holds at least one block and otherwise no more bytes than allowed")
    func fetchSizes() throws {
        let sizes = [500, 40, 60, 1, 99, 2]
        let page = sizes.enumerated().map { block(UInt64($0), maxTime: 100 - Int64($0), size: $1).record }
        var cursor = RestoreCursor(slots: nil, since: 0, pageCount: 10, fetchBytes: 100)
        try cursor.listed(page)
        var fetched: [[Int]] = []
        while case .fetch(let records) = cursor.next {
            fetched.append(records.map(\.byteCount))
            cursor.fetched(records)
        }
        #expect(fetched == [[500], [40, 60], [1, 99], [2]])
        #expect(cursor.fetchedBytes == 702)
    }
}

@Suite struct CheckpointConfigurationTests {
    @Test("settings that are understood")
    func understood() throws {
        #expect(
            try CheckpointConfiguration(parsing: "sqlite:./data/checkpoint.db") == .sqlite(path: "./data/checkpoint.db")
        )
        for uri in ["postgresql://h/db", "postgres://u:p@h:5433/db?sslmode=require", "postgresql://h1:1,h2:2/db"] {
            guard case .postgres(let parsed) = try CheckpointConfiguration(parsing: uri) else {
                Issue.record("\(uri) is not PostgreSQL")
                continue
            }
            #expect(parsed.secret == uri)
        }
    }

    @Test(
        "a password never shows",
        arguments: [
            ("postgresql://u:geheim@h/db", "postgresql://u:***@h/db"), ("postgres://u@h/db", "postgres://u@h/db"),
            ("postgresql://u:ge@heim@h:1/db", "postgresql://u:***@h:1/db"),
            ("postgresql://h:5432/db", "postgresql://h:5432/db"),
            (
                "postgresql:///db?user=u&password=geheim&sslpassword=geheim&host=/x",
                "postgresql:///db?user=u&password=***&sslpassword=***&host=/x"
            ),
            ("postgresql://u:geheim@h", "postgresql://u:***@h"),
            ("postgresql://u:geheim@h?x=1", "postgresql://u:***@h?x=1"),
            ("postgresql://u:ge/he?im@h/db", "postgresql://u:***@h/db"),
        ])
    func redaction(uri: String, shown: String) throws {
        #expect(try CheckpointConfiguration(parsing: uri).description == shown)
    }

    @Test(
        "settings that are not understood are named, without a password",
        arguments: [
            "", "sqlite:", "mysql://u:geheim@h/db", "checkpoint.db",
            "postgresql://u:geheim@h/a,postgresql://u:geheim@i/b",
            "postgresql://u:geheim@h/d b",
        ])
    func refused(setting: String) {
        do throws(CheckpointError) {
            _ = try CheckpointConfiguration(parsing: setting)
            Issue.record("\(setting) was taken")
        } catch {
            #expect(error.description.hasPrefix("checkpoint setting: ") && !error.description.contains("geheim"))
        }
    }
}

@Suite struct BlockIDTests {
    @Test("an ID's bytes, text and order agree")
    func forms() {
        let id = BlockID(high: 0x0123_4567_89AB_CDEF, low: 0x0000_0000_0000_00FF)
        #expect(id.description == "0123456789abcdef00000000000000ff")
        #expect(id.bytes == [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0, 0, 0, 0, 0, 0, 0, 0xFF])
        #expect(BlockID(bytes: id.bytes) == id && BlockID(bytes: []) == nil)
        #expect(
            BlockID(high: 1, low: .max) < BlockID(high: 2, low: 0)
                && BlockID(high: 1, low: 1) < BlockID(high: 1, low: 2))
    }
}
