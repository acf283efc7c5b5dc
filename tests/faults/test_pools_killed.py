"""However the service is killed: what was acknowledged is there, the rest wholly or not at all."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.processes import wait_for
from tests.support.killable import KILLS, SECONDS, Service
from tests.support.pool_writers import Ledger, Writer, activities, draft
from tests.support.postgresql import PostgresqlServer, postgresql_server
from tests.support.whole import some

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

WRITES = some(150, 500)
"""So many are answered; those that are cut off come on top."""
WRITERS = 8


def _killed_again_and_again(service: Service, crash: Callable[[int], None], kills: int) -> Ledger:
    """Let writers write while somebody is killed now and then; return what they were told."""
    ledger = Ledger()
    writers = [Writer(service.url, ledger, seed, WRITES) for seed in range(WRITERS)]
    chance = random.Random(7)  # noqa: S311 - a test's choice
    for writer in writers:
        writer.start()
    for number in range(kills):
        goal = (number + 1) * WRITES // (kills + 1)
        wait_for(partial(ledger.reached, goal), seconds=SECONDS, what="more writes")
        writers[0].pause.wait(chance.uniform(0, 0.02))
        crash(number)
    for writer in writers:
        writer.join(SECONDS)
    assert not any(writer.is_alive() for writer in writers)
    # It was killed while it wrote, each time, and not between two writes.
    assert ledger.acknowledged >= WRITES
    assert ledger.unanswered >= kills
    return ledger


def _check(service: Service, ledger: Ledger) -> None:
    """Compare what is there with what the writers were told."""
    pools = {pool["id"]: pool for pool in service.told()["pools"]}
    log = activities(service.url)
    by_action: dict[str, Counter[str]] = {}
    for each in log:
        by_action.setdefault(each["action"], Counter())[each["poolId"]] += 1
    made, gone = by_action["pool-created"], by_action["pool-deleted"]

    assert [] == ledger.wrong
    # Pool and entry are stored together: what was made and not deleted is there, nothing else is.
    assert {1} == set(made.values()) == set(gone.values())
    assert set(made) - set(gone) == set(pools)
    # Nothing that was acknowledged is missing; ids are of one pool each.
    assert len(ledger.ids) == len(set(ledger.ids))
    assert set(ledger.ids) <= set(made)
    assert ledger.deleted <= set(gone) <= ledger.deleted | ledger.fates
    # A request that was repeated until it was answered has made one pool, and no name is twice.
    names = Counter(each["poolName"] for each in log if each["action"] == "pool-created")
    assert {1} == set(names.values())
    assert set(names) <= set(ledger.names)
    assert {name for name, id_ in ledger.names.items() if id_} <= set(names)
    _check_changes(pools, log, ledger)


def _check_changes(pools: dict[str, Any], log: list[dict[str, Any]], ledger: Ledger) -> None:
    """Compare each pool's past, entry by entry, with what its writer was told."""
    past: dict[str, list[str]] = {}
    for each in log:
        for change in each.get("changes", ()):
            if change["field"] == "description":
                past.setdefault(each["poolId"], []).append(change["to"])
    assert set(past) <= set(ledger.descriptions) | set(ledger.doubtful)
    for id_ in ledger.descriptions.keys() | past.keys():
        told, doubtful = ledger.descriptions.get(id_, []), ledger.doubtful.get(id_, set())

        # All that was acknowledged, in its order, and of the rest only what was sent.
        assert told == [text for text in past[id_] if text not in doubtful]
        if id_ in pools:
            assert past[id_][-1] == pools[id_]["description"]
            # Of a change that names several fields all are made, or none.
            assert int(past[id_][-1].split()[0]) == pools[id_]["nodeCount"]


def _check_answers(service: Service, ledger: Ledger) -> None:
    """Send every request for a new pool again: each has made one, and has its answer."""
    log = activities(service.url)
    made = {each["poolName"]: each["poolId"] for each in log if each["action"] == "pool-created"}
    for name in ledger.names:
        answer = _made(service, name)

        assert 201 == answer.status_code
        assert ledger.told.get(name, answer.content) == answer.content
        # One that nobody was told of is told now if it was made, and made now if not.
        assert name not in made or made[name] == answer.json()["id"]


def _delete_the_newest(service: Service, ledger: Ledger) -> None:
    """Make one more pool, and delete it."""
    answer = _made(service, "newest")
    id_ = answer.json()["id"]
    assert requests.delete(f"{service.url}/api/pools/{id_}", timeout=30).ok
    ledger.ids.append(id_)
    ledger.names["newest"], ledger.told["newest"] = id_, answer.content
    ledger.deleted.add(id_)


def _check_ids_go_on(service: Service, ledger: Ledger) -> None:
    """See that no id is given again, that of a deleted pool neither."""
    after = _made(service, "after").json()["id"]

    assert int(after.removeprefix("pool-")) > max(
        int(id_.removeprefix("pool-")) for id_ in ledger.ids
    )


def _made(service: Service, name: str) -> requests.Response:
    headers = {"Idempotency-Key": name}
    return requests.post(f"{service.url}/api/pools", json=draft(name), headers=headers, timeout=30)


def test_sqlite(tmp_path: Path) -> None:
    """Hundreds of random writes to a file, killed now and then in the middle of them."""
    service = Service(tmp_path, f"sqlite:///{tmp_path / 'pools.db'}")
    _write_and_check(service, lambda _: _kill(service), KILLS)


@pytest.fixture(name="mortal")
def _mortal() -> Iterator[PostgresqlServer]:
    with postgresql_server() as server:
        yield server


def test_postgresql(tmp_path: Path, mortal: PostgresqlServer) -> None:
    """Hundreds of random writes to a server: its client is killed now and then, or it is."""
    service = Service(tmp_path, mortal.fresh())

    def crash(number: int) -> None:
        if number % 2:
            mortal.kill()
            mortal.start()
        else:
            _kill(service)

    _write_and_check(service, crash, 2 * KILLS)


def _kill(service: Service) -> None:
    service.kill()
    service.start()


def _write_and_check(service: Service, crash: Callable[[int], None], kills: int) -> None:
    service.start()
    try:
        ledger = _killed_again_and_again(service, crash, kills)
        _check(service, ledger)
        _delete_the_newest(service, ledger)
        # Once more from nothing but what is stored.
        _kill(service)
        _check(service, ledger)
        _check_ids_go_on(service, ledger)
        _check_answers(service, ledger)
    finally:
        service.process.stop()
