"""What docs/live.md promises, over real sockets: sharing across connections, late samples, slow clients, coming back."""

import contextlib
import json
import socket
import struct
import time
import urllib.parse
from typing import Any, Iterator

from websockets.sync.client import ClientConnection, connect

from harness import remote_write
from harness.murmur import Standalone, now_ms
from harness.waiting import DEADLINE_SECONDS, wait_for

FRAME_SECONDS_MAX = 60


@contextlib.contextmanager
def subscribed(
    server: Standalone, tenant: str, query: str, step: float = 1, history: float = 0
) -> Iterator[tuple[ClientConnection, dict[str, Any]]]:
    """A connection with one subscription, and its snapshot."""
    with connect(f"ws://{server.http}/api/v1/live?tenant={tenant}", max_size=None) as client:
        client.send(json.dumps({"type": "subscribe", "id": "a", "query": query, "step": step, "history": history}))
        snapshot = json.loads(client.recv(timeout=FRAME_SECONDS_MAX))
        assert snapshot["type"] == "subscribed", snapshot
        yield client, snapshot


def frames(client: ClientConnection) -> Iterator[dict[str, Any]]:
    """Data frames as they come."""
    while True:
        message = json.loads(client.recv(timeout=FRAME_SECONDS_MAX))
        assert message["type"] == "data", message
        yield message


def test_equal_expressions_of_two_connections_are_one_stream_and_one_evaluation(shared_standalone, tenant):
    with subscribed(shared_standalone, tenant, "vector(1)") as (first, one), subscribed(shared_standalone, tenant, "vector(1)") as (second, two):
        assert one["key"] == two["key"]
        wait_for("both connections are counted", lambda: shared_standalone.metric("murmur_live_subscriptions") == 2)
        assert shared_standalone.metric("murmur_live_streams") == 1
        common = min(next(frames(first))["time"], next(frames(second))["time"])
        before = shared_standalone.metric("murmur_live_evaluation_duration_seconds_count")
        steps = 0
        for mine, other in zip(frames(first), frames(second)):
            steps += 1
            assert mine["values"] == other["values"] == [[0, "1"]]
            if mine["time"] >= common + 5:
                break
        evaluated = shared_standalone.metric("murmur_live_evaluation_duration_seconds_count") - before
        # One more may have begun meanwhile, and one less where its frame came before the first look.
        assert evaluated <= steps + 2, f"{evaluated} evaluations for {steps} steps seen by two"


def test_native_histograms_are_as_a_query_answers_them(shared_standalone, tenant):
    def push(at: int, observations: int) -> None:
        request = remote_write.write_request([({"__name__": "sizes", "instance": "number"}, [(at, observations)])])
        entry = request.timeseries.add()
        entry.labels.add(name="__name__", value="sizes")
        entry.labels.add(name="instance", value="histogram")
        entry.histograms.add(
            count_int=observations, sum=1.5, schema=1, positive_spans=[{"offset": -1, "length": 2}], positive_deltas=[1, observations - 2], timestamp=at,
        )
        reply = shared_standalone.request("POST", "/api/v1/write", body=remote_write.compressed(request), headers=remote_write.HEADERS, tenant=tenant)
        assert reply.status == 204, reply.text

    start = now_ms()
    push(start - 60_000, 5)
    with subscribed(shared_standalone, tenant, "sizes", history=10) as (client, snapshot):
        series = {each["metric"]["instance"]: each for each in snapshot["series"]}
        assert [time for time, _ in series["histogram"]["histograms"]] == [time for time, _ in series["number"]["values"]]
        assert series["histogram"]["values"] == [] and "histograms" not in series["number"]
        push(start, 7)
        for frame in frames(client):
            (value,), (histogram,) = frame["values"], frame["histograms"]
            assert value[0] == series["number"]["s"] and histogram[0] == series["histogram"]["s"]
            # What came meanwhile may be in neither of the two, or in both.
            assert value[1] == histogram[1]["count"] and "warnings" not in frame
            if histogram[1]["count"] == "7":
                break
        (answered,) = shared_standalone.query('sizes{instance="histogram"}', frame["time"], tenant)
        assert histogram[1] == answered["histogram"][1]


