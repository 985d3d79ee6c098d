"""Pushers and readers that go on whatever happens to the cluster, and note what came of it."""

import collections
import json
import random
import threading
import time
from typing import Callable, Mapping

from . import remote_write
from .cluster import HEALTHY_SECONDS, Cluster, Member
from .http import HTTPClient, Reply
from .judge import (
    METRIC, Audit, Judgement, Lane, Ledger, Question, Verdict, audit, counted, counted_by_server, counted_by_step, judge, newest,
    samples_of_server, summed,
)
from .murmur import now_ms
from .waiting import wait_for

# For how long an audit asks again where an answer is an error or has a warning.
AUDIT_SECONDS = 120.0
JSON_HEADERS = {"Content-Type": "application/json"}


class Clients:
    """One thread's connections, one to each node that it talks to."""

    def __init__(self, timeout: float):
        self.timeout = timeout
        self._clients: dict[str, HTTPClient] = {}

    def of(self, node: Member) -> HTTPClient:
        """The connection to a node."""
        if node.name not in self._clients:
            self._clients[node.name] = node.new_client(self.timeout)
        return self._clients[node.name]


class LanePusher(threading.Thread):
    """Pushes a lane's ticks one after the other, to the routers in turn, each again and again until one takes it.

    Even lanes push remote write, odd ones JSON. Every sample has its time, so a push that is sent again is the same samples. A router that did
    not answer is passed over for a while, as a balancer would.
    """

    PASSED_OVER_SECONDS = 5.0

    def __init__(self, lane: Lane, routers: Callable[[], list[Member]], interval: float, timeout: float):
        super().__init__(daemon=True)
        self.lane, self.routers, self.interval = lane, routers, interval
        self.clients = Clients(timeout)
        self.stopping = threading.Event()
        self.gives_up_at = float("inf")
        # Answers 429 and 5xx; answers that never came; answers that say the push was wrong, which ends the lane.
        self.refused, self.unanswered = 0, 0
        self.rejections: list[str] = []
        # The longest time from a tick to its acknowledgement.
        self.longest_wait = 0.0
        self._turn = lane.number
        self._passed_over_until: dict[str, float] = {}

    def run(self) -> None:
        while not self.stopping.is_set() and not self.rejections:
            begun = time.monotonic()
            body, path, headers = self.push(self.lane.begin(now_ms()))
            while not self.is_taken(path, body, headers):
                if self.rejections or time.monotonic() > self.gives_up_at:
                    return
                time.sleep(0.1)
            self.lane.acknowledge()
            self.longest_wait = max(self.longest_wait, time.monotonic() - begun)
            self.stopping.wait(max(0.0, begun + self.interval - time.monotonic()))

    def push(self, time_ms: int) -> tuple[bytes, str, Mapping[str, str]]:
        """The body that pushes the tick just begun, where to, and its headers."""
        value = len(self.lane.times)
        series = [labels for server in self.lane.servers for labels in self.lane.labels(server)]
        if self.lane.number % 2 == 0:
            request = remote_write.write_request((labels, [(time_ms, value)]) for labels in series)
            return remote_write.compressed(request), "/api/v1/write", remote_write.HEADERS
        elements = [
            {
                "server_id": labels["server_id"], "metric_type": METRIC, "value": value, "timestamp": time_ms,
                "tags": {name: text for name, text in labels.items() if name not in ("__name__", "server_id")},
            }
            for labels in series
        ]
        return json.dumps(elements).encode(), "/api/metrics", JSON_HEADERS

    def next_router(self) -> Member:
        """The next in turn that is not passed over; the next in turn when all are."""
        routers = self.routers()
        for _ in routers:
            self._turn += 1
            router = routers[self._turn % len(routers)]
            if self._passed_over_until.get(router.name, 0.0) <= time.monotonic():
                break
        return router

    def is_taken(self, path: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """One attempt at one router; notes what became of it when it was not acknowledged."""
        router = self.next_router()
        try:
            reply: Reply = self.clients.of(router).request("POST", path, body=body, headers=headers)
        except Exception:
            self.unanswered += 1
            self._passed_over_until[router.name] = time.monotonic() + self.PASSED_OVER_SECONDS
            return False
        if reply.status // 100 == 2:
            return True
        if reply.status == 429 or reply.status >= 500:
            self.refused += 1
        else:
            self.rejections.append(f"{reply.status} {reply.text[:300]}")
        return False


class Pusher:
    """One thread for each lane of a ledger."""

    def __init__(self, ledger: Ledger, routers: Callable[[], list[Member]], interval: float, timeout: float):
        self.ledger = ledger
        self.lanes = [LanePusher(lane, routers, interval, timeout) for lane in ledger.lanes]
        for lane in self.lanes:
            lane.start()

    def wait_for_ticks(self, count: int, deadline: float = HEALTHY_SECONDS) -> None:
        """Waits until every lane has so many more ticks acknowledged that were begun after this call."""
        wanted = [attempted + count for attempted in self.ledger.attempted()]

        def is_there() -> bool:
            assert not self.rejections, self.rejections[:3]
            return all(acknowledged >= least for acknowledged, least in zip(self.ledger.acknowledged(), wanted))

        wait_for(f"{count} more acknowledged pushes of each of {len(self.lanes)} lanes", is_there, deadline)

    @property
    def rejections(self) -> list[str]:
        """What routers found wrong with pushes: there is nothing wrong with them."""
        return [text for lane in self.lanes for text in lane.rejections]

    def stop(self, patience: float = 30.0) -> None:
        """Ends the lanes, each once its tick under way is acknowledged or patience is over."""
        for lane in self.lanes:
            lane.gives_up_at = time.monotonic() + patience
            lane.stopping.set()
        for lane in self.lanes:
            lane.join()


class Reader(threading.Thread):
    """Asks one coordinator one question after the other, about windows new and old, and counts verdicts."""

    SHOWN_MAX = 5

    def __init__(self, ledger: Ledger, coordinator: Member, start_ms: int, timeout: float, pause: float, seed: int):
        super().__init__(daemon=True)
        self.ledger, self.coordinator, self.start_ms, self.pause = ledger, coordinator, start_ms, pause
        self.clients = Clients(timeout)
        self.random = random.Random(seed)
        self.stopping = threading.Event()
        self.verdicts: collections.Counter[Verdict] = collections.Counter()
        # Some of what was not right, by verdict.
        self.texts: dict[Verdict, list[str]] = collections.defaultdict(list)

    def run(self) -> None:
        while not self.stopping.wait(self.pause):
            judgement = ask(self.ledger, self.draw(), self.clients.of(self.coordinator))
            self.verdicts[judgement.verdict] += 1
            if judgement.verdict != Verdict.RIGHT and len(self.texts[judgement.verdict]) < self.SHOWN_MAX:
                self.texts[judgement.verdict].append(f"{self.coordinator.name}: {judgement.text}")

    def draw(self) -> Question:
        """A question about everything, about the newest seconds, or about some time in between."""
        after, end = self.start_ms, now_ms()
        if self.random.random() < 0.5:
            after = max(after, end - self.random.randrange(500, 20_000))
        if self.random.random() < 0.3:
            end = self.random.randrange(after, end) + 1
        lane = self.random.choice(self.ledger.lanes)
        return self.random.choice([
            lambda: counted(self.ledger, after, end), lambda: summed(self.ledger, after, end),
            lambda: counted_by_server(self.ledger, after, end), lambda: newest(self.ledger, after, end),
            lambda: counted_by_step(self.ledger, after, end, 7),
            lambda: samples_of_server(self.ledger, lane, self.random.choice(lane.servers), max(after, end - 60_000), end),
        ])()

    def stop(self) -> None:
        """Ends after the question under way."""
        self.stopping.set()
        self.join()


def ask(ledger: Ledger, question: Question, client: HTTPClient) -> Judgement:
    """Asks, and judges the answer by what was acknowledged before and attempted until then."""
    low = ledger.acknowledged()
    try:
        reply = client.request("GET", question.path, question.parameters)
    except Exception as error:
        return Judgement(Verdict.FAILED, f"{question.what}: {error!r}")
    try:
        answer = reply.json
    except ValueError:
        return Judgement(Verdict.FAILED, f"{question.what}: {reply.status}, no JSON: {reply.text[:300]!r}")
    return judge(question, low, ledger.attempted(), reply.status, answer)


def wait_until_right(ledger: Ledger, cluster: Cluster, start_ms: int, deadline: float = HEALTHY_SECONDS) -> None:
    """Waits until every coordinator answers for everything that was pushed, without a warning; a wrong answer is a failure at once."""
    clients = Clients(timeout=30.0)

    def is_right(node: Member) -> bool:
        judgement = ask(ledger, counted(ledger, start_ms, now_ms()), clients.of(node))
        assert judgement.verdict not in (Verdict.SHORT, Verdict.EXCESS), judgement.text
        return judgement.verdict == Verdict.RIGHT

    for node in cluster.coordinators:
        wait_for(f"a right answer without a warning from {node.name}", lambda: is_right(node), deadline)


def audit_everything(ledger: Ledger, coordinator: Member, start_ms: int) -> tuple[Audit, list[str]]:
    """Asks one coordinator for every sample of every server, when nothing is pushed any more. Also says where an answer stays an error or warned.

    Such an answer says itself that it may lack something, as it may on a machine too busy for leases to be renewed: it is asked for again.
    """
    client = coordinator.new_client(AUDIT_SECONDS)
    deadline = time.monotonic() + AUDIT_SECONDS
    # A tick may have been begun some milliseconds ahead of the clock.
    end_ms = max([now_ms(), *(lane.times[-1] for lane in ledger.lanes if lane.times)])
    total, problems = Audit(), []
    for lane in ledger.lanes:
        for server in lane.servers:
            question = samples_of_server(ledger, lane, server, start_ms, end_ms)
            while True:
                reply = client.request("GET", question.path, question.parameters)
                answer = reply.json if reply.status == 200 else {"data": {"result": []}}
                if reply.status == 200 and not answer.get("warnings") or time.monotonic() > deadline:
                    break
                time.sleep(0.5)
            if reply.status != 200 or answer.get("warnings"):
                problems.append(f"audit of {server} at {coordinator.name}: {reply.status} {answer.get('warnings', reply.text[:300])}")
            total = total.plus(audit(question, ledger.acknowledged(), ledger.attempted(), answer["data"]))
    return total, problems
