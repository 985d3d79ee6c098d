"""A cluster of real processes on this machine, which a test may hurt and mend."""

import pathlib
import shutil
import signal
import subprocess
from typing import Any, Iterable, Mapping

from .murmur import BINARY, Node, clean_environment
from .network import Host, Network
from .postgres import Postgres
from .waiting import wait_for

# Long, because a cluster may wait for members that do not come back, and a slow machine for everything.
HEALTHY_SECONDS = 600.0


class Member(Node):
    """One process of a cluster, with its name and zone."""

    def __init__(
        self, role: str, name: str, zone: str, directory: pathlib.Path, host: Host | None, ports: tuple[int, int] | None,
        settings: Mapping[str, Any],
    ):
        self.name, self.zone = name, zone
        super().__init__(role, directory, host, ports, name=name, **({"zone": zone} if zone else {}), **settings)

    @property
    def is_running(self) -> bool:
        """Whether there is a process, frozen or not."""
        return self.program is not None and self.program.process.poll() is None

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, and its connections stay open."""
        assert self.program
        self.program.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self.program
        self.program.process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Removes the data directory; the process must not run."""
        assert not self.is_running, f"{self.name} runs"
        shutil.rmtree(self.data_directory, ignore_errors=True)

    def about_cluster(self, page: str) -> Any:
        """A page of its API about the cluster; None when it has none."""
        reply = self.get(f"/api/v1/cluster/{page}")
        return reply.json["data"] if reply.status == 200 else None


class Cluster:
    """Nodes by name. `settings` has those of each role, by the role's name."""

    def __init__(
        self, directory: pathlib.Path, network: Network | None = None, postgres: Postgres | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        self.directory, self.network, self.postgres = directory, network, postgres
        self.settings = {role: dict(values) for role, values in (settings or {}).items()}
        if postgres:
            for role in ("aggregator", "standalone"):
                self.settings.setdefault(role, {})["checkpoint"] = postgres.local_url
        self.nodes: dict[str, Member] = {}

    # Who is there.

    def of(self, *roles: str) -> list[Member]:
        """The nodes of these roles, in the order in which they were added."""
        # A copy first: pushers ask while members come and go.
        return [node for node in list(self.nodes.values()) if node.role in roles]

    @property
    def routers(self) -> list[Member]:
        """Those that take pushes."""
        return self.of("router", "standalone")

    @property
    def holders(self) -> list[Member]:
        """Those that keep samples."""
        return self.of("aggregator", "standalone")

    @property
    def coordinators(self) -> list[Member]:
        """Those that answer queries."""
        return self.of("coordinator", "standalone")

    # Members come and go.

    def add(self, role: str, zone: str = "", ports: tuple[int, int] | None = None) -> Member:
        """A further node, not started: `aggregator-4`."""
        taken = {path.name for path in self.directory.glob(f"{role}-*")}
        name = next(name for number in range(1, 1_000) if (name := f"{role}-{number}") not in taken)
        (self.directory / name).mkdir(parents=True)
        host = self.network.host() if self.network else None
        node = Member(role, name, zone, self.directory / name, host, ports, self.settings.get(role, {}))
        self.nodes[name] = node
        return node

    def start(self, nodes: Iterable[Member] | None = None) -> "Cluster":
        """Starts nodes, all at first, without waiting for one another. The first of a new cluster founds it; a node that starts again is told of all others."""
        for node in list(nodes or self.nodes.values()):
            is_founder = node is next(iter(self.holders), None) and node.program is None
            others = [other.cluster for other in self.nodes.values() if other is not node]
            if others and not is_founder:
                node.settings["join"] = ",".join(others)
            node.start(ready=False)
        return self

    def drain(self, node: Member, deadline: float = HEALTHY_SECONDS) -> None:
        """Tells the cluster to do without the node, and waits until its samples are elsewhere and it has left."""
        other = next(other for other in self.of("router", "coordinator") if other.is_running)
        with other.inside():
            result = subprocess.run(
                [BINARY, "ctl", "drain", node.name, "--endpoint", other.url], capture_output=True, text=True, env=clean_environment(),
                timeout=deadline,
            )
        assert result.returncode == 0, f"ctl drain {node.name}: {result.stdout}{result.stderr}"

        # Other threads may use the node's own connection meanwhile.
        client = other.new_client()

        def has_left() -> bool:
            members = {member["name"]: member["state"] for member in client.request("GET", "/api/v1/cluster/members").json["data"]}
            return members.get(node.name, "left") in ("left", "forgotten")

        wait_for(f"{node.name} leaving the cluster", has_left, deadline)
        node.stop()
        del self.nodes[node.name]

    # Whether all is well.

    def wait_until_ready(self) -> "Cluster":
        """Waits until every process is ready and sees every other."""
        for node in self.nodes.values():
            node.wait_until_ready()
        try:
            wait_for("a cluster that is well", lambda: not self.complaints(), HEALTHY_SECONDS, pause=0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.complaints()}") from None
        return self

    def complaints(self) -> list[str]:
        """What the nodes say is not as it should be: somebody missing, suspected, dead, not in the ring, or without what it is to hold."""
        found = []
        for node in self.nodes.values():
            if node.get("/-/ready").status != 200:
                found.append(f"{node.name} is not ready")
                continue
            if node.role == "aggregator" and len(self.holders) > 1 and node.metric("murmur_movement_settled", absent=0.0) != 1:
                found.append(f"{node.name} has slots to move or batches to hand over")
            status = node.about_cluster("status")
            if status is None:
                found.append(f"{node.name} does not tell of the cluster")
                continue
            found += [f"{node.name} calls {other} suspect or dead" for other in [*status["suspected"], *status["dead"]]]
            alive = {entry["role"]: entry["alive"] for entry in status["members"]}
            for role in ("router", "aggregator", "coordinator"):
                # A standalone is all of them.
                if alive.get(role, 0) != len(self.of(role, "standalone")):
                    found.append(f"{node.name} sees {alive.get(role, 0)} of role {role}")
            if sorted(status["ring"]) != sorted(other.name for other in self.holders):
                found.append(f"{node.name} has the ring {status['ring']}")
        return found

    def stop(self) -> None:
        """Stops all processes in good order: what takes pushes first, what keeps them last."""
        for nodes in (self.of("router", "coordinator"), self.holders):
            for node in nodes:
                if node.is_running:
                    node.program.process.terminate()
            for node in nodes:
                node.stop()

    def close(self) -> None:
        """Kills all processes."""
        for node in self.nodes.values():
            node.kill()

    def logs(self) -> str:
        """The end of what each process wrote."""
        return "\n".join(
            f"--- {log}\n{log.read_text(errors='replace')[-3000:]}" for log in sorted(self.directory.glob("*/*.log"))
        )
