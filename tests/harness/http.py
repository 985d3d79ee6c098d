"""A small HTTP client: one kept connection, JSON where the answer is JSON."""

import contextlib
import http.client
import json
import select
import socket
import time
import urllib.parse
from typing import Any, Callable, ContextManager, Mapping, NamedTuple


class Reply(NamedTuple):
    """An HTTP answer: status, headers with lower-case names, body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class HTTPClient:
    """Requests to one host and port over a connection that is kept and, where it was closed, opened anew."""

    # The server closes a connection that is idle for longer than 75 s.
    IDLE_SECONDS_MAX = 30.0

    def __init__(
        self, port: int, host: str = "127.0.0.1", timeout: float = 30.0,
        inside: Callable[[], ContextManager[None]] = contextlib.nullcontext,
    ):
        """`inside` is entered to connect: it brings the thread into the network where the server is."""
        self.host, self.port, self.timeout, self.inside = host, port, timeout, inside
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def request(
        self, method: str, path: str, parameters: Any = None, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Sends one request. A GET is tried again on a fresh connection where the kept one had been closed; a POST
        never is: whether it arrived is unknown."""
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters, doseq=True)
        if time.monotonic() - self._used > self.IDLE_SECONDS_MAX:
            self.close()
        if self._was_closed_by_the_server():
            self.close()
        kept = self._connection is not None
        try:
            return self._send(method, path, body, headers)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self.close()
            if not kept or method != "GET":
                raise
            return self._send(method, path, body, headers)
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def _was_closed_by_the_server(self) -> bool:
        """Whether the kept connection has something to read although nothing was asked: its end."""
        if self._connection is None or self._connection.sock is None:
            return False
        return bool(select.select([self._connection.sock], [], [], 0)[0])

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None) -> Reply:
        if self._connection is None:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            # It would connect anew by itself, outside the network.
            connection.auto_open = 0
            with self.inside():
                connection.connect()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        self._connection.request(method, path, body=body, headers=dict(headers or {}))
        answer = self._connection.getresponse()
        data = answer.read()
        self._used = time.monotonic()
        reply = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)
        if answer.will_close:
            self.close()
        return reply

    def close(self) -> None:
        """Closes the kept connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
