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


def test_a_last_segment_that_is_hardly_begun_is_no_obstacle(start_standalone):
    server = start_standalone(durability="fsync")
    start_ms = now_ms() - 60_000
    push_batches(server, start_ms, 0, 10)
    server.kill()
    segment = newest_segment(server)
    # What a crash between making the next segment and writing its header leaves.
    number = int("".join(letter for letter in segment.stem if letter.isdigit())) + 1
    width = sum(letter.isdigit() for letter in segment.stem)
    following = segment.with_name(segment.name.replace(f"{number - 1:0{width}}", f"{number:0{width}}"))
    assert following != segment
    following.write_bytes(segment.read_bytes()[:7])
    server.start()
    assert stored(server, start_ms) == list(range(10))


def test_a_block_that_is_gone_before_its_upload_is_named_in_answers_about_its_time(start_standalone, tmp_path):
    # Nobody can be reached there, so nothing is uploaded.
    server = start_standalone(checkpoint="postgres://postgres@127.0.0.1:1/absent")
    server.may_warn = True
    start_ms = now_ms() - 60_000
    push_batches(server, start_ms, 0, 10)
    assert server.stop() == 0
    [path] = (server.data_directory / "engine-0" / "blocks").glob("*.block")
    path.rename(tmp_path / path.name)
    server.start()

    def warnings(at_ms: int) -> str:
        return str(server.get("/api/v1/query", {"query": SELECTOR, "time": at_ms / 1000}).json.get("warnings"))

    assert path.name in warnings(start_ms + 10)
    assert path.name not in warnings(start_ms - 3_600_000)
    assert server.stop() == 0
    (tmp_path / path.name).rename(path)
    server.start()
    assert path.name not in warnings(start_ms + 10)
    assert stored(server, start_ms) == list(range(10))


@pytest.mark.parametrize("kind", ["wal", "blocks"])
def test_a_format_of_an_unknown_version_is_refused_by_name(start_standalone, kind):
    server = start_standalone()
    start_ms = now_ms() - 60_000
    push_batches(server, start_ms, 0, 10)
    if kind == "blocks":
        assert server.stop() == 0
        files = sorted(path for path in (server.data_directory / "engine-0" / "blocks").glob("*.block"))
        assert files, "a graceful stop seals the head"
        path = files[-1]
    else:
        server.kill()
        path = newest_segment(server)
    good = path.read_bytes()
    # Every format begins with four letters and its version.
    path.write_bytes(good[:4] + b"\xee" + good[5:])
    if kind == "blocks":
        # The directory at a block file's end names the version too.
        data = bytearray(path.read_bytes())
        place = data.rfind(good[4:5] + b"\0\0\0", len(data) - 64)
        if place > 4:
            data[place] = 0xEE
        path.write_bytes(data)
    server.start(ready=False)
    assert server.program.wait_for_exit() > 0
    assert "238" in server.program.output and "version" in server.program.output, "it names the version it found"
    # Nothing was thrown away: with the right version all is there.
    path.write_bytes(good)
    server.start()
    assert stored(server, start_ms) == list(range(10))
