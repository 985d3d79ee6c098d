"""What has been acknowledged is visible to the next query."""

from concurrent.futures import ThreadPoolExecutor

from harness.murmur import Standalone, now_ms


def push_and_ask(port_owner: Standalone, name: str, rounds: int, tenant: str) -> int:
    """Pushes and asks in turn on connections of its own; returns how often the answer was not the last push."""
    server = Standalone.__new__(Standalone)
    server.__dict__.update(port_owner.__dict__)
    server.client = type(port_owner.client)(port_owner.http_port)
    missed = 0
    for number in range(rounds):
        reply = server.push_series([({"__name__": "seen", "instance": name}, [(now_ms(), float(number))])], tenant=tenant)
        assert reply.status == 204, reply
        result = server.query(f'seen{{instance="{name}"}}', now_ms() / 1000, tenant)
        if not result or float(result[0]["value"][1]) != number:
            missed += 1
    server.client.close()
    return missed


def test_an_acknowledged_sample_is_in_the_next_answer(shared_standalone, tenant):
    with ThreadPoolExecutor(4) as pool:
        missed = list(pool.map(lambda name: push_and_ask(shared_standalone, name, 50, tenant), ["a", "b", "c", "d"]))
    assert missed == [0, 0, 0, 0]


def test_a_new_series_is_found_by_every_endpoint_at_once(shared_standalone, tenant):
    for number in range(20):
        timestamp = now_ms()
        labels = {"__name__": f"fresh_{number}", "instance": f"fresh-host-{number}"}
        assert shared_standalone.push_series([(labels, [(timestamp, 1.0)])], tenant=tenant).status == 204
        assert shared_standalone.data("/api/v1/series", {"match[]": f"fresh_{number}"}, tenant) == [labels]
        assert f"fresh-host-{number}" in shared_standalone.data("/api/v1/label/instance/values", tenant=tenant)
        names = [entry["id"] for entry in shared_standalone.data("/api/v1/servers", {"search": f"fresh-host-{number}"}, tenant)["servers"]]
        assert f"fresh-host-{number}" in names
