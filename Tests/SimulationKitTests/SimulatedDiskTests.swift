import SeededRandom
import SimulationKit
import Testing

@Suite struct SimulatedDiskTests {
    @Test("a power cut takes a suffix of what was not synced, and nothing else")
    func powerCut() {
        var random = SplitMix64(seed: 5)
        var lost: Set<Int> = []
        for _ in 0..<200 {
            var disk = SimulatedDisk<Int>()
            for record in 0..<10 { disk.append(record) }
            disk.sync()
            for record in 10..<14 { disk.append(record) }
            lost.insert(disk.powerCut(random: &random))
            #expect(disk.records == Array(0..<disk.end) && disk.end >= 10)
        }
        #expect(lost == [0, 1, 2, 3, 4])
    }

    @Test("positions stay when the log is cut, and what is cut is gone")
    func cut() {
        var disk = SimulatedDisk<String>()
        disk.append("a")
        disk.append("b")
        #expect(disk.append("c") == 2)
        disk.cut(before: 2)
        #expect(disk.start == 2 && disk.end == 3 && disk.records == ["c"] && disk[2] == "c")
        disk.cut(before: 1)
        #expect(disk.records == ["c"])
        disk.cut(before: 99)
        #expect(disk.records == [] && disk.end == 3 && disk.syncedEnd == 3)
    }

    @Test("a wiped disk is empty")
    func wipe() {
        var disk = SimulatedDisk<Int>()
        disk.append(1)
        disk.sync()
        disk.wipe()
        #expect(disk.records.isEmpty && disk.end == 0 && disk.syncedEnd == 0)
    }
}
