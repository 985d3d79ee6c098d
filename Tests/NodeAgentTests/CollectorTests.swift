import MetricModel
import NodeAgent
import Testing

/// Figures by name and labels, as PromQL would write them.
private func table(_ measurements: [Measurement]) -> [String: Double] {
    var result: [String: Double] = [:]
    for one in measurements {
        let labels = one.labels.map { "\($0.name)=\"\($0.value)\"" }.joined(separator: ",")
        let key = labels.isEmpty ? one.name : "\(one.name){\(labels)}"
        if result.updateValue(one.value, forKey: key) != nil { Issue.record("\(key) occurs twice") }
    }
    return result
}

@Suite("Collectors")
struct CollectorTests {
    @Test("/proc/stat: processors in seconds, counters, no total line")
    func stat() {
        let figures = table(
            ProcessorCollector.stat(
                """
                cpu  300 6 90 1500 60 0 12 3 0 0
                cpu0 100 2 30 500 20 0 4 1 50 7
                cpu11 200 4 60 1000 40 0 8 2 0 0
                intr 123456 0 9 0
                ctxt 987654
                btime 1763000000
                processes 4242
                procs_running 3
                procs_blocked 1
                softirq 55 1 2
                """))
        #expect(figures["node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"] == 1)
        #expect(figures["node_cpu_seconds_total{cpu=\"11\",mode=\"idle\"}"] == 10)
        #expect(figures["node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"}"] == 0.01)
        #expect(figures["node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"}"] == 0.5)
        #expect(figures["node_cpu_guest_seconds_total{cpu=\"0\",mode=\"nice\"}"] == 0.07)
        #expect(figures["node_intr_total"] == 123_456)
        #expect(figures["node_context_switches_total"] == 987_654)
        #expect(figures["node_boot_time_seconds"] == 1_763_000_000)
        #expect(figures["node_forks_total"] == 4_242)
        #expect(figures["node_procs_running"] == 3)
        #expect(figures["node_procs_blocked"] == 1)
        #expect(figures.count == 2 * 10 + 6)
    }

