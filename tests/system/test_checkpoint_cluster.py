"""A cluster's checkpoints in real databases: a writer that slept, a standalone that grows, everything wiped, several servers, a server away."""

import random
import shutil
from typing import Callable, Iterator

import pytest

from harness.murmur import Node, now_ms
from harness.postgres import Postgres
from harness.waiting import wait_for

# Long, because other suites may have the machine's cores.
PATIENCE = 240.0
SERVERS = 40

StartNode = Callable[..., Node]


@pytest.fixture
def second_postgres() -> Iterator[Postgres]:
    """Another server that the test may stop."""
    server = Postgres()
    yield server
    server.close()


class Fleet:
    """Pushes rounds of samples, one of each server, and knows what was acknowledged."""

    def __init__(self, router: Node, coordinator: Node, start_ms: int | None = None, rounds: int = 0):
        self.router, self.coordinator = router, coordinator
        self.start_ms = start_ms if start_ms is not None else now_ms() - 900_000
        self.rounds = rounds

    def push(self, rounds: int = 5) -> None:
        """A round that is refused is pushed again, the same samples."""
        for _ in range(rounds):
            at = self.start_ms + self.rounds * 1000
            elements = [
                {"server_id": f"server-{number}", "metric_type": "kept", "value": self.rounds + number, "timestamp": at}
                for number in range(SERVERS)
            ]
            wait_for("an acknowledgement", lambda: self.router.push_json(elements).status == 204, PATIENCE)
            self.rounds += 1

    def answer(self) -> tuple[dict[str, list[tuple[float, str]]], list[str]]:
        """Every sample by server, and what the answer warns of; nothing while it cannot be answered."""
        window = {"query": "kept[1h]", "time": (self.start_ms + self.rounds * 1000) / 1000}
        reply = self.coordinator.get("/api/v1/query", window)
        if reply.status != 200:
            return {}, [reply.text]
        answer = reply.json
        found = {entry["metric"]["server_id"]: [tuple(value) for value in entry["values"]] for entry in answer["data"]["result"]}
        return found, answer.get("warnings", [])

    @property
    def expected(self) -> dict[str, list[tuple[float, str]]]:
        """What is to be answered."""
        return {
            f"server-{number}": [((self.start_ms + step * 1000) / 1000, str(step + number)) for step in range(self.rounds)]
            for number in range(SERVERS)
        }

    def check(self) -> None:
        """All that was acknowledged is answered, once and without a warning, in the end; an answer that is short before that says so."""

        def is_right() -> bool:
            found, warnings = self.answer()
            assert found == self.expected or warnings, found
            return found == self.expected and not warnings

        wait_for("a complete answer", is_right, PATIENCE, pause=0.2)


def wait_until_stored(nodes: list[Node]) -> None:
    """Waits until every sealed block is in a database, and nothing is left in memory: a seal comes each second."""

    def is_stored() -> bool:
        return all(
            node.metric("murmur_engine_head_samples") == 0 and node.metric("murmur_checkpoint_pending_bytes") == 0 for node in nodes
        )

    wait_for("all blocks in the checkpoint", is_stored, PATIENCE, pause=0.2)


def rows(postgres: Postgres) -> dict[str, str]:
    """Every block by slot and ID, with digests of what its writer says and of its bytes."""
    text = postgres.query("SELECT slot || '/' || id, sample_count || '/' || encode(digest, 'hex') || '/' || md5(bytes) FROM murmuration.block")
    return dict(line.split("|") for line in text.splitlines())


def epochs(postgres: Postgres) -> dict[int, tuple[int, str]]:
    """Epoch and writer of every slot."""
    text = postgres.query("SELECT slot, epoch, split_part(writer, '/', 1) FROM murmuration.slot")
    return {int(slot): (int(epoch), writer) for slot, epoch, writer in (line.split("|") for line in text.splitlines())}


def blocks(postgres: Postgres) -> int:
    """How many blocks a server has; none before it has tables."""
    if postgres.query("SELECT to_regclass('murmuration.block') IS NULL") == "t":
        return 0
    return int(postgres.query("SELECT count(*) FROM murmuration.block"))


