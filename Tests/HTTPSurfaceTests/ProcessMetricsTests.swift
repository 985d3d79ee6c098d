import HTTPSurface
import Testing

@Suite struct ProcessMetricsReading {
    /// As Linux 6.1 wrote it for a program whose name is `a) b (c`.
    static let stat = """
        4711 (a) b (c) S 1 4711 4711 0 -1 4194560 901 0 3 0 250 50 0 0 20 0 5 0 360000 123456789 2500 \
        18446744073709551615 1 1 0 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0

        """

    @Test("the fields are found behind any program name, and come in seconds and bytes")
    func fields() throws {
        let status = try #require(ProcessStatus(Self.stat, ticksPerSecond: 100, pageBytes: 4096))
        #expect(status.cpuSeconds == 3)
        #expect(status.startSeconds == 3600)
        #expect(status.virtualBytes == 123_456_789)
        #expect(status.residentBytes == 2500 * 4096)
    }

    @Test("what is not such a file is nothing", arguments: ["", "4711 (murmur", "4711 (murmur) S 1 2 3"])
    func notAFile(_ text: String) {
        #expect(ProcessStatus(text, ticksPerSecond: 100, pageBytes: 4096) == nil)
    }

    @Test("boot time and the limit of open files are found in their lines")
    func otherFiles() {
        #expect(ProcessStatus.bootTime("cpu 1 2 3\nbtime 1700000000\nprocesses 5\n") == 1_700_000_000)
        #expect(ProcessStatus.bootTime("") == nil)
        let limits = "Limit           Soft Limit  Hard Limit  Units\nMax open files  1024        4096        files\n"
        #expect(ProcessStatus.fileDescriptorsMax(limits) == 1024)
        #expect(ProcessStatus.fileDescriptorsMax("Max open files   unlimited  unlimited  files") == .infinity)
        #expect(ProcessStatus.fileDescriptorsMax("") == nil)
    }

    @Test("this process has a reading")
    func own() throws {
        let status = try #require(ProcessStatus.current)
        #expect(status.residentBytes > 1_000_000 && status.virtualBytes >= status.residentBytes)
        #expect(status.cpuSeconds > 0 && status.startSeconds > 0)
    }
}