    @Test("/proc/loadavg")
    func load() {
        #expect(
            table(ProcessorCollector.load("0.18 1.81 20.55 2/456 12345\n"))
                == ["node_load1": 0.18, "node_load5": 1.81, "node_load15": 20.55])
        #expect(ProcessorCollector.load("").isEmpty)
    }

    @Test("/proc/meminfo: bytes, parentheses, and pages without a unit")
    func memory() {
        #expect(
            table(
                MemoryCollector.information(
                    "MemTotal:       16384 kB\nActive(anon):     10 kB\nHugePages_Total:       5\nSwapFree: 0 kB\nbroken\n"
                ))
                == [
                    "node_memory_MemTotal_bytes": 16_777_216, "node_memory_Active_anon_bytes": 10_240,
                    "node_memory_HugePages_Total": 5, "node_memory_SwapFree_bytes": 0,
                ])
    }

    @Test("/proc/vmstat: the few counters that node_exporter takes")
    func vmstat() {
        let text =
            "nr_free_pages 5\npgpgin 10\npgpgout 11\npswpin 1\npswpout 2\npgfault 99\npgmajfault 3\noom_kill 1\npgscan_kswapd 4\n"
        #expect(
            table(MemoryCollector.paging(text)) == [
                "node_vmstat_pgpgin": 10, "node_vmstat_pgpgout": 11, "node_vmstat_pswpin": 1, "node_vmstat_pswpout": 2,
                "node_vmstat_pgfault": 99, "node_vmstat_pgmajfault": 3, "node_vmstat_oom_kill": 1,
            ])
    }

    @Test("file handles: allocated and maximum, even where the maximum is 2^63 - 1")
    func fileHandles() {
        #expect(
            table(MemoryCollector.fileHandles("1216\t0\t9223372036854775807\n"))
                == ["node_filefd_allocated": 1_216, "node_filefd_maximum": 0x1p63])
    }

    @Test("/proc/diskstats: whole disks with units, old kernels' shorter lines, no partitions")
    func disks() {
        let figures = table(
            DiskCollector.statistics(
                """
                   7       0 loop0 1 1 1 1 1 1 1 1 1 1 1
                 254       0 vda 100 5 2048 1500 50 7 4096 2500 3 4000 5000 6 7 8 9000 10 11000
                 254       1 vda1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
                   8       0 sdb 1 0 2 3 4 0 5 6 0 7 8
                """))
        #expect(figures["node_disk_reads_completed_total{device=\"vda\"}"] == 100)
        #expect(figures["node_disk_read_bytes_total{device=\"vda\"}"] == 1_048_576)
        #expect(figures["node_disk_read_time_seconds_total{device=\"vda\"}"] == 1.5)
        #expect(figures["node_disk_written_bytes_total{device=\"vda\"}"] == 2_097_152)
        #expect(figures["node_disk_io_now{device=\"vda\"}"] == 3)
        #expect(figures["node_disk_io_time_seconds_total{device=\"vda\"}"] == 4)
        #expect(figures["node_disk_io_time_weighted_seconds_total{device=\"vda\"}"] == 5)
        #expect(figures["node_disk_flush_requests_time_seconds_total{device=\"vda\"}"] == 11)
        #expect(figures.keys.count { $0.contains("\"vda\"") } == 17)
        #expect(figures.keys.count { $0.contains("\"sdb\"") } == 11)
        #expect(figures.count == 28)
    }

    @Test(
        "excluded devices",
        arguments: [
            ("sda", false), ("sda1", true), ("vda12", true), ("xvdb", false), ("xvdb2", true), ("hdc3", true),
            ("nvme0n1", false), ("nvme0n1p2", true), ("nvme10n12p34", true), ("loop7", true), ("ram0", true),
            ("zram0", true), ("fd0", true), ("dm-0", false), ("md127", false), ("sr0", false), ("mmcblk0p1", false),
        ])
    func excludedDevices(_ device: String, _ isExcluded: Bool) {
        let line = "8 0 \(device) 1 1 1 1 1 1 1 1 1 1 1"
        #expect(DiskCollector.statistics(line).isEmpty == isExcluded)
    }

    @Test("/proc/mounts: what is stored here, names unescaped, the later of two mounts at one place")
    func mounts() {
        let mounts = FilesystemCollector.mounts(
            """
            proc /proc proc rw 0 0
            /dev/vda / ext4 ro,relatime 0 0
            /dev/sdb1 /mnt/my\\040disk xfs rw,relatime 0 0
            tmpfs /run tmpfs rw 0 0
            overlay /var/lib/docker/overlay2/x/merged overlay rw 0 0
            nfs:/x /mnt/nfs nfs4 rw 0 0
            cgroup2 /sys/fs/cgroup cgroup2 rw 0 0
            tmpfs /dev/shm tmpfs rw 0 0
            /dev/old /data ext4 rw 0 0
            /dev/new /data xfs ro,nosuid 0 0
            tmpfs /devices tmpfs rw 0 0
            short line
            """)
        #expect(mounts.map(\.mountPoint) == ["/", "/mnt/my disk", "/run", "/data", "/devices"])
        #expect(mounts.map(\.isReadOnly) == [true, false, false, true, false])
        #expect(mounts.map(\.device) == ["/dev/vda", "/dev/sdb1", "tmpfs", "/dev/new", "tmpfs"])
        #expect(FilesystemCollector.mounts("overlay / overlay rw 0 0\n").map(\.type) == ["overlay"])
    }

    @Test("file systems carry device, fstype and mountpoint")
    func filesystems() {
        let mounts = FilesystemCollector.mounts("/dev/vda / ext4 rw 0 0\n")
        let usage = FilesystemCollector.Usage(size: 100, free: 40, available: 30, files: 9, filesFree: 8)
        let figures = table(FilesystemCollector.measurements(mounts.map { ($0, usage) }))
        let labels = "{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"}"
        #expect(figures["node_filesystem_size_bytes" + labels] == 100)
        #expect(figures["node_filesystem_free_bytes" + labels] == 40)
        #expect(figures["node_filesystem_avail_bytes" + labels] == 30)
        #expect(figures["node_filesystem_readonly" + labels] == 0)
        #expect(figures.count == 6)
    }

    @Test("/proc/net/dev: with and without a space behind the colon")
    func network() {
        let figures = table(
            NetworkCollector.devices(
                """
                Inter-|   Receive                                                |  Transmit
                 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                    lo: 1000       10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
                  eth0:2000 20 1 2 3 4 5 6 3000 30 7 8 9 10 11 12
                eth0:1: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0
                """))
        #expect(figures["node_network_receive_bytes_total{device=\"lo\"}"] == 1_000)
        #expect(figures["node_network_receive_multicast_total{device=\"eth0\"}"] == 6)
        #expect(figures["node_network_transmit_bytes_total{device=\"eth0\"}"] == 3_000)
        #expect(figures["node_network_transmit_packets_total{device=\"eth0\"}"] == 30)
        #expect(figures["node_network_transmit_errs_total{device=\"eth0\"}"] == 7)
        #expect(figures["node_network_transmit_drop_total{device=\"eth0\"}"] == 8)
        #expect(figures["node_network_receive_bytes_total{device=\"eth0:1\"}"] == 5)
        #expect(figures.count == 48)
        #expect(
            table(NetworkCollector.up([("eth0", "up\n"), ("eth1", "down\n"), ("lo", "unknown\n")])) == [
                "node_network_up{device=\"eth0\"}": 1, "node_network_up{device=\"eth1\"}": 0,
                "node_network_up{device=\"lo\"}": 0,
            ])
    }

    @Test("/proc/pressure: some is waiting, full is stalled, never of the processor")
    func pressure() {
        let text =
            "some avg10=0.00 avg60=0.12 avg300=0.05 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500000\n"
        #expect(
            table(PressureCollector.totals(resource: "io", text)) == [
                "node_pressure_io_waiting_seconds_total": 2.5, "node_pressure_io_stalled_seconds_total": 0.5,
            ])
        #expect(
            table(PressureCollector.totals(resource: "cpu", text)) == ["node_pressure_cpu_waiting_seconds_total": 2.5])
    }

    @Test("text that is cut anywhere is read as far as it goes")
    func truncated() {
        let text =
            "cpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n8 0 sda 1 2 3 4 5 6 7 8 9 10 11\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
        for length in 0...text.count {
            let cut = String(text.prefix(length))
            _ = ProcessorCollector.stat(cut) + ProcessorCollector.load(cut) + MemoryCollector.information(cut)
            _ = MemoryCollector.paging(cut) + MemoryCollector.fileHandles(cut) + DiskCollector.statistics(cut)
            _ = NetworkCollector.devices(cut) + PressureCollector.totals(resource: "io", cut)
            _ = FilesystemCollector.mounts(cut)
        }
    }
}