def wait_until_restorable(fleet: Fleet, *servers: Postgres) -> None:
    """Waits until the databases have every sample that was pushed.

    That no block waits does not say so: of a slot that changes its writer the next one brings what is lacking, up to half a minute later.
    """
    first, last = fleet.start_ms, fleet.start_ms + (fleet.rounds - 1) * 1000
    statement = "SELECT slot, min(min_time), max(max_time), sum(sample_count) FROM murmuration.block GROUP BY slot"

    def is_restorable() -> bool:
        slots = [tuple(map(int, line.split("|"))) for server in servers for line in server.query(statement).splitlines()]
        spans: dict[int, list[tuple[int, ...]]] = {}
        for slot, *span in slots:
            spans.setdefault(slot, []).append(tuple(span))
        are_whole = all(min(span[0] for span in of) <= first and max(span[1] for span in of) >= last for of in spans.values())
        return are_whole and sum(span[2] for of in spans.values() for span in of) >= fleet.rounds * SERVERS

    wait_for("all samples in the databases", is_restorable, PATIENCE, pause=0.5)


def test_a_writer_that_slept_neither_overwrites_nor_deletes_what_its_successor_wrote(start_node: StartNode, postgres: Postgres) -> None:
    settings = {"checkpoint": postgres.url, "seal_interval": "1s"}
    first = start_node("aggregator", "aggregator-1", replication_factor=2, **settings)
    # Three, so that a majority goes on without the sleeper.
    others = [start_node("aggregator", name, join=first.cluster, **settings) for name in ("aggregator-2", "aggregator-3")]
    router = start_node("router", "router-1", join=first.cluster)
    fleet = Fleet(router, start_node("coordinator", "coordinator-1", join=first.cluster))

    def writers() -> set[str]:
        fleet.push(1)
        return {writer for _, writer in epochs(postgres).values()}

    # A slot that still moves when one of them falls asleep has no successor before it is given up waiting for the sleeper.
    wait_for(
        "two whole copies of each slot",
        lambda: sum(node.metric("murmur_slots_whole") for node in (first, *others)) == 2 * 16_384,
        PATIENCE, pause=0.2,
    )
    wait_for("all writing", lambda: len(writers()) == 3, PATIENCE, pause=0.2)
    # Samples that it logged and did not upload: when it wakes, it will try.
    fleet.push(2)
    asleep = {slot: epoch for slot, (epoch, writer) in epochs(postgres).items() if writer == "aggregator-1"}
    first.program.process.send_signal(19)
    try:
        wait_for("a successor in every slot", lambda: "aggregator-1" not in writers(), PATIENCE, pause=0.5)
        before, taken = rows(postgres), epochs(postgres)
        assert all(taken[slot][0] > epoch for slot, epoch in asleep.items())
    finally:
        first.program.process.send_signal(18)
    # It writes again only under an epoch of its own, raised after its successor's.
    wait_for("the sleeper is refused", lambda: fleet.push(1) or first.metric("murmur_checkpoint_fenced_slots_total") >= 1, PATIENCE, pause=0.2)
    wait_for("the sleeper writing again", lambda: "aggregator-1" in writers(), PATIENCE, pause=0.5)
    after, now = rows(postgres), epochs(postgres)
    assert {key: after.get(key) for key in before} == before
    assert all(now[slot][0] >= epoch for slot, (epoch, _) in taken.items())
    assert all(now[slot][0] > taken[slot][0] for slot in now if slot in taken and now[slot][1] != taken[slot][1])
    fleet.check()
    wait_until_stored([first, *others])


