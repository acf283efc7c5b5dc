"""Writers of pools who remember what they were told, and what they were not told.

Each writer changes pools of its own, so that it knows what must be there: what was acknowledged,
and of each request without an answer either all or nothing.
"""

import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

_OK, _CREATED = 200, 201
_UNAVAILABLE = 503
"""The answer of a service whose database is gone: the change may be stored or not."""
_PAUSE = 0.05
_MOST_POOLS = 12


@dataclass
class Ledger:
    """What all writers know.

    Attributes:
        acknowledged: Writes that were answered: they must be there.
        unanswered: Writes that were under way when somebody was killed: nobody knows of them.
        ids: Ids of new pools, in the order in which they were told.
        names: The pool's name to its id; None = nobody was told whether it was made.
        told: What was answered to whoever made the pool of that name, word for word.
        descriptions: By id, the descriptions that the pool must have had.
        doubtful: By id, descriptions that it may have had.
        deleted: Ids of pools that must be gone.
        fates: Ids of pools that may be gone.
        wrong: Answers that nobody should get.
    """

    acknowledged: int = 0
    unanswered: int = 0
    ids: list[str] = field(default_factory=list)
    names: dict[str, str | None] = field(default_factory=dict)
    told: dict[str, bytes] = field(default_factory=dict)
    descriptions: dict[str, list[str]] = field(default_factory=dict)
    doubtful: dict[str, set[str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    fates: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reached(self, acknowledged: int) -> bool:
        """Tell whether so many writes were answered, or there is nothing to wait for."""
        return self.acknowledged >= acknowledged or bool(self.wrong)


def draft(name: str) -> dict[str, Any]:
    """Return what a writer sends for a new pool."""
    return {
        "name": name,
        "region": "us-west-2",
        "provider": "AWS",
        "nodeTypes": [{"type": "g5.12xlarge", "count": 8}],
    }


class Writer(threading.Thread):
    """One client that writes until *most* writes of all together were answered.

    Args:
        url: The service.
        ledger: Where it notes what it was told.
        seed: Decides what it does.
        most: When all stop.
        rest: Seconds between two writes.
    """

    def __init__(
        self, url: str, ledger: Ledger, seed: int, most: int, *, rest: float = 0.0
    ) -> None:
        super().__init__(name=f"writer-{seed}")
        self._url = f"{url}/api/pools"
        self._ledger = ledger
        self._random = random.Random(seed)  # noqa: S311 - a test's choice
        self._most = most
        self._rest = rest
        self._pools: list[str] = []
        self._session = requests.Session()
        # Tests change the environment meanwhile.
        self._session.trust_env = False
        self.pause = threading.Event()

    def run(self) -> None:
        """Write."""
        with self._session:
            while not self._ledger.reached(self._most):
                [kind] = self._random.choices(
                    (self._create, self._update, self._delete), (40, 45, 15)
                )
                if len(self._pools) > _MOST_POOLS:
                    kind = self._delete
                try:
                    (kind if self._pools else self._create)()
                except Exception as error:  # noqa: BLE001 - told to whoever looks
                    self._note(f"{self.name}: {error!r}")
                self.pause.wait(self._rest)

    def _create(self) -> None:
        name = f"{self.name}-{uuid.UUID(int=self._random.getrandbits(128))}"
        body = draft(name)
        answer = self._send("POST", "", body, key=name)
        if answer is None and self._random.random() < 0.5:
            answer = self._again(body, name)
        with self._ledger.lock:
            if answer is None:
                self._ledger.names[name] = None
                return
            id_ = str(answer.json()["id"])
            self._ledger.told[name] = answer.content
            self._ledger.ids.append(id_)
            self._ledger.names[name] = id_
        self._pools.append(id_)

    def _again(self, body: dict[str, Any], key: str) -> requests.Response | None:
        """Send a request that had no answer until it has one: never a second pool."""
        answer = None
        while answer is None and not self._ledger.wrong:
            self.pause.wait(_PAUSE)
            answer = self._send("POST", "", body, key=key)
        return answer

    def _update(self) -> None:
        id_ = self._random.choice(self._pools)
        count = self._random.randint(1, 100)
        text = f"{count} {uuid.UUID(int=self._random.getrandbits(128))}"
        wish = {"description": text, "nodeTypes": [{"type": "g5.12xlarge", "count": count}]}
        answer = self._send("PUT", f"/{id_}", wish)
        with self._ledger.lock:
            if answer is None:
                self._ledger.doubtful.setdefault(id_, set()).add(text)
                return
            self._ledger.descriptions.setdefault(id_, []).append(text)
        told = answer.json()
        if (told["description"], told["nodeCount"]) != (text, count):
            self._note(f"PUT of {id_} was answered with {told}")

    def _delete(self) -> None:
        id_ = self._pools.pop(self._random.randrange(len(self._pools)))
        answer = self._send("DELETE", f"/{id_}")
        with self._ledger.lock:
            (self._ledger.fates if answer is None else self._ledger.deleted).add(id_)

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, key: str = ""
    ) -> requests.Response | None:
        """Return what was answered; None when nobody was told whether it was done."""
        headers = {"Idempotency-Key": key} if key else {}
        while True:
            try:
                answer = self._session.request(
                    method, self._url + path, json=body, headers=headers, timeout=30
                )
                break
            except requests.RequestException as error:
                if not _was_sent(error):
                    # Nobody was there: the request is still to be made.
                    self.pause.wait(_PAUSE)
                    continue
                with self._ledger.lock:
                    self._ledger.unanswered += 1
                return None
        if answer.status_code == _UNAVAILABLE:
            self.pause.wait(_PAUSE)
            return None
        if answer.status_code not in {_OK, _CREATED}:
            self._note(f"{method} {path} was answered {answer.status_code}: {answer.text}")
            return None
        with self._ledger.lock:
            self._ledger.acknowledged += 1
        return answer

    def _note(self, sentence: str) -> None:
        with self._ledger.lock:
            self._ledger.wrong.append(sentence)


def _was_sent(error: requests.RequestException) -> bool:
    """Tell whether somebody had taken the connection: then they may have read the request."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(reason, NewConnectionError)


def activities(url: str, **query: str) -> list[dict[str, Any]]:
    """Return all activities that callers caused, the oldest first."""
    return [each for each in reversed(list(_pages(url, query))) if each["user"] != "system"]


def _pages(url: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    before: dict[str, str] = {}
    while True:
        parameters = {"limit": "100", **before, **query}
        answer = requests.get(f"{url}/api/pools/activity", params=parameters, timeout=30)
        answer.raise_for_status()
        page = answer.json()["activities"]
        yield from page
        if not page:
            return
        before = {"before": page[-1]["id"]}
