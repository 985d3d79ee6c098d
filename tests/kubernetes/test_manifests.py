"""What the overlays of k8s/ become: valid for Kubernetes, whole in themselves, and as safe as they say."""

import copy
import re

import pytest

from harness.murmur import REPOSITORY

from .manifests import OVERLAYS, Manifest, problems, rendered
from .pods import pod_templates

WORKLOADS = ("Deployment", "StatefulSet")


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Each overlay in turn."""
    return request.param


@pytest.fixture
def manifests(overlay: str) -> list[Manifest]:
    """What the overlay renders to."""
    return rendered(overlay)


def of_kind(manifests: list[Manifest], *kinds: str) -> dict[str, Manifest]:
    """The manifests of these kinds by name."""
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] in kinds}


def selected(manifests: list[Manifest], labels: dict[str, str]) -> list[str]:
    """The workloads whose pods have all of the labels."""
    return [
        name for name, workload in of_kind(manifests, *WORKLOADS).items()
        if labels.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
    ]


def test_the_schemas_of_kubernetes_allow_it(manifests):
    assert list(problems(manifests)) == []


def test_the_check_sees_what_the_schemas_do_not_allow(manifests):
    broken = copy.deepcopy(next(iter(of_kind(manifests, "StatefulSet").values())))
    broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    assert any("readinesProbe" in problem for problem in problems([broken]))
    del broken["spec"]["template"]["spec"]["containers"][0]["readinesProbe"]
    assert list(problems([broken])) == []
    broken["spec"]["replicas"] = "three"
    assert any("three" in problem for problem in problems([broken]))


def test_all_of_it_is_in_one_namespace(manifests):
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"murmur"}
    for binding in of_kind(manifests, "RoleBinding").values():
        assert [subject["namespace"] for subject in binding["subjects"]] == ["murmur"]


def test_selectors_find_the_pods_that_they_mean(manifests):
    for name, workload in of_kind(manifests, *WORKLOADS).items():
        assert selected(manifests, workload["spec"]["selector"]["matchLabels"]) == [name]
        for spread in workload["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert selected(manifests, spread["labelSelector"]["matchLabels"]) == [name]
    everybody = sorted(of_kind(manifests, *WORKLOADS))
    for name, service in of_kind(manifests, "Service").items():
        assert sorted(selected(manifests, service["spec"]["selector"])) == (everybody if name == "murmur-members" else [name])
    for name, policy in of_kind(manifests, "NetworkPolicy").items():
        assert sorted(selected(manifests, policy["spec"]["podSelector"]["matchLabels"])) == ([name] if name == "murmur-aggregator" else everybody)


def test_services_lead_to_ports_that_the_pods_have(manifests):
    workloads = of_kind(manifests, *WORKLOADS)
    for service in of_kind(manifests, "Service").values():
        for workload in selected(manifests, service["spec"]["selector"]):
            ports = {port["name"]: port for port in workloads[workload]["spec"]["template"]["spec"]["containers"][0]["ports"]}
            for port in service["spec"]["ports"]:
                target = ports[port["targetPort"]]
                assert (target["containerPort"], target.get("protocol", "TCP")) == (port["port"], port.get("protocol", "TCP"))


def test_members_are_found_before_they_are_ready(manifests):
    service = of_kind(manifests, "Service")["murmur-members"]
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"] is True
    stateful = of_kind(manifests, "StatefulSet")["murmur-aggregator"]
    assert stateful["spec"]["serviceName"] == "murmur-members" and stateful["spec"]["podManagementPolicy"] == "Parallel"


def test_as_many_found_the_cluster_as_start_at_first(manifests):
    stateful = of_kind(manifests, "StatefulSet")["murmur-aggregator"]
    values = {entry["name"]: entry.get("value") for entry in stateful["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert values["MURMUR_FOUNDERS"] == str(stateful["spec"]["replicas"])
    assert int(values["MURMUR_REPLICATION_FACTOR"]) <= stateful["spec"]["replicas"]


def test_every_secret_is_one_that_the_manual_makes(manifests):
    manual = (REPOSITORY / "docs" / "operating.md").read_text()
    made = set(re.findall(r"kubectl -n murmur create secret generic ([a-z-]+)", manual))
    assert made == {"murmur-keyring", "murmur-database"}
    for role, spec in pod_templates(manifests).items():
        for volume in spec["volumes"]:
            assert set(volume) == {"name", "secret"}, f"{role} has a volume that nobody makes: {volume}"
            assert volume["secret"]["secretName"] in made
        # What is mounted is there, and what is read lies in what is mounted.
        claims = {"data"} if role == "aggregator" else set()
        container = spec["containers"][0]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]} | claims
        places = tuple(mount["mountPath"] + "/" for mount in container["volumeMounts"])
        files = [entry["value"] for entry in container["env"] if entry.get("value", "").startswith("/")]
        assert all(file.startswith(places) for file in files), (files, places)


def test_the_minimal_overlay_needs_nothing_but_the_image():
    for spec in pod_templates(rendered("minimal")).values():
        assert spec["volumes"] == []


def test_three_zones_keep_copies_apart():
    stateful = of_kind(rendered("three-zones"), "StatefulSet")["murmur-aggregator"]
    spread = {entry["topologyKey"]: entry for entry in stateful["spec"]["template"]["spec"]["topologySpreadConstraints"]}
    zones = spread["topology.kubernetes.io/zone"]
    assert (zones["whenUnsatisfiable"], zones["maxSkew"], zones["minDomains"]) == ("DoNotSchedule", 1, 3)
    environment = {entry["name"]: entry for entry in stateful["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["MURMUR_ZONE"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['topology.kubernetes.io/zone']"


def test_disruptions_leave_a_copy_of_everything(manifests):
    workloads, budgets = of_kind(manifests, *WORKLOADS), of_kind(manifests, "PodDisruptionBudget")
    assert sorted(budgets) == sorted(workloads)
    for name, budget in budgets.items():
        assert selected(manifests, budget["spec"]["selector"]["matchLabels"]) == [name]
        # One at a time: not zero, or no machine could ever be drained.
        assert budget["spec"]["maxUnavailable"] == 1 and "minAvailable" not in budget["spec"]
        # Of what keeps nothing, and of an aggregator that has no other beside it, one that is not ready must not stay for ever.
        may_always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        assert may_always is (name != "murmur-aggregator" or workloads[name]["spec"]["replicas"] == 1)


def test_autoscalers_have_something_to_scale_and_to_go_by(manifests):
    workloads, scalers = of_kind(manifests, "Deployment"), of_kind(manifests, "HorizontalPodAutoscaler")
    assert sorted(scalers) == sorted(workloads)
    for name, scaler in scalers.items():
        target = scaler["spec"]["scaleTargetRef"]
        assert (target["apiVersion"], target["kind"], target["name"]) == ("apps/v1", "Deployment", name)
        assert 1 <= scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]
        # An update would undo what the autoscaler chose.
        assert "replicas" not in workloads[name]["spec"]
        assert workloads[name]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]


def test_pods_have_no_right_that_they_do_not_need(manifests):
    for role, spec in pod_templates(manifests).items():
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["enableServiceLinks"] is False
        assert spec["automountServiceAccountToken"] is (role == "aggregator")
        assert len(spec["containers"]) == 1
        container = spec["containers"][0]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"]["memory"] and container["resources"]["limits"]["memory"]
        # Secrets are for the user that the process is.
        assert all(volume["secret"]["defaultMode"] == 0o440 for volume in spec["volumes"])


def test_a_pod_may_ask_for_the_scale_of_its_set_and_nothing_else(manifests):
    role, binding = of_kind(manifests, "Role")["murmur-aggregator"], of_kind(manifests, "RoleBinding")["murmur-aggregator"]
    assert role["rules"] == [
        {"apiGroups": ["apps"], "resources": ["statefulsets/scale"], "resourceNames": ["murmur-aggregator"], "verbs": ["get"]}
    ]
    assert binding["roleRef"]["name"] == "murmur-aggregator"
    assert pod_templates(manifests)["aggregator"]["serviceAccountName"] == binding["subjects"][0]["name"]
    assert binding["subjects"][0]["name"] in of_kind(manifests, "ServiceAccount")


def test_our_limits_speak_before_the_kernel_does(manifests):
    # Bytes by docs/operating.md, "How large": of a sample of the head, of a series, of a sample that a query reads, and of all else.
    head_sample, series, read_sample, rest = 14, 2_560, 16, 512 << 20
    for role, spec in pod_templates(manifests).items():
        container = spec["containers"][0]
        values = {entry["name"]: int(entry["value"]) for entry in container["env"] if entry.get("value", "").isdigit()}
        needed = {
            "aggregator": lambda: (
                2 * head_sample * values["MURMUR_HEAD_SAMPLES_MAX"] + series * values["MURMUR_SERIES_MAX"]
                + 2 * values["MURMUR_BLOCK_CACHE_BYTES_MAX"]
            ),
            "coordinator": lambda: read_sample * values["MURMUR_QUERY_SAMPLES_MAX"] * values["MURMUR_QUERY_CONCURRENCY_MAX"],
            # A push is held as received and unpacked: `ingest-in-flight-bytes-max` as it is without a word.
            "router": lambda: 256 << 20,
        }[role]()
        number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", container["resources"]["limits"]["memory"]).groups()
        assert needed + rest <= int(number) << {"Mi": 20, "Gi": 30}[unit], role


def test_a_stop_has_its_hook_and_the_time_for_it(manifests):
    for role, spec in pod_templates(manifests).items():
        command = spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
        if role == "aggregator":
            assert command == ["murmur-pre-stop"] and spec["terminationGracePeriodSeconds"] == 7_200
        else:
            program, seconds = command
            # And the 5 s that requests at work have.
            assert program == "sleep" and spec["terminationGracePeriodSeconds"] > int(seconds) + 5


def test_probes_ask_what_they_should(manifests):
    for spec in pod_templates(manifests).values():
        container = spec["containers"][0]
        paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert paths == {
            "startup": {"path": "/-/healthy", "port": "http"}, "liveness": {"path": "/-/healthy", "port": "http"},
            "readiness": {"path": "/-/ready", "port": "http"},
        }


def test_only_members_reach_the_cluster_port(manifests):
    for policy in of_kind(manifests, "NetworkPolicy").values():
        for rule in policy["spec"].get("ingress", []):
            ports = {(port["port"], port["protocol"]) for port in rule["ports"]}
            if ports & {(7481, "TCP"), (7481, "UDP")}:
                assert [sorted(selected(manifests, peer["podSelector"]["matchLabels"])) for peer in rule["from"]] == [
                    sorted(of_kind(manifests, *WORKLOADS))
                ]
                assert all("namespaceSelector" not in peer for peer in rule["from"])
                assert ports == {(7480, "TCP"), (7481, "TCP"), (7481, "UDP")}
            else:
                assert ports == {(7480, "TCP")} and rule["from"]


def test_pods_reach_each_other_names_and_what_only_aggregators_need(manifests):
    reached = {
        name: [({(port["port"], port["protocol"]) for port in rule["ports"]}, rule.get("to")) for rule in policy["spec"].get("egress", [])]
        for name, policy in of_kind(manifests, "NetworkPolicy").items()
    }
    (among_members, members), (names, anywhere) = reached["murmur-members"]
    assert among_members == {(7480, "TCP"), (7481, "TCP"), (7481, "UDP")}
    assert [sorted(selected(manifests, peer["podSelector"]["matchLabels"])) for peer in members] == [sorted(of_kind(manifests, *WORKLOADS))]
    assert (names, anywhere) == ({(53, "TCP"), (53, "UDP")}, None)
    # The database and the API, whose addresses nobody knows here.
    assert reached["murmur-aggregator"] == [({(5432, "TCP"), (443, "TCP"), (6443, "TCP")}, None)]
    assert reached["murmur-clients"] == []