def test_a_standalone_grows_into_a_cluster_and_keeps_what_only_its_checkpoint_had(
    start_standalone: Callable[..., Node], start_node: StartNode, postgres: Postgres
) -> None:
    alone = start_standalone(name="aggregator-1", seal_interval="1s")
    fleet = Fleet(alone, alone)
    fleet.push(20)
    fleet.check()
    wait_until_stored([alone])
    fleet.push(5)
    settings = {"checkpoint": postgres.url, "checkpoint_owner_patience": "10s", "seal_interval": "1s"}
    early = start_node("aggregator", "aggregator-2", ready=False, join=alone.cluster, **settings)
    assert early.program and early.program.wait_for_exit(PATIENCE) == 1
    assert "which keeps all data by itself" in early.program.output, early.program.output
    assert alone.stop() == 0
    # Beyond what the local disk keeps: the oldest block is in the checkpoint alone.
    oldest = min((alone.data_directory / "engine-0" / "blocks").glob("*.block"))
    oldest.unlink()
    oldest.with_name(oldest.name + ".uploaded").unlink()

    first = start_node("aggregator", "aggregator-1", data_dir=alone.data_directory, **settings)
    router = start_node("router", "router-1", join=first.cluster)
    fleet = Fleet(router, start_node("coordinator", "coordinator-1", join=first.cluster), fleet.start_ms, fleet.rounds)
    fleet.check()
    assert not (alone.data_directory / "checkpoint.db").exists()
    fleet.push()
    # The one that was refused, with what it kept of that.
    second = start_node("aggregator", "aggregator-2", join=first.cluster, data_dir=early.data_directory, **settings)
    wait_for("slots of the newcomer", lambda: second.metric("murmur_slots_held", absent=0.0) == 16_384, PATIENCE, pause=0.2)
    fleet.push()
    fleet.check()
    wait_until_restorable(fleet, postgres)
    # All of it is in the database now: nothing else is left.
    for node in (first, second):
        node.kill()
        shutil.rmtree(node.data_directory)
    router.kill()
    fleet.coordinator.kill()
    again = start_node("aggregator", "aggregator-1", **settings)
    fleet.coordinator = start_node("coordinator", "coordinator-1", join=again.cluster)
    fleet.check()


def test_a_wiped_cluster_restores_itself_from_two_databases_and_warns_while_one_is_away(
    start_node: StartNode, postgres: Postgres, second_postgres: Postgres
) -> None:
    settings = {"checkpoint": f"{postgres.url},{second_postgres.url}", "checkpoint_owner_patience": "10s", "seal_interval": "1s"}

    def start() -> tuple[list[Node], Fleet]:
        first = start_node("aggregator", "aggregator-1", replication_factor=2, ready=False, **settings)
        second = start_node("aggregator", "aggregator-2", ready=False, join=first.cluster, **settings)
        router = start_node("router", "router-1", ready=False, join=first.cluster)
        coordinator = start_node("coordinator", "coordinator-1", ready=False, join=first.cluster)
        router.wait_until_ready()
        coordinator.wait_until_ready()
        return [first, second], Fleet(router, coordinator)

    aggregators, fleet = start()
    fleet.push(20)
    fleet.check()
    wait_until_restorable(fleet, postgres, second_postgres)
    assert blocks(postgres) > 0 and blocks(second_postgres) > 0
    only_in_first = len(epochs(postgres).keys() - epochs(second_postgres).keys())
    for node in (*aggregators, fleet.router, fleet.coordinator):
        node.kill()
    for node in aggregators:
        shutil.rmtree(node.data_directory)

    second_postgres.stop()
    aggregators, again = start()
    again.start_ms, again.rounds = fleet.start_ms, fleet.rounds

    def is_partial() -> bool:
        found, warnings = again.answer()
        assert warnings, "an answer that cannot be complete"
        part = {server: samples for server, samples in found.items() if samples}
        # Blocks come the newest first, so a server may have the end of its samples for a moment.
        assert all(set(samples) <= set(again.expected[server]) for server, samples in part.items()), part
        complete = [server for server, samples in part.items() if samples == again.expected[server]]
        return only_in_first <= len(complete) < SERVERS and any("samples may be missing" in warning for warning in warnings)

    wait_for("what the other database has, with a warning", is_partial, PATIENCE, pause=0.2)
    # Either of the two may be the one that took the database over.
    wait_for("the first database", lambda: [it["isAway"] for it in aggregators[0].about_checkpoint()] == [False, True], PATIENCE)
    assert aggregators[0].about_checkpoint()[1]["reason"]
    second_postgres.start()
    again.check()
    again.push()
    again.check()
    wait_for("all servers answer", lambda: not any(server["isAway"] for server in aggregators[0].about_checkpoint()), PATIENCE)


