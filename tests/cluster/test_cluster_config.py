"""Each folder of cluster-config is a cluster that starts: its files as they stand, with this machine's ports and paths as flags."""

import pathlib
import re
import shutil

import pytest

from harness.murmur import REPOSITORY, Node, now_ms
from harness.waiting import wait_for

FOLDERS = sorted(path for path in (REPOSITORY / "cluster-config").iterdir() if path.is_dir())
HEALTHY_SECONDS = 180.0


def role_of(file: pathlib.Path) -> str:
    """The role that a file is for: `zone-a-router.yaml` is a router's."""
    return next(role for role in ("aggregator", "router", "coordinator") if role in file.stem)


def test_there_is_a_folder_for_each_size() -> None:
    assert [folder.name for folder in FOLDERS] == ["minimal", "three-nodes", "three-zones"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_its_files_make_a_cluster(folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    files = sorted(folder.glob("*.yaml"), key=lambda file: (role_of(file) != "aggregator", file.name))
    nodes: list[Node] = []
    names = [re.search(r"^name: (\S+)$", file.read_text(), re.MULTILINE)[1] for file in files]
    try:
        for file, name in zip(files, names):
            directory = tmp_path / name
            directory.mkdir()
            local = {"checkpoint": f"sqlite:{directory / 'checkpoint.db'}"} if role_of(file) == "aggregator" else {}
            nodes.append(Node(role_of(file), directory, config=file, **local))
        for file, node in zip(files, nodes):
            if re.search(r"^join: ", file.read_text(), re.MULTILINE):
                aggregators = [other.cluster for other in nodes if other.role == "aggregator" and other is not node]
                node.settings["join"] = ",".join(aggregators)
            node.start(ready=False)
        for node in nodes:
            node.wait_until_ready()
        coordinator = next(node for node in nodes if node.role == "coordinator")
        router = next(node for node in nodes if node.role == "router")
        wait_for(
            "all of them in one cluster",
            lambda: sorted(member["name"] for member in coordinator.data("/api/v1/cluster/members")) == sorted(names), HEALTHY_SECONDS,
        )

        def are_all_copies_whole() -> bool:
            replication = coordinator.data("/api/v1/cluster/overview").get("replication")
            return bool(replication) and replication["full"] == replication["slots"] == 16_384

        wait_for("all copies of all slots", are_all_copies_whole, HEALTHY_SECONDS)
        wanted = int(re.search(r"^replication-factor: (\d)$", "\n".join(file.read_text() for file in files), re.MULTILINE)[1])
        holders = sum(role_of(file) == "aggregator" for file in files)
        assert coordinator.data("/api/v1/cluster/overview")["replication"]["copies"] == min(wanted, holders)
        at = now_ms()
        assert router.push_series([({"__name__": "config_test", "instance": "web-1"}, [(at, 7.0)])]).status == 204
        assert [entry["value"][1] for entry in coordinator.query("config_test", at / 1000)] == ["7"]
        if holders >= 3:
            # One of them is lost, and with it the zone, where there are zones: another stands in.
            lost = nodes[0]
            lost.kill()
            later = [({"__name__": "config_test", "instance": "web-1"}, [(at + 1_000, 8.0)])]
            wait_for("a push without one aggregator", lambda: router.push_series(later).status == 204, HEALTHY_SECONDS)
            # Its disk is gone too: by its file it finds its cluster, and founds no other.
            shutil.rmtree(lost.data_directory)
            lost.start()
            settings = [node.data("/api/v1/cluster/settings") for node in (lost, coordinator)]
            assert settings[0]["clusterID"] == settings[1]["clusterID"]
        assert all(node.stop() == 0 for node in reversed(nodes))
    finally:
        for node in nodes:
            node.kill()
            print(f"--- {node.log}\n{node.log.read_text(errors='replace')[-3000:]}")
