"""`make cluster`: a cluster on this machine for somebody to look at and to hurt. Runs until Ctrl-C, which stops all of it.

Settings: HTTP (the coordinator's address, default 127.0.0.1:7480; the others have the ports after it). All data is in a temporary directory.
"""

import argparse
import contextlib
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from harness.cluster import Cluster, Member
from harness.murmur import BINARY, REPOSITORY, Program
from harness.ports import is_open
from harness.postgres import Postgres
from harness.waiting import wait_for

# A member that was killed comes back after so long: time to see that it is missed, not long enough to be replaced.
SECONDS_UNTIL_RESTART = 10.0


def shown(cluster: Cluster, agents: dict[str, Program], address: str) -> str:
    """What there is, and what to try."""
    murmur = BINARY.relative_to(REPOSITORY) if BINARY.is_relative_to(REPOSITORY) else BINARY
    endpoint = f"--endpoint http://{address}"
    lines = [("NAME", "ZONE", "PID", "")]
    lines += [(node.name, node.zone, str(node.pid), node.url) for node in cluster.nodes.values()]
    lines += [(f"agent {name}", "", str(agent.process.pid), "") for name, agent in agents.items()]
    router, holders = cluster.of("router")[0], cluster.of("aggregator")
    victim, leaver = holders[0], holders[-1]
    looks = [
        (f"{murmur} ctl status {endpoint}", "everybody's load, copies, what moves, what to look at"),
        (f"{murmur} ctl ring {endpoint}", "who has which slots"),
        (f"{murmur} query 'count by (instance) ({{__name__=~\".+\"}})' {endpoint}", "series of each server"),
    ]
    hurts = [
        (f"{murmur} loadgen --push {router.url} --servers 100 --metrics 20 --interval 1s", "2,000 samples a second, so that there is something to move"),
        (f"kill -9 {victim.pid}", f"{victim.name} dies; pushes and dashboards go on. It comes back after {SECONDS_UNTIL_RESTART:g} s"),
        (f"kill -STOP {victim.pid}; sleep 15; kill -CONT {victim.pid}", f"{victim.name} hangs for a while"),
        (f"kill -9 {router.pid}", f"{router.name} dies; its agent keeps what it reads until it is back"),
    ]
    if len(holders) > 1:
        hurts.append((f"{murmur} ctl drain {leaver.name} {endpoint}", f"{leaver.name} hands its samples over and leaves; ctl movements --watch beside it"))
    width = max(len(line[0]) for line in lines)
    text = ["", *(f"{name:<{width}}  {zone:<4}  {pid:<8}  {url}".rstrip() for name, zone, pid, url in lines)]
    for title, tries in (("Look at it:", looks), (f"Hurt it, with the Cluster page open (http://{address}/#/cluster):", hurts)):
        text += ["", title] + [f"  {command}\n      {effect}" for command, effect in tries]
    return "\n".join([*text, "", f"Murmuration is ready: http://{address}/    (Ctrl-C stops all of it and removes its data)"])


def watch(cluster: Cluster, agents: dict[str, Program]) -> None:
    """Starts again who was killed; says who left. Ends only by an exception."""
    ended: dict[Member, float] = {}
    while True:
        time.sleep(0.2)
        for name, agent in agents.items():
            assert agent.process.poll() is None, f"the agent of {name} ended:\n{agent.output[-2000:]}"
        for node in list(cluster.nodes.values()):
            if node.is_running:
                continue
            if has_left(cluster, node):
                print(f"cluster: {node.name} has left", flush=True)
                del cluster.nodes[node.name]
            elif node not in ended:
                ended[node] = time.monotonic()
                print(f"cluster: {node.name} ended ({node.program.process.returncode}); it starts again in {SECONDS_UNTIL_RESTART:g} s", flush=True)
            elif time.monotonic() - ended[node] >= SECONDS_UNTIL_RESTART:
                del ended[node]
                cluster.start([node])
                print(f"cluster: {node.name} started again, process {node.pid}", flush=True)


def has_left(cluster: Cluster, node: Member) -> bool:
    """Whether another member knows that it left for good."""
    for other in cluster.nodes.values():
        with contextlib.suppress(OSError):
            if other.is_running and (members := other.about_cluster("members")):
                return any(member["name"] == node.name and member["state"] in ("left", "forgotten") for member in members)
    return False


def build(cluster: Cluster, address: str, aggregators: int) -> None:
    """A coordinator at the address, two routers and the aggregators at the ports after it."""
    roles = ["coordinator", "router", "router", *["aggregator"] * aggregators]
    first = int(address.rsplit(":", 1)[1])
    ports = [(first + 2 * number, first + 2 * number + 1) for number in range(len(roles))]
    if busy := [port for pair in ports for port in pair if is_open(port)]:
        sys.exit(f"cluster: error: something already listens on 127.0.0.1:{busy[0]}; stop it, or take other ports: make cluster HTTP=127.0.0.1:8480")
    for number, (role, pair) in enumerate(zip(roles, ports)):
        cluster.add(role, "abc"[max(0, number - 1) % 3] if role != "coordinator" else "a", pair)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", default="127.0.0.1:7480", help="where the coordinator serves")
    parser.add_argument("--aggregators", type=int, default=3)
    options = parser.parse_args()
    host, _, port = options.http.rpartition(":")
    if host != "127.0.0.1" or not port.isdigit() or not 0 < int(port) < 65_500:
        parser.error(f"'{options.http}' is not an address; write 127.0.0.1:PORT, such as 127.0.0.1:7480")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as open_things:
        try:
            run(options.http, options.aggregators, open_things)
        except KeyboardInterrupt:
            # One is enough: what follows must come to its end.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            print("\ncluster: stopping", flush=True)
    return 0


def run(address: str, aggregators: int, open_things: contextlib.ExitStack) -> None:
    """Starts everything and watches it; what must be undone is left with `open_things`."""
    folder = pathlib.Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="murmur-cluster-", ignore_cleanup_errors=True)))
    # All share one machine: a quarter of its memory for each would be too much.
    settings = {"aggregator": {"replication_factor": 2 if aggregators > 1 else 1, "block_cache_bytes_max": "256MiB"}}
    cluster = Cluster(folder, settings=settings)
    build(cluster, address, aggregators)
    print(f"cluster: starting a PostgreSQL and {len(cluster.nodes)} processes; what they write is in {folder}", flush=True)
    postgres = Postgres()
    open_things.callback(postgres.close)
    for node in cluster.of("aggregator"):
        node.settings["checkpoint"] = postgres.url
    open_things.callback(cluster.close)
    open_things.callback(cluster.stop)
    cluster.start().wait_until_ready()
    agents: dict[str, Program] = {}
    for node in cluster.of("router"):
        name = f"this-machine-by-{node.name}"
        agents[name] = Program(folder / f"{name}.log", ["agent", "--push", node.url, "--server-id", name])
        open_things.callback(agents[name].kill)
    coordinator = cluster.coordinators[0]
    # On a busy machine a member may be missed for a moment; the page says so.
    coordinator.may_warn = True
    wait_for(
        "the agents' first samples",
        lambda: {entry["id"] for entry in coordinator.data("/api/v1/servers")["servers"]} >= agents.keys(),
    )
    print(shown(cluster, agents, address), flush=True)
    watch(cluster, agents)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, subprocess.CalledProcessError) as error:
        sys.exit(f"cluster: error: {error}")
