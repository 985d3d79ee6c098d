import Settings
import Testing

@Suite("the memory that a process may have")
struct ProcessMemoryTests {
    private func limit(_ files: [String: String]) -> Int { ProcessMemory.limit(physical: 8 << 30) { files[$0] } }

    @Test("is the machine's where nothing says otherwise")
    func machine() {
        #expect(limit([:]) == 8 << 30)
        let unlimited = ["/proc/self/cgroup": "0::/user.slice\n", "/sys/fs/cgroup/user.slice/memory.max": "max\n"]
        #expect(limit(unlimited) == 8 << 30)
        #expect(limit(["/proc/self/cgroup": "nonsense"]) == 8 << 30)
    }

    @Test("is the least of the group's and of those around it")
    func versionTwo() {
        let files = [
            "/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "1073741824\n",
            "/sys/fs/cgroup/a/b/memory.max": "2147483648\n",
        ]
        #expect(limit(files) == 1 << 30)
        #expect(limit(["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "536870912"]) == 512 << 20)
    }

    @Test("is found in version 1 of control groups")
    func versionOne() {
        let files = [
            "/proc/self/cgroup": "5:cpu,cpuacct:/pod\n4:memory:/pod\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "4294967296\n",
            "/sys/fs/cgroup/memory/pod/memory.limit_in_bytes": "9223372036854771712\n",
        ]
        #expect(limit(files) == 4 << 30)
    }
}
