"""The harness itself: what it makes is what it says."""

import contextlib
import socket
import threading

import cramjam
import pytest

from harness import remote_write
from harness.http import HTTPClient
from harness.postgres import Postgres


def test_a_write_request_survives_its_encoding():
    request = remote_write.write_request([({"b": "2", "__name__": "m", "a": "1"}, [(1, 0.5), (2, float("nan"))])])
    plain = bytes(cramjam.snappy.decompress_raw(remote_write.compressed(request)))
    again = remote_write.messages()["prometheus.WriteRequest"].FromString(plain)
    assert [(label.name, label.value) for label in again.timeseries[0].labels] == [("__name__", "m"), ("a", "1"), ("b", "2")]
    assert [sample.timestamp for sample in again.timeseries[0].samples] == [1, 2]


def test_a_postgres_can_be_stopped_and_started(postgres: Postgres):
    postgres.query("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
    postgres.stop()
    with pytest.raises(Exception):
        postgres.query("SELECT 1")
    postgres.start()
    assert postgres.query("SELECT n FROM kept") == "42"


def test_a_client_connects_inside_its_network_each_time():
    entered = []

    @contextlib.contextmanager
    def inside():
        entered.append(True)
        yield

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = HTTPClient(listener.getsockname()[1], inside=inside)
        for count in (1, 2):
            server = threading.Thread(target=serve, args=(listener,))
            server.start()
            assert client.request("GET", "/").text == "ok" and len(entered) == count
            server.join()
    for count in (3, 4):
        with pytest.raises(ConnectionRefusedError):
            client.request("GET", "/")
        assert len(entered) == count
