"""Basic authentication: who is let in, and what finding out costs."""

import base64
import threading
import time

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.processes import wait_for
from exporter.web import passwords
from exporter.web.passwords import BusyError, Passwords
from tests.exporter.web.conftest import HASH, PASSWORD

USERS = {"prometheus": HASH}


def header(name: str, password: str) -> str:
    """Return an Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


GOOD = header("prometheus", PASSWORD)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (GOOD, True),
        (GOOD.replace("Basic", "bASIC"), True),
        (header("prometheus", "wrong"), False),
        (header("nobody", PASSWORD), False),
        (header("prometheus", ""), False),
        (header("prometheus", PASSWORD + "\0"), False),
        ("Bearer x", False),
        ("Basic", False),
        ("Basic é", False),
        ("Basic ////", False),
        ("", False),
    ],
)
def test_who_is_let_in(given: str, *, expected: bool) -> None:
    """The right password of a user that there is, colons and umlauts included; nobody else."""
    assert expected == Passwords().admits(USERS, given)


@given(st.text(max_size=80))
def test_no_header_breaks_it(text: str) -> None:
    """Whatever is sent, the answer is yes or no."""
    assert not Passwords().admits(USERS, f"Basic {text}")


def test_long_passwords() -> None:
    """A password is as long as htpasswd takes it: 72 bytes count."""
    users = {"me": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()}

    assert Passwords().admits(users, header("me", "x" * 100))


def test_hashes_of_htpasswd() -> None:
    """The form that htpasswd writes is as good."""
    assert Passwords().admits({"me": HASH.replace("$2b$", "$2y$")}, header("me", PASSWORD))


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the hashes that bcrypt is asked about from now on."""
    asked: list[str] = []
    check = bcrypt.checkpw

    def checkpw(password: bytes, digest: bytes) -> bool:
        asked.append(digest.decode())
        return check(password, digest)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return asked


def test_a_right_password_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape every few seconds costs bcrypt's time once; a new hash makes it look again."""
    asked, checked = counted(monkeypatch), Passwords()
    again = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()

    assert [True] * 3 == [checked.admits(USERS, GOOD) for _ in range(3)]
    assert checked.admits({"prometheus": again}, GOOD)
    assert [HASH, again] == asked


def test_a_wrong_one_is_checked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who guess wrong neither get faster nor push out who is right."""
    asked, checked = counted(monkeypatch), Passwords()
    checked.admits(USERS, GOOD)
    for number in range(150):
        checked.admits(USERS, header("prometheus", str(number)))
    checked.admits(USERS, GOOD)

    assert 151 == len(asked)


def test_nobody_costs_as_much_as_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time does not tell which users there are: an unknown one is checked at the highest cost."""
    asked = counted(monkeypatch)
    costly = bcrypt.hashpw(b"x", bcrypt.gensalt(6)).decode()
    Passwords().admits({**USERS, "costly": costly}, header("nobody", "x"))

    assert ["$2b$06$"] == [digest[:7] for digest in asked]


def test_what_is_remembered_is_no_password() -> None:
    """The memory of right passwords holds neither them nor anything two processes share."""
    first, second = Passwords(), Passwords()
    for each in (first, second):
        each.admits(USERS, GOOD)

    assert PASSWORD not in repr(vars(first))
    assert not set(first._right) & set(second._right)


def test_guessing_does_not_take_every_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two checks run at a time; who would wait too long for one is told so."""
    monkeypatch.setattr(passwords, "_WAIT_SECONDS", 0.05)
    going, ends, at_once = threading.Semaphore(0), threading.Event(), []

    def checkpw(*_: bytes) -> bool:
        at_once.append(time.monotonic())
        going.release()
        ends.wait(10)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    checked = Passwords()
    threads = [threading.Thread(target=checked.admits, args=(USERS, GOOD)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        going.acquire()
    with pytest.raises(BusyError):
        checked.admits(USERS, GOOD)
    ends.set()
    for thread in threads:
        thread.join()

    assert 2 == len(at_once)
    assert checked.admits(USERS, GOOD)


def test_a_flood_of_guesses_leaves_places_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One address has four checks pending, and is refused at once beyond that; others are not."""
    going, ends = threading.Semaphore(0), threading.Event()

    def checkpw(*_: bytes) -> bool:
        going.release()
        ends.wait(10)
        return True

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    monkeypatch.setattr(passwords, "_WAIT_SECONDS", 10.0)
    checked, answers = Passwords(), []

    def ask(client: str) -> None:
        answers.append(checked.admits(USERS, header("prometheus", client), client))

    threads = [threading.Thread(target=ask, args=("10.0.0.1",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        going.acquire()
    wait_for(lambda: 4 == checked._pending["10.0.0.1"], seconds=60, what="four pending")
    began = time.monotonic()
    with pytest.raises(BusyError):
        ask("10.0.0.1")
    took = time.monotonic() - began
    threads.append(threading.Thread(target=ask, args=("10.0.0.2",)))
    threads[-1].start()
    wait_for(lambda: 1 == checked._pending["10.0.0.2"], seconds=60, what="one of another")
    ends.set()
    for thread in threads:
        thread.join()

    assert 1 > took
    assert [True] * 5 == answers
    assert not checked._pending
