"""Pods as Kubernetes would start them, as processes on loopback: their variables, files and names, with other addresses."""

import pathlib
import re
from typing import Any

from harness.murmur import Program, clean_environment
from harness.http import HTTPClient, Reply
from harness.ports import free_port
from harness.waiting import wait_for

from .manifests import Manifest, rendered

# What Kubernetes puts into pods for services called murmur and murmur-router, where enableServiceLinks is not off.
SERVICE_LINKS = {
    "MURMUR_SERVICE_HOST": "10.96.0.7", "MURMUR_SERVICE_PORT": "7480", "MURMUR_SERVICE_PORT_HTTP": "7480",
    "MURMUR_PORT": "tcp://10.96.0.7:7480", "MURMUR_PORT_7480_TCP": "tcp://10.96.0.7:7480", "MURMUR_PORT_7480_TCP_PROTO": "tcp",
    "MURMUR_PORT_7480_TCP_PORT": "7480", "MURMUR_PORT_7480_TCP_ADDR": "10.96.0.7", "MURMUR_ROUTER_SERVICE_HOST": "10.96.0.8",
    "MURMUR_ROUTER_SERVICE_PORT": "7480", "MURMUR_ROUTER_PORT": "tcp://10.96.0.8:7480",
    "MURMUR_ROUTER_PORT_7480_TCP": "tcp://10.96.0.8:7480", "MURMUR_ROUTER_PORT_7480_TCP_ADDR": "10.96.0.8",
    "MURMUR_MEMBERS_PORT_7481_UDP": "udp://10.96.0.9:7481", "KUBERNETES_SERVICE_HOST": "10.96.0.1",
}


def pod_templates(manifests: list[Manifest]) -> dict[str, Any]:
    """The specification of the pods of each role."""
    return {
        manifest["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: manifest["spec"]["template"]["spec"]
        for manifest in manifests if manifest["kind"] in ("Deployment", "StatefulSet")
    }


class Pod:
    """One pod: its container's arguments and variables, run as a process."""

    def __init__(self, overlay: str, role: str, name: str, zone: str, directory: pathlib.Path):
        self.role, self.name, self.zone = role, name, zone
        self.spec = pod_templates(rendered(overlay))[role]
        self.directory = directory / name
        self.directory.mkdir(parents=True)
        self.http_port, self.cluster_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.client = HTTPClient(self.http_port)
        self.program: Program | None = None

    def environment(self, members: list["Pod"]) -> dict[str, str]:
        """The container's variables, `$(NAME)` replaced as Kubernetes does it; addresses and places are this machine's."""
        fields = {
            "metadata.name": self.name, "metadata.namespace": "murmur", "status.podIP": "127.0.0.1",
            "metadata.labels['topology.kubernetes.io/zone']": self.zone,
        }
        values: dict[str, str] = {}
        for entry in self.spec["containers"][0]["env"]:
            text = entry["value"] if "value" in entry else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
            text = re.sub(r"\$\((\w+)\)", lambda match: values[match.group(1)], text)
            values[entry["name"]] = re.sub(r"^(?=/(etc|var)/)", str(self.directory), text)
        assert values["MURMUR_JOIN"] == "murmur-members:7481" and values["MURMUR_ADVERTISE"] == "[127.0.0.1]:7481"
        values["MURMUR_JOIN"] = ",".join(f"127.0.0.1:{member.cluster_port}" for member in members)
        values["MURMUR_ADVERTISE"] = f"[127.0.0.1]:{self.cluster_port}"
        # The image's own.
        values |= {"MURMUR_HTTP": f"127.0.0.1:{self.http_port}", "MURMUR_CLUSTER": f"127.0.0.1:{self.cluster_port}"}
        return clean_environment(**SERVICE_LINKS, **values)

    def write_secrets(self, keyring: str, database: str) -> None:
        """The files of the Secrets, where the container has them mounted."""
        files = {"keyring": ("keyring", keyring), "database": ("aggregator.yaml", f"checkpoint: {database}\n")}
        secrets = {volume["name"] for volume in self.spec["volumes"]}
        for mount in self.spec["containers"][0]["volumeMounts"]:
            place = self.directory / mount["mountPath"].removeprefix("/")
            place.mkdir(parents=True)
            if mount["name"] in secrets:
                name, text = files[mount["name"]]
                (place / name).write_text(text)

    def start(self, members: list["Pod"]) -> None:
        """Starts the container."""
        arguments = self.spec["containers"][0]["args"]
        self.program = Program(self.directory / "log", arguments, self.environment(members))

    def get(self, path: str) -> Reply:
        """A GET of one of its own paths."""
        return self.client.request("GET", path)

    def wait_until_ready(self) -> None:
        """Waits until its readiness probe says so."""

        def is_ready() -> bool:
            assert self.program and self.program.process.poll() is None, f"{self.name} ended:\n{self.program and self.program.output[-4000:]}"
            return self.get("/-/ready").status == 200

        wait_for(f"{self.name} being ready", is_ready)

    def is_settled(self) -> bool:
        """Whether it has nothing left to copy, to hand over or to drop."""
        return self.get("/api/v1/cluster/node").json["data"]["slots"]["isSettled"]

    def members(self) -> dict[str, str]:
        """The state of every member that it knows."""
        return {member["name"]: member["state"] for member in self.get("/api/v1/cluster/members").json["data"]}


class Installation:
    """The pods of an overlay: as many aggregators as it says, a router and a coordinator."""

    def __init__(self, overlay: str, directory: pathlib.Path, database: str):
        replicas = next(manifest["spec"]["replicas"] for manifest in rendered(overlay) if manifest["kind"] == "StatefulSet")
        self.aggregators = [
            Pod(overlay, "aggregator", f"murmur-aggregator-{ordinal}", f"zone-{ordinal}", directory) for ordinal in range(replicas)
        ]
        self.router = Pod(overlay, "router", "murmur-router-7d9f-x2x4k", "zone-0", directory)
        self.coordinator = Pod(overlay, "coordinator", "murmur-coordinator-5b6c-9qz7w", "zone-1", directory)
        self.pods = [*self.aggregators, self.router, self.coordinator]
        for pod in self.pods:
            pod.write_secrets("ab" * 32 + "\n", database)

    def start(self) -> "Installation":
        """Starts all at once, as Kubernetes does."""
        for pod in self.pods:
            pod.start(self.pods)
        for pod in self.pods:
            pod.wait_until_ready()
        return self

    def close(self) -> None:
        """Kills what still runs."""
        for pod in self.pods:
            if pod.program:
                pod.program.kill()
