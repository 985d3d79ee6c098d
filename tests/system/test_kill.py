"""SIGKILL at random moments under load: every acknowledged sample is there after each restart, once."""

import os
import random
import threading
import time
from typing import Iterator

import pytest

from harness import remote_write
from harness.http import HTTPClient
from harness.murmur import Standalone, now_ms

ROUNDS = 32
WRITERS = 3
SERIES_PER_WRITER = 8
# SEED=… replays a run's choices (not the machine's timing).
SEED = int(os.environ.get("SEED", "20261122"))


class Writer(threading.Thread):
    """Pushes batches of its own series one after the other and remembers which were acknowledged.

    A batch whose answer was lost with the process is pushed again, unchanged, after the restart: it may have been
    stored, and must count once all the same. Every fourth such batch is given up instead.
    """

    def __init__(self, number: int, port: int, start_ms: int):
        super().__init__(daemon=True)
        self.random = random.Random(SEED * 1000 + number)
        self.labels = [
            {"__name__": "kill_test", "instance": f"writer-{number}", "series": str(index)} for index in range(SERIES_PER_WRITER)
        ]
        self.port = port
        self.next_ms = start_ms
        self.acknowledged: dict[tuple[int, int], float] = {}
        self.attempted: dict[tuple[int, int], float] = {}
        self.unanswered: list[tuple[int, int, float]] | None = None
        self.may_push = threading.Event()
        self.is_idle = threading.Event()
        self.finished = False
        self.refusals: list[str] = []

    def run(self) -> None:
        client = HTTPClient(self.port, timeout=10)
        while not self.finished:
            if not self.may_push.is_set():
                client.close()
                self.is_idle.set()
                self.may_push.wait(0.05)
                continue
            self.is_idle.clear()
            batch = self.unanswered or self.next_batch()
            self.unanswered = None
            if self.push(client, batch) is None:
                # The process is being killed: the pause lets the test take note instead of spinning.
                client.close()
                self.unanswered = batch if self.random.random() < 0.75 else None
                self.may_push.clear()

    def next_batch(self) -> list[tuple[int, int, float]]:
        """(series, timestamp, value) rows that no batch had before."""
        batch = []
        for _ in range(self.random.choice([1, 1, 2, 3, 20])):
            self.next_ms += 1
            batch += [(series, self.next_ms, self.random.random()) for series in range(SERIES_PER_WRITER)]
        return batch

    def push(self, client: HTTPClient, batch: list[tuple[int, int, float]]) -> bool | None:
        """True when acknowledged, None when the answer did not come."""
        rows: dict[int, list[tuple[int, float]]] = {}
        for series, timestamp, value in batch:
            rows.setdefault(series, []).append((timestamp, value))
            self.attempted[series, timestamp] = value
        body = remote_write.compressed(remote_write.write_request((self.labels[series], rows[series]) for series in rows))
        try:
            reply = client.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS)
        except Exception:
            return None
        if reply.status in (429, 503):
            self.unanswered = batch
            return False
        if reply.status // 100 != 2:
            self.refusals.append(f"{reply.status} {reply.text[:200]}")
            return False
        for series, timestamp, value in batch:
            self.acknowledged[series, timestamp] = value
        return True


def stored(server: Standalone, number: int, start_ms: int) -> Iterator[tuple[int, int, float]]:
    """(series, timestamp, value) of everything stored for a writer, as the query API tells it."""
    for labels, samples in server.samples(f'kill_test{{instance="writer-{number}"}}', start_ms, now_ms() + 60_000).items():
        series = int(dict(labels)["series"])
        for timestamp, value in samples:
            yield series, timestamp, float(value)


def check(server: Standalone, writers: list[Writer], start_ms: int, when: str) -> int:
    """Every acknowledged sample is stored once, with its value, and nothing is stored that was not pushed."""
    total = 0
    for number, writer in enumerate(writers):
        rows = list(stored(server, number, start_ms))
        found = {(series, timestamp): value for series, timestamp, value in rows}
        assert len(found) == len(rows), f"{when}: writer {number} has {len(rows) - len(found)} samples twice (SEED={SEED})"
        missing = writer.acknowledged.keys() - found.keys()
        assert not missing, f"{when}: writer {number} lost {len(missing)} of {len(writer.acknowledged)} (SEED={SEED}): {sorted(missing)[:5]}"
        invented = found.keys() - writer.attempted.keys()
        assert not invented, f"{when}: writer {number} has {len(invented)} that nobody pushed: {sorted(invented)[:5]}"
        wrong = [key for key, value in found.items() if value != writer.attempted[key]]
        assert not wrong, f"{when}: writer {number} has other values for {wrong[:5]}"
        assert not writer.refusals, f"{when}: {writer.refusals[:3]}"
        total += len(rows)
    return total


@pytest.mark.parametrize("durability", ["interval"])
def test_every_acknowledged_sample_survives_sigkill_once(start_standalone, durability, record_property):
    chance = random.Random(SEED)
    # Small limits, so that kills also fall into seals, block writes and checkpoints.
    server = start_standalone(durability=durability, seal_interval="1s", head_samples_max=20_000)
    start_ms = now_ms() - 1_800_000
    writers = [Writer(number, server.http_port, start_ms) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    kills = 0
    total = 0
    for round_number in range(ROUNDS):
        for writer in writers:
            writer.may_push.set()
        time.sleep(chance.uniform(0.02, 0.6))
        server.kill()
        kills += 1
        for writer in writers:
            writer.may_push.clear()
        for writer in writers:
            assert writer.is_idle.wait(30)
        if chance.random() < 0.25:
            # Also while it starts, replays or restores.
            server.start(ready=False)
            time.sleep(chance.uniform(0.0, 0.3))
            server.kill()
            kills += 1
        server.start()
        total = check(server, writers, start_ms, f"after kill {kills}, round {round_number}")
    for writer in writers:
        writer.finished = True
        writer.may_push.set()
        writer.join()
    acknowledged = sum(len(writer.acknowledged) for writer in writers)
    assert acknowledged > 1_000, "there was hardly any load"
    assert server.stop() == 0
    server.start()
    assert check(server, writers, start_ms, "after the last, graceful stop") == total
    record_property("kills", kills)
    print(f"{kills} kills, {acknowledged} samples acknowledged, {total} stored (SEED={SEED})")
