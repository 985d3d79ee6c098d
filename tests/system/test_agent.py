"""The agent: this machine's metrics under node_exporter's names, through an outage."""

import time

from harness.murmur import Program, Standalone, flags, now_ms
from harness.waiting import wait_for


def start_agent(standalone: Standalone, tmp_path, **settings) -> Program:
    """An agent that pushes to the standalone."""
    return Program(tmp_path / "agent.log", ["agent", *flags({"push": standalone.url, "server_id": "tested-host", **settings})])


def test_node_metrics_arrive_with_their_usual_names(standalone: Standalone, tmp_path):
    agent = start_agent(standalone, tmp_path)
    try:
        wait_for("the first sample", lambda: standalone.data("/api/v1/servers", {"search": "tested-host"})["total"] == 1)
        names = set(standalone.data("/api/v1/label/__name__/values"))
        expected = {
            "node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_memory_SwapTotal_bytes",
            "node_load1", "node_load5", "node_load15", "node_filesystem_size_bytes", "node_filesystem_avail_bytes",
            "node_network_receive_bytes_total", "node_network_transmit_bytes_total", "node_boot_time_seconds", "node_time_seconds",
            "node_procs_running", "node_context_switches_total",
        }
        assert expected <= names, expected - names
        series = standalone.data("/api/v1/series", {"match[]": 'node_cpu_seconds_total{mode="idle"}'})
        assert series and all(entry["instance"] == "tested-host" and entry["job"] == "node" and "cpu" in entry for entry in series)
        total = float(standalone.query("node_memory_MemTotal_bytes")[0]["value"][1])
        with open("/proc/meminfo") as meminfo:
            assert total == 1024 * int(meminfo.readline().split()[1])
        wait_for("a rate", lambda: standalone.query("sum(rate(node_cpu_seconds_total[10s]))"))
    finally:
        assert agent.terminate() == 0, agent.output


def test_an_outage_leaves_no_hole(start_standalone, tmp_path):
    server = start_standalone()
    agent = start_agent(server, tmp_path)
    try:
        wait_for("the first sample", lambda: server.query("node_load1"))
        began = now_ms()
        assert server.stop() == 0
        # The outage itself is what is tested: several intervals without a server.
        time.sleep(6)
        server.start()
        returned = now_ms()

        def times() -> list[int]:
            found = list(server.samples("node_load1", began - 2_000, now_ms()).values())
            return [timestamp for timestamp, _ in found[0]] if found else []

        wait_for("a sample from after the outage", lambda: times() and max(times()) > returned)

        def is_whole() -> bool:
            known = times()
            return all(later - earlier < 1_900 for earlier, later in zip(known, known[1:])) and min(known) < began + 1_500

        wait_for("the samples of the outage", is_whole)
        assert agent.process.poll() is None
    finally:
        assert agent.terminate() == 0, agent.output


def test_the_buffer_is_bounded_and_drops_the_oldest(start_standalone, tmp_path):
    server = start_standalone()
    assert server.stop() == 0
    began = now_ms()
    # Room for a few of this machine's samples sets only.
    agent = start_agent(server, tmp_path, interval="100ms", buffer_bytes_max=100_000)
    try:
        time.sleep(8)
        server.start()
        wait_for("samples after the outage", lambda: server.query("node_load1"))
        wait_for("current samples", lambda: max(t for t, _ in list(server.samples("node_load1", began, now_ms()).values())[0]) > now_ms() - 1_000)
        known = [timestamp for timestamp, _ in list(server.samples("node_load1", began - 1_000, now_ms()).values())[0]]
        assert min(known) > began + 1_000, "the oldest were dropped"
    finally:
        assert agent.terminate() == 0, agent.output


def test_an_agent_without_a_server_stops_when_told(start_standalone, tmp_path):
    server = start_standalone()
    server.kill()
    agent = start_agent(server, tmp_path)
    wait_for("its first words", lambda: agent.output or agent.process.poll() is not None)
    assert agent.terminate() == 0, agent.output
