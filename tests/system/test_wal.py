"""The log's tail cut and corrupted: what was before it is kept, the start never fails, nothing is invented."""

import pathlib
import random

import pytest

from harness.murmur import Standalone, now_ms

BATCHES = 60
SELECTOR = 'wal_test{instance="w"}'


def newest_segment(server: Standalone) -> pathlib.Path:
    """The log's last file."""
    segments = sorted(path for path in (server.data_directory / "engine-0" / "wal").iterdir() if path.is_file())
    assert segments
    return segments[-1]


def push_batches(server: Standalone, start_ms: int, first: int, count: int) -> None:
    """One sample a push, one millisecond apart, its value the push's number."""
    for number in range(first, first + count):
        reply = server.push_series([({"__name__": "wal_test", "instance": "w"}, [(start_ms + number, float(number))])])
        assert reply.status == 204, reply


def stored(server: Standalone, start_ms: int) -> list[int]:
    """The numbers of the pushes that are stored, in order of time; each has its own value."""
    result = list(server.samples(SELECTOR, start_ms, start_ms + 10 * BATCHES).values())
    samples = result[0] if result else []
    assert all(timestamp - start_ms == float(value) for timestamp, value in samples)
    return [timestamp - start_ms for timestamp, _ in samples]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("damage", ["cut", "flip", "append", "zero"])
def test_a_damaged_tail_costs_only_the_tail(start_standalone, damage, seed):
    chance = random.Random(f"{damage} {seed}")
    server = start_standalone(durability="fsync")
    start_ms = now_ms() - 60_000
    push_batches(server, start_ms, 0, BATCHES // 2)
    safe = newest_segment(server).stat().st_size
    push_batches(server, start_ms, BATCHES // 2, BATCHES // 2)
    server.kill()

    segment = newest_segment(server)
    data = bytearray(segment.read_bytes())
    assert len(data) > safe
    position = chance.randrange(safe, len(data))
    if damage == "cut":
        del data[position:]
    elif damage == "flip":
        data[position] ^= 1 << chance.randrange(8)
    elif damage == "zero":
        data[position:] = bytes(len(data) - position)
    else:
        data += chance.randbytes(chance.randrange(1, 200))
    segment.write_bytes(data)

    server.start()
    kept = stored(server, start_ms)
    assert kept == list(range(len(kept))), "what is kept is the beginning, without a hole"
    assert len(kept) >= (BATCHES if damage == "append" else BATCHES // 2)

    # It goes on from there, and what comes after the damage is as safe as anything.
    push_batches(server, start_ms, BATCHES, 5)
    server.kill()
    server.start()
    assert stored(server, start_ms) == kept + list(range(BATCHES, BATCHES + 5))