def test_a_late_sample_corrects_the_steps_that_it_belongs_to(shared_standalone, tenant):
    labels = {"__name__": "late", "server_id": "one"}
    assert shared_standalone.push_series([(labels, [(now_ms() - 60_000, 1.0)])], tenant).status == 204
    with subscribed(shared_standalone, tenant, "late") as (client, _):
        shown: dict[float, str] = {}
        pushed: list[tuple[float, str]] = []
        for frame in frames(client):
            before = max(shown, default=None)
            shown[frame["time"]] = frame["values"][0][1]
            for correction in frame.get("corrected", []):
                assert correction["time"] < frame["time"]
                shown[correction["time"]] = correction["values"][0][1]
            if pushed and shown[pushed[-1][0]] == pushed[-1][1]:
                break
            # It belongs to the step before, which is on the screen already. Where the server is so late that it leaves steps out, once more.
            if before is not None and len(shown) >= 3 and (not pushed or frame["time"] > pushed[-1][0] + 10):
                assert len(pushed) < 10, shown
                pushed.append((before, str(len(pushed) + 2)))
                assert shown[before] != pushed[-1][1]
                assert shared_standalone.push_series([(labels, [(int(before * 1000), float(pushed[-1][1]))])], tenant).status == 204
        assert shown[min(shown)] == "1", "what came before the sample stays"
        after = [value for time, value in shown.items() if time >= pushed[-1][0]]
        assert set(after) == {pushed[-1][1]}, shown


def test_who_comes_back_asks_for_history_and_has_no_gap(shared_standalone, tenant):
    query = "floor(vector(time()))"
    with subscribed(shared_standalone, tenant, query) as (client, _):
        stream = frames(client)
        seen = [next(stream)["time"], next(stream)["time"]]
    wait_for("some steps pass", lambda: time.time() > seen[-1] + 3)
    with subscribed(shared_standalone, tenant, query, history=120) as (client, snapshot):
        values = {at: float(text) for at, text in snapshot["series"][0]["values"]}
        times = sorted(values)
        assert times == [times[0] + index for index in range(len(times))], "no step of the past is missing"
        assert times[-1] == snapshot["time"]
        assert set(seen) <= set(times), "nor is one that was seen before"
        for frame in frames(client):
            # Steps may be left out where the server is late; those that come have their own values.
            assert frame["time"] > snapshot["time"]
            values[frame["time"]] = float(frame["values"][0][1])
            if frame["time"] >= snapshot["time"] + 2:
                break
    assert all(at == value for at, value in values.items())


def test_a_client_that_does_not_read_is_told_how_many_frames_it_missed(shared_standalone, tenant):
    # Frames are large and of several streams, so that the socket's buffers are soon full.
    series = [({"__name__": "wide", "server_id": f"s{number}", "padding": "x" * 60}, [(now_ms(), float(number) + 0.123456789)]) for number in range(8000)]
    assert shared_standalone.push_series(series, tenant).status == 204
    request = f"GET /api/v1/live?tenant={tenant} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    queries = ["wide", "wide * 3", "wide * 7", "wide * 9"]
    host, port = urllib.parse.urlsplit(f"http://{shared_standalone.http}").netloc.split(":")
    dropped = shared_standalone.metric("murmur_live_frames_dropped_total")
    end = time.monotonic() + DEADLINE_SECONDS
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((host, int(port)))
        slow.sendall(request.encode())
        for query in queries:
            slow.sendall(masked(1, json.dumps({"type": "subscribe", "id": query, "query": query, "step": 0.5}).encode()))
        with subscribed(shared_standalone, tenant, "wide", step=0.5) as (fast, _):
            for frame in frames(fast):
                assert len(frame["values"]) == 8000, "the one who reads gets everything"
                # A pong that nobody asked for is a sign of life.
                slow.sendall(masked(10, b""))
                if shared_standalone.metric("murmur_live_frames_dropped_total") > dropped:
                    break
                assert time.monotonic() < end, "nothing was dropped"
        slow.settimeout(FRAME_SECONDS_MAX)
        assert told(RawReader(slow, end)) > 0


def masked(opcode: int, body: bytes) -> bytes:
    """A client's frame; the mask is zero."""
    assert len(body) < 126
    return bytes([0x80 | opcode, 0x80 | len(body)]) + bytes(4) + body


class RawReader:
    """Takes bytes from a socket until a deadline."""

    def __init__(self, source: socket.socket, end: float):
        self.source = source
        self.end = end
        self.data = b""

    def take(self, count: int) -> bytes:
        """The next bytes, so many."""
        while len(self.data) < count:
            self.more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def take_through(self, mark: bytes) -> bytes:
        """All up to and with a mark."""
        while mark not in self.data:
            self.more()
        return self.take(self.data.index(mark) + len(mark))

    def more(self) -> None:
        assert time.monotonic() < self.end, "what was waited for did not come"
        received = self.source.recv(1 << 20)
        assert received, "the server closed the connection"
        self.data += received


def told(slow: RawReader) -> int:
    """The frames that the first `dropped` message speaks of."""
    slow.take_through(b"\r\n\r\n")
    while True:
        first, size = slow.take(2)
        size &= 127
        if size == 126:
            (size,) = struct.unpack(">H", slow.take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", slow.take(8))
        body = slow.take(size)
        assert first & 15 != 8, "the server closes"
        if first & 15 == 1:
            message = json.loads(body)
            if message["type"] == "dropped":
                return message["frames"]
