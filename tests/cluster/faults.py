"""The faults of the matrix. Each breaks something, leaves it so for a while, and mends it; the load goes on all the time."""

import time
from typing import Callable, NamedTuple

from harness.blocks import turn_bits
from harness.cluster import Cluster, Member


class Fault(NamedTuple):
    """One line of the matrix."""

    name: str
    # Breaks, waits so many seconds, mends.
    strike: Callable[[Cluster, float], None]
    needs_network: bool = False
    # Whether the cluster has other members afterwards.
    changes_members: bool = False
    # Whether the tests of every day leave it out: others of them break and mend much the same.
    only_in_matrix: bool = False


def killed(node: Member, cluster: Cluster, duration: float) -> None:
    """kill -9, and a start after a while."""
    node.kill()
    time.sleep(duration)
    cluster.start([node])


def frozen(node: Member, cluster: Cluster, duration: float) -> None:
    """SIGSTOP, and SIGCONT after a while."""
    node.freeze()
    time.sleep(duration)
    node.thaw()


def cut_off(pairs: list[tuple[Member, Member]], cluster: Cluster, duration: float) -> None:
    """What the first of each pair sends to the second is lost for a while."""
    assert cluster.network
    lines = [(sender.host, receiver.host) for sender, receiver in pairs if sender.host and receiver.host]
    for sender, receiver in lines:
        cluster.network.cut(sender, receiver)
    time.sleep(duration)
    for sender, receiver in lines:
        cluster.network.mend(sender, receiver)


def between(first: list[Member], second: list[Member]) -> list[tuple[Member, Member]]:
    """Every line between the two, both ways."""
    return [pair for here in first for there in second for pair in ((here, there), (there, here))]


def zone_cut_off(cluster: Cluster, duration: float) -> None:
    """The last zone with an aggregator is cut off from all others."""
    zone = cluster.of("aggregator")[-1].zone
    inside = [node for node in cluster.nodes.values() if node.zone == zone]
    outside = [node for node in cluster.nodes.values() if node.zone != zone]
    assert inside and outside
    cut_off(between(inside, outside), cluster, duration)


def postgres_stopped(cluster: Cluster, duration: float) -> None:
    """The checkpoint store is away for a while."""
    assert cluster.postgres
    cluster.postgres.stop()
    time.sleep(duration)
    cluster.postgres.start()


def wiped(cluster: Cluster, duration: float) -> None:
    """An aggregator loses its disk, and starts again under its name."""
    node = cluster.of("aggregator")[0]
    node.kill()
    node.wipe()
    time.sleep(duration)
    cluster.start([node])


def rotten(cluster: Cluster, duration: float) -> None:
    """An aggregator stops in good order, and starts again with slot blocks that cannot be read in every block file."""
    node = cluster.of("aggregator")[0]
    assert node.stop() == 0, node.log.read_text(errors="replace")[-2000:]
    for path in (node.data_directory / "engine-0" / "blocks").glob("*.block"):
        turn_bits(path)
    time.sleep(duration)
    cluster.start([node])


def all_killed(cluster: Cluster, duration: float) -> None:
    """Every process is killed at once, and all start again."""
    for node in cluster.nodes.values():
        node.kill()
    time.sleep(duration)
    cluster.start()


def added(cluster: Cluster, duration: float) -> None:
    """An aggregator more."""
    cluster.start([cluster.add("aggregator", zone="d")])
    cluster.wait_until_ready()


def drained(cluster: Cluster, duration: float) -> None:
    """An aggregator less."""
    cluster.drain(cluster.of("aggregator")[1])


def added_and_drained(cluster: Cluster, duration: float) -> None:
    """A new aggregator comes while an old one goes."""
    going = cluster.of("aggregator")[0]
    cluster.start([cluster.add("aggregator", zone=going.zone)])
    cluster.drain(going)


def restart(nodes: list[Member], cluster: Cluster) -> None:
    """One process after the other is stopped in good order and started again, each once all is well."""
    for node in nodes:
        assert node.stop() == 0, node.log.read_text(errors="replace")[-2000:]
        cluster.start([node])
        cluster.wait_until_ready()


def rolling_restart(cluster: Cluster, duration: float) -> None:
    """Every process, one after the other."""
    restart(list(cluster.nodes.values()), cluster)


def upgraded_by_half(cluster: Cluster, duration: float) -> None:
    """Rolling restarts: every second process goes on without the protocol's newest feature, as an older program, and then has it again."""
    older = list(cluster.nodes.values())[::2]
    for node in older:
        node.settings["withhold_feature"] = "changes"
    restart(older, cluster)
    time.sleep(duration)
    for node in older:
        del node.settings["withhold_feature"]
    restart(older, cluster)


def first_of(role: str, act: Callable[[Member, Cluster, float], None]) -> Callable[[Cluster, float], None]:
    """`act` on the first node of a role."""
    return lambda cluster, duration: act(cluster.of(role)[0], cluster, duration)


FAULTS = [
    Fault("kill -9 of a router", first_of("router", killed)),
    Fault("kill -9 of an aggregator", first_of("aggregator", killed)),
    Fault("kill -9 of a coordinator", first_of("coordinator", killed)),
    Fault("SIGSTOP of a router", first_of("router", frozen), only_in_matrix=True),
    Fault("SIGSTOP of an aggregator", first_of("aggregator", frozen)),
    Fault("SIGSTOP of a coordinator", first_of("coordinator", frozen), only_in_matrix=True),
    Fault(
        "a router and one aggregator apart",
        lambda cluster, duration: cut_off(between(cluster.of("router")[:1], cluster.of("aggregator")[:1]), cluster, duration),
        needs_network=True, only_in_matrix=True,
    ),
    Fault(
        "two aggregators apart",
        lambda cluster, duration: cut_off(between(cluster.of("aggregator")[:1], cluster.of("aggregator")[1:2]), cluster, duration),
        needs_network=True,
    ),
    Fault(
        "an aggregator does not reach another which reaches it",
        lambda cluster, duration: cut_off([(cluster.of("aggregator")[0], cluster.of("aggregator")[1])], cluster, duration), needs_network=True,
    ),
    Fault("a zone apart", zone_cut_off, needs_network=True),
    Fault("PostgreSQL stopped", postgres_stopped),
    Fault("a data directory wiped", wiped),
    Fault("an aggregator's block files rot", rotten, only_in_matrix=True),
    Fault("every process killed at once", all_killed),
    Fault("rolling restart", rolling_restart, only_in_matrix=True),
    Fault("rolling restart, half without the newest feature", upgraded_by_half),
    Fault("an aggregator added", added, changes_members=True, only_in_matrix=True),
    Fault("an aggregator drained", drained, changes_members=True, only_in_matrix=True),
    Fault("one added and one drained at once", added_and_drained, changes_members=True),
]
