"""Two tenants with equal series: nothing of one is seen by the other, on any endpoint, live included."""

import json

import pytest
from websockets.sync.client import connect

from harness.murmur import Standalone, now_ms
from harness.waiting import DEADLINE_SECONDS

# Equal labels in both; the values differ by tenant, and each has one series, server and metric that is its secret.
# More decimals than a timestamp has, so that no time looks like a value.
VALUES = {"zebra": 0.61803, "otter": 0.14142}


@pytest.fixture(scope="module")
def server(shared_standalone: Standalone) -> Standalone:
    """Both tenants' data, pushed in both formats, interleaved so that caches have every chance to mix them up."""
    for _ in range(3):
        for tenant, value in VALUES.items():
            labels = {"__name__": "shared_gauge", "instance": "same-host", "job": "same"}
            secret = {"__name__": f"secret_of_{tenant}", "instance": f"host-of-{tenant}", "color": tenant}
            metadata = [{"type": 2, "metric_family_name": "shared_gauge", "help": f"Help of {tenant}.", "unit": tenant}]
            samples = [(now_ms(), value)]
            assert shared_standalone.push_series([(labels, samples), (secret, samples)], tenant, metadata).status == 204
            element = {"server_id": "same-json-host", "metric_type": "shared_json", "value": value, "unit": tenant}
            assert shared_standalone.push_json([element], tenant).status == 204
    return shared_standalone


def other_of(tenant: str) -> str:
    """The other of the two."""
    return "otter" if tenant == "zebra" else "zebra"


ASKED = [
    ("/api/v1/query", {"query": '{__name__=~".+"}'}),
    ("/api/v1/query", {"query": "shared_gauge"}),
    ("/api/v1/query", {"query": "shared_gauge[5m]"}),
    ("/api/v1/query", {"query": "sum by (color) ({__name__=~'.+'})"}),
    ("/api/v1/query_range", {"query": '{__name__=~".+"}', "start": "NOW-60", "end": "NOW", "step": "5"}),
    ("/api/v1/series", {"match[]": '{__name__=~".+"}'}),
    ("/api/v1/labels", {}),
    ("/api/v1/labels", {"match[]": '{__name__=~".+"}'}),
    ("/api/v1/label/__name__/values", {}),
    ("/api/v1/label/instance/values", {}),
    ("/api/v1/label/color/values", {}),
    ("/api/v1/metadata", {}),
    ("/api/v1/metadata", {"metric": "shared_gauge"}),
    ("/api/v1/servers", {}),
    ("/api/v1/servers", {"search": "host"}),
]


def filled(parameters: dict[str, str]) -> dict[str, str]:
    """NOW and NOW-60 as Unix seconds."""
    now = now_ms() / 1000
    return {name: str(now + float(value[3:] or 0)) if value.startswith("NOW") else value for name, value in parameters.items()}


@pytest.mark.parametrize("tenant", ["zebra", "otter"])
@pytest.mark.parametrize(("path", "parameters"), ASKED, ids=lambda part: str(part)[:60])
@pytest.mark.parametrize("by", ["header", "parameter"])
def test_no_endpoint_shows_another_tenant(server, path, parameters, tenant, by):
    parameters = filled(parameters)
    if by == "parameter":
        reply = server.get(path, {**parameters, "tenant": tenant})
    else:
        reply = server.get(path, parameters, tenant=tenant)
    assert reply.status == 200, reply.text
    other = other_of(tenant)
    assert other not in reply.text, f"the name of {other}'s secrets"
    assert str(VALUES[other]) not in reply.text, f"{other}'s values"
    assert reply.json["data"], "its own data is there"


@pytest.mark.parametrize("path", sorted({path for path, _ in ASKED}))
def test_a_third_tenant_and_the_default_see_nothing(server, path):
    parameters = filled(next(parameters for asked, parameters in ASKED if asked == path))
    for tenant in ("nobody", None):
        reply = server.get(path, parameters, tenant=tenant)
        assert reply.status == 200, reply.text
        assert "zebra" not in reply.text and "otter" not in reply.text
        assert "shared_" not in reply.text


def test_equal_series_have_their_own_values(server):
    for tenant, value in VALUES.items():
        for name in ("shared_gauge", "shared_json"):
            result = server.query(name, tenant=tenant)
            assert [float(entry["value"][1]) for entry in result] == [value]


def live_frames(server: Standalone, tenant: str, by: str, expression: str, count: int) -> list[str]:
    """The first messages of a subscription."""
    url = f"ws://{server.http}/api/v1/live" + (f"?tenant={tenant}" if by == "parameter" else "")
    headers = {"X-Scope-OrgID": tenant} if by == "header" else {}
    with connect(url, additional_headers=headers) as socket:
        socket.send(json.dumps({"type": "subscribe", "id": "a", "query": expression, "step": 0.5, "history": 60}))
        return [str(socket.recv(timeout=DEADLINE_SECONDS)) for _ in range(count)]


@pytest.mark.parametrize("by", ["header", "parameter"])
def test_live_subscriptions_of_two_tenants_share_nothing(server, by):
    for expression in ('{__name__=~".+"}', "shared_gauge"):
        # Both at once, so that a stream shared by mistake would serve the second from the first.
        with connect(f"ws://{server.http}/api/v1/live?tenant=zebra") as first:
            first.send(json.dumps({"type": "subscribe", "id": "a", "query": expression, "step": 0.5, "history": 60}))
            assert json.loads(first.recv(timeout=DEADLINE_SECONDS))["type"] == "subscribed"
            for tenant, value in VALUES.items():
                frames = live_frames(server, tenant, by, expression, 4)
                assert json.loads(frames[0])["type"] == "subscribed"
                text = "".join(frames)
                assert str(value) in text
                assert other_of(tenant) not in text and str(VALUES[other_of(tenant)]) not in text


@pytest.mark.parametrize("tenant", ["", "a" * 300, "a/b", "../etc", "a\tb"])
def test_a_bad_tenant_name_is_refused(server, tenant):
    for reply in (
        server.get("/api/v1/query", {"query": "shared_gauge", "tenant": tenant}),
        server.push_json([{"server_id": 1, "metric_type": "m", "value": 1}], headers={"X-Scope-OrgID": tenant.replace("\t", "%09")}),
    ):
        # An empty name is the same as none; a name that is not one is a clear error.
        assert reply.status == 400 or (tenant == "" and reply.status in (200, 204)), (tenant, reply)