def test_a_second_cluster_leaves_the_database_of_the_first_alone(start_node: StartNode, postgres: Postgres) -> None:
    settings = {"checkpoint": postgres.url, "checkpoint_owner_patience": "10s", "seal_interval": "1s"}
    first = start_node("aggregator", "aggregator-1", **settings)
    router = start_node("router", "router-1", join=first.cluster)
    fleet = Fleet(router, start_node("coordinator", "coordinator-1", join=first.cluster))
    fleet.push()
    wait_until_stored([first])
    before = epochs(postgres)
    # The same name and the same address of the database: a copied configuration.
    second = start_node("aggregator", "aggregator-1", ready=False, **settings)
    second_router = start_node("router", "router-1", ready=False, join=second.cluster)
    wait_for("the second one is told whose it is", lambda: [it.get("isOthers") for it in second.about_checkpoint()] == [True], PATIENCE, pause=0.2)
    assert "keeps the checkpoint of the cluster" in second.about_checkpoint()[0]["reason"]
    second_router.wait_until_ready()
    Fleet(second_router, fleet.coordinator).push()
    wait_for("blocks that wait for a database", lambda: second.metric("murmur_checkpoint_pending_bytes") > 0, PATIENCE, pause=0.2)
    fleet.push()
    wait_until_stored([first])
    assert epochs(postgres) == before
    assert second.metric("murmur_checkpoint_uploaded_samples_total") == 0
    fleet.check()


def test_a_database_that_is_added_takes_its_share_and_one_that_is_away_stops_no_other(
    start_node: StartNode, postgres: Postgres, second_postgres: Postgres
) -> None:
    aggregator = start_node("aggregator", "aggregator-1", checkpoint=postgres.url, seal_interval="1s")
    router = start_node("router", "router-1", join=aggregator.cluster)
    fleet = Fleet(router, start_node("coordinator", "coordinator-1", join=aggregator.cluster))
    fleet.push()
    wait_until_stored([aggregator])
    assert aggregator.stop() == 0
    aggregator.settings["checkpoint"] = f"{postgres.url},{second_postgres.url}"
    aggregator.settings["join"] = router.cluster
    aggregator.start()
    fleet.push()
    wait_for("blocks in the second", lambda: fleet.push(1) or blocks(second_postgres) > 0, PATIENCE, pause=0.5)
    wait_until_stored([aggregator])
    # Both know both, by the same numbers.
    servers = "SELECT id, state FROM murmuration.server ORDER BY id"
    assert postgres.query(servers) == second_postgres.query(servers) and len(postgres.query(servers).splitlines()) == 2

    second_postgres.stop()
    had = blocks(postgres)
    wait_for("blocks in the first", lambda: fleet.push(1) or blocks(postgres) > had, PATIENCE, pause=0.5)
    wait_for(
        "what waits for the second", lambda: aggregator.about_checkpoint()[1]["isAway"] and aggregator.about_checkpoint()[1]["lagSeconds"] > 0,
        PATIENCE,
    )
    fleet.check()
    second_postgres.start()
    wait_until_stored([aggregator])
    fleet.check()


def test_pushes_are_refused_when_too_much_waits_for_the_database_and_taken_again_when_it_is_back(start_node: StartNode, postgres: Postgres) -> None:
    settings = {"checkpoint": postgres.url, "seal_interval": "1s", "pending_checkpoint_bytes": "1MiB"}
    aggregator = start_node("aggregator", "aggregator-1", **settings)
    router = start_node("router", "router-1", join=aggregator.cluster)
    coordinator = start_node("coordinator", "coordinator-1", join=aggregator.cluster)
    postgres.stop()
    noise = random.Random(1)
    start_ms = now_ms() - 900_000
    pushed = 0

    def push() -> int:
        """One second of random numbers, which no codec makes small."""
        at = start_ms + pushed * 100
        series = [
            ({"__name__": "noise", "instance": f"host-{number}"}, [(at + step, noise.random()) for step in range(100)]) for number in range(20)
        ]
        return router.push_series(series).status

    def is_refused() -> bool:
        nonlocal pushed
        status = push()
        assert status in (204, 503), status
        pushed += status == 204
        return status == 503

    wait_for("a refusal", is_refused, PATIENCE, pause=0)
    assert aggregator.metric("murmur_checkpoint_pending_bytes") >= 1 << 20
    postgres.start()

    def is_taken() -> bool:
        nonlocal pushed
        status = push()
        pushed += status == 204
        return status == 204

    wait_for("a push that is taken", is_taken, PATIENCE, pause=0.2)
    wait_until_stored([aggregator])
    query = {"query": "sum(count_over_time(noise[1h]))", "time": (start_ms + pushed * 100 + 1_000) / 1000}
    answer = coordinator.get("/api/v1/query", query).json
    assert float(answer["data"]["result"][0]["value"][1]) >= pushed * 2_000 and not answer.get("warnings"), answer
