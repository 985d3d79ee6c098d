"""The one corner of Kubernetes' API that a pod asks: the scale of its StatefulSet, over TLS, for a token."""

import http.server
import json
import pathlib
import ssl
import subprocess
import threading
from typing import Any

TOKEN = "a-token-of-the-service-account"


class KubernetesAPI:
    """Answers like an API server does; `replicas` is what the StatefulSet is to have, None when there is none."""

    def __init__(self, directory: pathlib.Path, namespace: str, stateful_set: str, replicas: int | None):
        self.replicas = replicas
        # Instead of the scale, when set: status and body.
        self.other_answer: tuple[int, bytes] | None = None
        self.asked: list[str] = []
        self.path = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{stateful_set}/scale"
        self.names = {"name": stateful_set, "namespace": namespace}
        self.account = directory / "serviceaccount"
        self.account.mkdir(parents=True)
        (self.account / "token").write_text(TOKEN)
        certificate, key = self._certify(directory)
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """One connection."""

            def do_GET(self) -> None:
                """The scale."""
                server.asked.append(self.path)
                status, body = server._answer(self.path, self.headers.get("Authorization"))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        """How a pod finds it."""
        return {
            "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(self.port),
            "SERVICE_ACCOUNT_DIRECTORY": str(self.account),
        }

    def close(self) -> None:
        """Stops answering."""
        self._server.shutdown()
        self._server.server_close()

    def _certify(self, directory: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
        """A CA, which the pod is given, and a certificate of it for 127.0.0.1."""
        key, certificate, request = (directory / f"api.{end}" for end in ("key", "crt", "csr"))
        authority_key = directory / "ca.key"

        def openssl(*arguments: object) -> None:
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *new_key, "-keyout", authority_key, "-out", self.account / "ca.crt", "-subj", "/CN=kubernetes", "-days", 2)
        openssl("req", *new_key, "-keyout", key, "-out", request, "-subj", "/CN=kube-apiserver")
        (directory / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:kubernetes.default.svc\n")
        openssl(
            "x509", "-req", "-in", request, "-CA", self.account / "ca.crt", "-CAkey", authority_key, "-CAcreateserial", "-out", certificate,
            "-days", 2, "-extfile", directory / "names",
        )
        return certificate, key

    def _answer(self, path: str, authorization: str | None) -> tuple[int, bytes]:
        if self.other_answer:
            return self.other_answer
        if authorization != f"Bearer {TOKEN}":
            return 401, self._failure(401, "Unauthorized", "Unauthorized")
        if path != self.path:
            return 403, self._failure(403, "Forbidden", f"{path} is forbidden: User cannot get it")
        if self.replicas is None:
            return 404, self._failure(404, "NotFound", f'statefulsets.apps "{self.names["name"]}" not found')
        scale = {
            "kind": "Scale", "apiVersion": "autoscaling/v1",
            "metadata": {**self.names, "uid": "5e4c", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"},
            # Go leaves a zero out.
            "spec": {"replicas": self.replicas} if self.replicas else {},
            "status": {"replicas": 3, "selector": "app.kubernetes.io/component=aggregator,app.kubernetes.io/name=murmur"},
        }
        # To curl the API server answers with lines and indentation.
        return 200, json.dumps(scale, indent=2).encode() + b"\n"

    @staticmethod
    def _failure(code: int, reason: str, message: str) -> bytes:
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code}
        return json.dumps(status, indent=2).encode()
