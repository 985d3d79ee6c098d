"""Checkpoints in SQLite and PostgreSQL: restore after the data directory was wiped, and life without the database."""

import json
import pathlib
import shutil
import time
from typing import Any

import pytest

from harness import remote_write
from harness.murmur import Standalone, now_ms
from harness.waiting import wait_for


@pytest.fixture(params=["sqlite", "postgres"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """The --checkpoint setting of an empty store outside the data directory."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/checkpoint.db"
    server = request.getfixturevalue("postgres_server")
    return server.create_database(f"restore_{time.time_ns()}")


def push(server: Standalone, start_ms: int, first: int, count: int) -> None:
    """Numbered samples of 20 series on 5 servers of two tenants, one second apart."""
    for tenant, factor in (("default", 1.0), ("other", -1.0)):
        series = [
            (
                {"__name__": f"restore_{index % 4}", "instance": f"host-{index // 4}"},
                [(start_ms + number * 1000, factor * number) for number in range(first, first + count)],
            )
            for index in range(20)
        ]
        reply = server.push_series(series, tenant=tenant, metadata=[{"type": 2, "metric_family_name": "restore_0", "help": "Help.", "unit": "m"}])
        assert reply.status == 204, reply


def check(server: Standalone, start_ms: int, first: int, count: int) -> None:
    """All of the numbered samples are there, once, with labels, metadata and servers."""
    for tenant, factor in (("default", 1.0), ("other", -1.0)):
        found = server.samples('{__name__=~"restore_.*"}', start_ms + first * 1000, start_ms + (first + count) * 1000 - 1, tenant)
        assert len(found) == 20, (tenant, len(found))
        expected = [(start_ms + number * 1000, factor * number) for number in range(first, first + count)]
        for labels, samples in found.items():
            assert [(timestamp, float(value)) for timestamp, value in samples] == expected, (tenant, labels)
        assert server.data("/api/v1/metadata", {"metric": "restore_0"}, tenant)["restore_0"][0]["help"] == "Help."
        assert server.data("/api/v1/servers", tenant=tenant)["total"] == 5


def push_histograms(server: Standalone, start_ms: int) -> None:
    """Histograms of every kind: integer, float, with negative buckets, with custom bounds, and among numbers."""
    kinds: list[dict[str, Any]] = [
        {"count_int": 9, "schema": 3, "zero_threshold": 0.001, "zero_count_int": 2, "positive_spans": [{"offset": -2, "length": 2}], "positive_deltas": [3, 1]},
        {"count_float": 4.5, "schema": 8, "positive_spans": [{"offset": 7, "length": 1}, {"offset": 900, "length": 1}], "positive_counts": [1.5, 3.0]},
        {"count_int": 5, "schema": -4, "negative_spans": [{"offset": 1, "length": 2}], "negative_deltas": [2, 1], "reset_hint": 3},
        {"count_float": 3.0, "schema": -53, "custom_values": [0.1, 1.0], "positive_spans": [{"offset": 0, "length": 3}], "positive_counts": [1.0, 0.5, 1.5]},
    ]
    request = remote_write.messages()["prometheus.WriteRequest"]()
    for kind, fields in enumerate(kinds):
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="sizes")
        entry.labels.add(name="instance", value=f"host-{kind}")
        for number in range(300):
            at = start_ms + number * 1000
            if kind == 3 and number % 3 == 0:
                entry.samples.add(value=number, timestamp=at)
            else:
                entry.histograms.add(**fields, sum=0.25 * number, timestamp=at)
    reply = server.request("POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS)
    assert reply.status == 204, reply.text


def histogram_answers(server: Standalone, start_ms: int) -> list[Any]:
    """Every stored sample, and what is computed of them."""
    at = start_ms / 1000 + 299
    found = [
        sorted(server.query(expression, at=at), key=lambda entry: str(entry["metric"]))
        for expression in ("sizes[1h]", "histogram_quantile(0.7, sizes)", "histogram_sum(rate(sizes{instance=~\"host-[01]\"}[2m]))", "sum(sizes{instance!=\"host-3\"})")
    ]
    assert [len(entry.get("values", [])) + len(entry.get("histograms", [])) for entry in found[0]] == [300] * 4
    assert len(found[0][3]["values"]) == 100 and all(found), found
    return found


def uploaded(server: Standalone) -> float:
    """Samples that the checkpoint has taken since the start."""
    return server.metric("murmur_checkpoint_uploaded_samples_total")


def is_warning(server: Standalone) -> bool:
    """Whether answers say that something may be missing."""
    return bool(server.get("/api/v1/query", {"query": "up"}).json.get("warnings"))


def test_a_wiped_data_directory_is_restored_after_a_graceful_stop(start_standalone, checkpoint):
    server = start_standalone(checkpoint=checkpoint, checkpoint_owner_patience="10s")
    start_ms = now_ms() - 600_000
    push(server, start_ms, 0, 300)
    assert server.stop() == 0
    shutil.rmtree(server.data_directory)
    server.start()
    check(server, start_ms, 0, 300)
    # And it goes on from there: new samples beside the restored ones, through another wipe.
    push(server, start_ms, 300, 100)
    check(server, start_ms, 0, 400)
    assert server.stop() == 0
    shutil.rmtree(server.data_directory)
    server.start()
    check(server, start_ms, 0, 400)


@pytest.mark.parametrize("lost", ["engine-0", "engine-0/blocks"])
def test_a_node_that_lost_its_blocks_and_kept_its_identity_restores_them(start_standalone, checkpoint, lost):
    server = start_standalone(checkpoint=checkpoint)
    start_ms = now_ms() - 600_000
    push(server, start_ms, 0, 100)
    assert server.stop() == 0
    identity = json.loads((server.data_directory / "node.json").read_text())["uuid"]
    shutil.rmtree(server.data_directory / lost)
    server.start()
    check(server, start_ms, 0, 100)
    assert json.loads((server.data_directory / "node.json").read_text())["uuid"] == identity


def test_a_node_that_lost_its_blocks_says_so_while_the_checkpoint_is_away(start_standalone, postgres):
    checkpoint = postgres.create_database("lost")
    server = start_standalone(checkpoint=checkpoint)
    start_ms = now_ms() - 600_000
    push(server, start_ms, 0, 100)
    assert server.stop() == 0
    shutil.rmtree(server.data_directory / "engine-0")
    postgres.stop()
    server.start()
    assert is_warning(server)
    postgres.start()
    wait_for("the end of the restore", lambda: not is_warning(server))
    check(server, start_ms, 0, 100)


def test_a_killed_and_wiped_node_has_all_up_to_the_watermark(start_standalone, checkpoint):
    server = start_standalone(checkpoint=checkpoint, checkpoint_owner_patience="10s", seal_interval="1s")
    start_ms = now_ms() - 600_000
    push(server, start_ms, 0, 100)

    wait_for("the upload of the sealed blocks", lambda: uploaded(server) >= 2 * 20 * 100)
    server.kill()
    shutil.rmtree(server.data_directory)
    server.start()
    check(server, start_ms, 0, 100)


def test_a_killed_and_wiped_node_has_its_histograms(start_standalone, checkpoint):
    server = start_standalone(checkpoint=checkpoint, checkpoint_owner_patience="10s", seal_interval="1s")
    start_ms = now_ms() - 600_000
    push_histograms(server, start_ms)
    pushed = histogram_answers(server, start_ms)
    wait_for("the upload of the sealed blocks", lambda: uploaded(server) >= 4 * 300)
    server.kill()
    shutil.rmtree(server.data_directory)
    server.start()
    assert histogram_answers(server, start_ms) == pushed
    # And once more from what was restored, after a graceful stop.
    assert server.stop() == 0
    shutil.rmtree(server.data_directory)
    server.start()
    assert histogram_answers(server, start_ms) == pushed


def test_starting_ingest_and_queries_go_on_without_postgresql(start_standalone, postgres):
    checkpoint = postgres.create_database("absent")
    postgres.stop()
    server = start_standalone(checkpoint=checkpoint, checkpoint_owner_patience="10s", seal_interval="1s")
    # A new node cannot know what the absent database holds, and says so in each answer.
    server.may_warn = True
    assert is_warning(server)
    start_ms = now_ms() - 600_000
    push(server, start_ms, 0, 50)
    check(server, start_ms, 0, 50)
    # Stopping does not wait for it either, and what is on disk comes back without it.
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    server.start()
    check(server, start_ms, 0, 50)
    push(server, start_ms, 50, 50)

    # It comes back, and the checkpoint catches up by itself, both ways and neither waiting for the other: what it lacks is
    # uploaded, what the node may lack is restored, and from then on answers have nothing to warn of.
    postgres.start()
    wait_for("catching up", lambda: uploaded(server) >= 2 * 20 * 100)
    wait_for("the end of the restore", lambda: not is_warning(server))
    server.may_warn = False
    check(server, start_ms, 0, 100)
    # Away in the middle of things, and back. A stop gives uploads a few seconds only; the data directory may go once they are done.
    postgres.stop()
    push(server, start_ms, 100, 50)
    check(server, start_ms, 0, 150)
    postgres.start()
    wait_for("catching up again", lambda: uploaded(server) >= 2 * 20 * 150)
    assert server.stop() == 0
    shutil.rmtree(server.data_directory)
    server.start()
    check(server, start_ms, 0, 150)
