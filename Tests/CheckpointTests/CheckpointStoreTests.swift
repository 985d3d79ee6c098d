import ByteCoding
import CheckpointPlan
import SeededRandom
import Testing

/// What every checkpoint store must do, against the real databases.
@Suite struct CheckpointStoreTests {
    @Test("a claim raises each slot's epoch by one and names the writer", arguments: StoreKind.available)
    func claims(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            #expect(try await store.slots().isEmpty)
            let first = try await store.claim([9, 2, 9, 65_535], writer: "node-a boot 1")
            #expect(
                first == [
                    SlotClaim(slot: 2, epoch: 1), SlotClaim(slot: 9, epoch: 1), SlotClaim(slot: 65_535, epoch: 1),
                ])
            let second = try await store.claim([2], writer: "node-b's \"boot\" 7")
            #expect(second == [SlotClaim(slot: 2, epoch: 2)])
            #expect(
                try await store.slots() == [
                    SlotState(slot: 2, epoch: 2, writer: "node-b's \"boot\" 7", watermark: nil),
                    SlotState(slot: 9, epoch: 1, writer: "node-a boot 1", watermark: nil),
                    SlotState(slot: 65_535, epoch: 1, writer: "node-a boot 1", watermark: nil),
                ])
            #expect(try await store.claim([], writer: "nobody").isEmpty)
            #expect(try await store.claim(Array(0...16_383), writer: "all").count == 16_384)
            await store.close()
        }
    }

    @Test(
        "what was added is listed newest first, in pages of any size, and fetched to the byte",
        arguments: StoreKind.available)
    func additions(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([1, 2, 3], writer: "a")
            var random = SplitMix64(seed: 5)
            let blocks = (0..<60 as Range<UInt64>).map { number in
                block(
                    number, slot: UInt16.random(in: 1...3, using: &random),
                    // Some at the same time, some days apart, some before 1970.
                    maxTime: [0, 1, -1, 5 * day, -2 * day, 20_400 * day, 20_400 * day + 77, Int64(number)][
                        Int(number % 8)],
                    size: number == 7 ? 3 << 20 : Int(number) + 1)
            }
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: 5)) == 60)
            let sorted = blocks.map(\.record).sorted { $0.isListed(before: $1) }
            for count in [1, 2, 7, 59, 60, 61, 10_000] { #expect(try await listed(store, count: count) == sorted) }
            #expect(try await listed(store, slots: [2]) == sorted.filter { $0.slot == 2 })
            #expect(try await listed(store, slots: [3, 1, 9]) == sorted.filter { $0.slot != 2 })
            #expect(try await listed(store, slots: []) == [])
            #expect(try await listed(store, since: 5 * day) == sorted.filter { $0.maxTime >= 5 * day })
            #expect(try await listed(store, since: 5 * day + 1) == sorted.filter { $0.maxTime > 5 * day })
            let fetched = try await store.fetch(sorted)
            #expect(Set(fetched) == Set(blocks))
            let gone = block(999).record
            #expect(try await store.fetch([gone, sorted[0]]).map(\.record) == [sorted[0]])
            // Another process sees the same.
            let other = database.open()
            #expect(try await listed(other) == sorted)
            await other.close()
            await store.close()
        }
    }

    @Test("adding the same block twice changes nothing, in one batch or in two", arguments: StoreKind.available)
    func idempotence(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([3], writer: "a")
            let (one, two) = (block(1), block(2))
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [one, one], watermark: 1)) == 1)
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [one], watermark: 1)) == 0)
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [two, one], watermark: 2)) == 1)
            #expect(Set(try await listed(store)) == [one.record, two.record])
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [], watermark: 3)) == 0)
            await store.close()
        }
    }

    @Test("another block under a known ID is refused and the whole batch with it", arguments: StoreKind.available)
    func conflicts(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([3], writer: "a")
            let original = block(1)
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [original], watermark: 1)) == 1)
            var record = original.record
            record.digest.low ^= 1
            let forged = CheckpointBlock(record: record, bytes: original.bytes)
            let error = await failure { () async throws(CheckpointError) in
                try await store.add(CheckpointBatch(claims: claims, blocks: [block(2), forged], watermark: 9))
            }
            #expect(error == .conflictingBlock(slot: 3, id: original.record.id))
            #expect(try await listed(store) == [original.record])
            #expect(try await store.slots().first?.watermark == 1)
            await store.close()
        }
    }

    @Test(
        "a newer claim fences the older writer out: its addition fails and changes nothing",
        arguments: StoreKind.available)
    func fencing(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let (old, new) = (database.open(), database.open())
            let held = try await old.claim([3, 4], writer: "old")
            #expect(try await old.add(CheckpointBatch(claims: held, blocks: [block(1)], watermark: 10)) == 1)
            let taken = try await new.claim([4], writer: "new")
            let error = await failure { () async throws(CheckpointError) in
                try await old.add(CheckpointBatch(claims: held, blocks: [block(2), block(3, slot: 4)], watermark: 20))
            }
            #expect(error == .fenced(slot: 4, held: 1, current: 2))
            #expect(try await listed(old) == [block(1).record])
            #expect(try await old.slots().map(\.watermark) == [10, 10])
            // What it still holds it may still write, and the new writer what it took.
            #expect(try await old.add(CheckpointBatch(claims: [held[0]], blocks: [block(2)], watermark: 30)) == 1)
            #expect(try await new.add(CheckpointBatch(claims: taken, blocks: [block(3, slot: 4)], watermark: 40)) == 1)
            #expect(try await old.slots().map(\.watermark) == [30, 40])
            // A slot that nobody claimed cannot be written, nor one that the batch brings no claim for.
            let never = await failure { () async throws(CheckpointError) in
                try await old.add(CheckpointBatch(claims: [SlotClaim(slot: 8, epoch: 1)], blocks: [], watermark: 1))
            }
            #expect(never == .fenced(slot: 8, held: 1, current: 0))
            let unclaimed = await failure { () async throws(CheckpointError) in
                try await new.add(CheckpointBatch(claims: taken, blocks: [block(9, slot: 3)], watermark: 1))
            }
            #expect(unclaimed == .unclaimed(slot: 3))
            await old.close()
            await new.close()
        }
    }

    @Test(
        "writers that race for slots: every addition is whole or absent, and none is under a lost claim",
        arguments: StoreKind.available)
    func fencingRace(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let writers = 4
            let rounds = 12
            let slots: [UInt16] = [1, 2, 3]
            let outcomes = try await withThrowingTaskGroup(of: [(blocks: [CheckpointBlock], stored: Bool)].self) {
                group in
                for writer in 0..<writers {
                    group.addTask {
                        let store = database.open()
                        var outcomes: [(blocks: [CheckpointBlock], stored: Bool)] = []
                        for round in 0..<rounds {
                            let claims = try await whenFree { () async throws(CheckpointError) in
                                try await store.claim(slots, writer: "writer-\(writer)")
                            }
                            for part in 0..<2 {
                                let number = UInt64(writer * 10_000 + round * 100 + part * 10)
                                let blocks = slots.map { block(number + UInt64($0), slot: $0) }
                                do throws(CheckpointError) {
                                    let added = try await whenFree { () async throws(CheckpointError) in
                                        try await store.add(
                                            CheckpointBatch(claims: claims, blocks: blocks, watermark: Int64(number)))
                                    }
                                    #expect(added == 3)
                                    outcomes.append((blocks, true))
                                } catch {
                                    guard case .fenced(_, let held, let current) = error else { throw error }
                                    #expect(current > held)
                                    outcomes.append((blocks, false))
                                }
                            }
                        }
                        await store.close()
                        return outcomes
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            let store = database.open()
            let present = Set(try await listed(store, count: 1_000))
            for outcome in outcomes {
                #expect(outcome.blocks.allSatisfy { present.contains($0.record) == outcome.stored })
            }
            #expect(present.count == outcomes.count { $0.stored } * 3)
            #expect(try await store.slots().map(\.epoch) == [Int64](repeating: Int64(writers * rounds), count: 3))
            #expect(outcomes.contains { $0.stored })
            await store.close()
        }
    }

    @Test("watermarks only move forward", arguments: StoreKind.available)
    func watermarks(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([1, 2], writer: "a")
            for (mark, expected) in [(5, 5), (3, 5), (-9, 5), (8, 8)] as [(Int64, Int64)] {
                #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [], watermark: mark)) == 0)
                #expect(try await store.slots().map(\.watermark) == [expected, expected])
            }
            // A new claim keeps what the old writer had reached.
            let again = try await store.claim([2], writer: "b")
            #expect(try await store.add(CheckpointBatch(claims: again, blocks: [], watermark: 7)) == 0)
            #expect(try await store.slots().map(\.watermark) == [8, 8])
            await store.close()
        }
    }

    @Test("retention drops what lies whole before the time, in its class alone", arguments: StoreKind.available)
    func retention(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([3], writer: "a")
            let other = RetentionClass(number: 7)
            let blocks =
                (0..<10 as Range<UInt64>).map { block($0, maxTime: Int64($0) * day + 5) } + [
                    block(50, maxTime: 5, retention: other)
                ]
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: 1)) == 11)
            _ = try await store.drop(before: 4 * day, retention: .raw)
            let left = blocks.map(\.record).filter { $0.retention == other || $0.maxTime >= 4 * day }
            #expect(Set(try await listed(store)) == Set(left))
            // Inside a day a store may keep more, never less.
            _ = try await store.drop(before: 4 * day + 5, retention: .raw)
            #expect(Set(try await listed(store)) == Set(left))
            _ = try await store.drop(before: .min, retention: .raw)
            _ = try await store.drop(before: 100 * day, retention: RetentionClass(number: 9))
            #expect(Set(try await listed(store)) == Set(left))
            // What was dropped may come again: retention is the caller's business.
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: [blocks[0]], watermark: 1)) == 1)
            #expect(try await store.fetch([blocks[0].record]) == [blocks[0]])
            await store.close()
        }
    }

    @Test(
        "many processes may open and upgrade one empty database at once, and again later",
        arguments: StoreKind.available)
    func concurrentMigration(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            for _ in 0..<2 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8 as Range<UInt16> {
                        group.addTask {
                            let store = database.open()
                            try await store.prepare()
                            try await store.prepare()
                            #expect(try await store.claim([number], writer: "n").count == 1)
                            await store.close()
                        }
                    }
                    try await group.waitForAll()
                }
            }
            let store = database.open()
            #expect(try await store.slots().map(\.epoch) == [Int64](repeating: 2, count: 8))
            await store.close()
        }
    }

    @Test("what is too large is refused by the limit's name", arguments: StoreKind.available)
    func limits(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            var records = [block(1).record, block(2).record]
            records[0].byteCount = CheckpointLimits.fetchBytesMax
            let error = await failure { () async throws(CheckpointError) in try await store.fetch(records) }
            #expect(
                error == .tooLarge(limit: "checkpoint_fetch_bytes_max", maximum: 64 << 20, found: (64 << 20) + 100))
            await store.close()
        }
    }

    @Test("a closed store says so", arguments: StoreKind.available)
    func closed(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            try await store.prepare()
            await store.close()
            await store.close()
            #expect(await failure { () async throws(CheckpointError) in try await store.slots() } == .closed)
            #expect(await failure { () async throws(CheckpointError) in try await store.prepare() } == .closed)
        }
    }

    @Test("a restore through failures fetches every block once, newest first", arguments: StoreKind.available)
    func restore(kind: StoreKind) async throws {
        try await withDatabase(kind) { database in
            let store = database.open()
            let claims = try await store.claim([1, 2], writer: "a")
            var random = SplitMix64(seed: 9)
            let blocks = (0..<200 as Range<UInt64>).map {
                block(
                    $0, slot: UInt16($0 % 2) + 1, maxTime: Int64.random(in: 0..<3 * day, using: &random),
                    size: Int($0) * 10 + 1)
            }
            #expect(try await store.add(CheckpointBatch(claims: claims, blocks: blocks, watermark: 1)) == 200)
            let local = blocks.prefix(30)
            var cursor = RestoreCursor(
                slots: nil, since: day, known: local.map { ($0.record.slot, $0.record.id) }, pageCount: 17,
                fetchBytes: 5_000)
            var restored: [CheckpointBlock] = []
            restoring: for _ in 0..<2_000 {
                // Half of the calls fail: the cursor is then asked again and must not skip.
                let fails = Bool.random(using: &random)
                switch cursor.next {
                case .list(let request): if !fails { try cursor.listed(try await store.list(request)) }
                case .fetch(let records):
                    guard !fails else { continue }
                    restored += try await store.fetch(records)
                    cursor.fetched(records)
                case .finished: break restoring
                }
            }
            let expected = blocks.dropFirst(30).filter { $0.record.maxTime >= day }
            #expect(cursor.next == .finished)
            #expect(restored.count == expected.count && Set(restored) == Set(expected))
            #expect(cursor.fetchedCount == expected.count)
            await store.close()
        }
    }
}
