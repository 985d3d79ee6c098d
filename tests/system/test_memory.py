"""Ten times more data than the head may hold leaves memory flat."""

import random

from harness import remote_write
from harness.memory import resident_bytes
from harness.murmur import Standalone, now_ms

HEAD_SAMPLES_MAX = 200_000
SERIES = 500
SAMPLES_PER_PUSH = 40


def push_one(server: Standalone, chance: random.Random, start_ms: int, number: int) -> None:
    """One push of 20,000 samples; a refusal for want of room is waited out, as a client would."""
    offset = start_ms + number * SAMPLES_PER_PUSH * 1000
    series = [
        (
            {"__name__": "memory_test", "instance": f"host-{index % 50}", "series": str(index)},
            [(offset + step * 1000, round(chance.gauss(100, 20), 2)) for step in range(SAMPLES_PER_PUSH)],
        )
        for index in range(SERIES)
    ]
    body = remote_write.compressed(remote_write.write_request(series))
    for _ in range(600):
        reply = server.request("POST", "/api/v1/write", body=body, headers=remote_write.HEADERS)
        if reply.status not in (429, 503):
            break
    assert reply.status == 204, reply


def test_memory_is_flat_over_many_heads(start_standalone):
    pushes = 12 * HEAD_SAMPLES_MAX // (SERIES * SAMPLES_PER_PUSH)
    server = start_standalone(head_samples_max=HEAD_SAMPLES_MAX, block_cache_bytes_max=8 << 20, late_window="24h")
    chance = random.Random(7)
    start_ms = now_ms() - pushes * SAMPLES_PER_PUSH * 1000
    warm, later = 0, 0
    for number in range(pushes):
        push_one(server, chance, start_ms, number)
        seen = resident_bytes(server.pid)
        if number < pushes // 4:
            warm = max(warm, seen)
        elif number >= pushes // 2:
            later = max(later, seen)
    print(f"resident: {warm / 1e6:.0f} MB at its most in the first three heads, {later / 1e6:.0f} MB in the last six")
    # The allocator's own slack; without blocks on disk it would be 100 MB and more.
    assert later < warm * 1.25 + 16e6
    # And nothing went missing on the way.
    end = (start_ms + pushes * SAMPLES_PER_PUSH * 1000) / 1000
    window = pushes * SAMPLES_PER_PUSH + 10
    result = server.query(f"sum(count_over_time(memory_test[{window}s]))", end)
    assert float(result[0]["value"][1]) == pushes * SERIES * SAMPLES_PER_PUSH
