"""Answers are made once, and only so much of them is kept."""

import threading
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor

import pytest

from queryapi.cache.memo import Answers
from queryapi.cache.prepared import Prepared, prepare


def text(words: str) -> Prepared:
    """Return an answer that says *words*."""
    return prepare(words.encode())


def test_an_answer_is_built_once() -> None:
    """The second question is answered without building."""
    shelf, built = Answers().shelf(), []

    def build() -> Prepared:
        built.append(1)
        return text("answer")

    assert None is shelf.find("q")
    assert [b"answer", b"answer"] == [shelf.get("q", build).body, shelf.get("q", build).body]
    assert [1] == built
    assert text("answer") == shelf.find("q")


def test_threads_that_ask_at_once_build_once() -> None:
    """A large answer is never made twice at the same time, and all get the one that was made."""
    shelf, gate, asked, built = Answers().shelf(), threading.Event(), threading.Semaphore(0), []

    def build() -> Prepared:
        built.append(1)
        assert gate.wait(timeout=10)
        return text("answer")

    def ask() -> Prepared:
        asked.release()
        return shelf.get("q", build)

    with ThreadPoolExecutor(8) as crowd:
        answers = [crowd.submit(ask) for _ in range(8)]
        for _ in range(8):
            assert asked.acquire(timeout=10)
        gate.set()

        assert {b"answer"} == {answer.result(timeout=10).body for answer in answers}
    assert [1] == built


def test_an_answer_that_cannot_be_made_is_not_remembered() -> None:
    """Whoever asks next tries again."""
    shelf = Answers().shelf()

    def fail() -> Prepared:
        raise LookupError

    with pytest.raises(LookupError):
        shelf.get("q", fail)

    assert b"answer" == shelf.get("q", lambda: text("answer")).body


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    """However many different questions come, only so many bytes of answers are kept."""
    answers = Answers(max_bytes=20)
    shelf, other = answers.shelf(), answers.shelf()
    shelf.get("a", lambda: text("x" * 8))
    other.get("a", lambda: text("y" * 8))
    shelf.find("a")
    shelf.get("c", lambda: text("z" * 8))

    assert (2, 16) == (len(answers), answers.held_bytes)
    assert None is other.find("a")
    assert text("x" * 8) == shelf.find("a")


def test_answers_are_bounded_in_number_too() -> None:
    """A thousand small ones have a price as well."""
    answers = Answers(max_count=3)
    shelf = answers.shelf()
    for number in range(10):
        shelf.get(number, lambda: text("x"))

    assert (3, 3) == (len(answers), answers.held_bytes)


def test_an_answer_larger_than_all_that_may_be_kept_is_only_given() -> None:
    """It does not push out everything else."""
    answers = Answers(max_bytes=10)
    shelf = answers.shelf()
    shelf.get("small", lambda: text("x"))

    assert 11 == shelf.get("large", lambda: text("x" * 11)).size
    assert (None, text("x")) == (shelf.find("large"), shelf.find("small"))


def test_the_answers_of_a_window_go_with_it() -> None:
    """A window that is over holds nothing, whoever still reads it."""
    answers = Answers()
    shelf, other = answers.shelf(), answers.shelf()
    shelf.get("q", lambda: text("ab"))
    other.get("q", lambda: text("c"))
    shelf.close()

    assert (1, 1) == (len(answers), answers.held_bytes)
    assert b"late" == shelf.get("q", lambda: text("late")).body
    assert None is shelf.find("q")


def test_a_window_that_ends_meanwhile_holds_nothing() -> None:
    """An answer that was being made when its window ended is given, and not kept."""
    answers = Answers()
    shelf = answers.shelf()

    def build() -> Prepared:
        shelf.close()
        return text("late")

    assert b"late" == shelf.get("q", build).body
    assert (0, 0) == (len(answers), answers.held_bytes)


def test_who_looks_too_early_does_not_build_again() -> None:
    """What another thread put there after the first look is found before building."""

    class Overtaken(Answers):
        overtaken = False

        def find(self, key: tuple[int, Hashable]) -> Prepared | None:
            found = super().find(key)
            if not self.overtaken:
                self.overtaken = True
                self.get(key, lambda: text("first"))
            return found

    assert b"first" == Overtaken().get((1, "q"), lambda: text("second")).body


def test_a_newer_answer_takes_the_place_of_an_older_one() -> None:
    """Of each question one answer is kept, not one per window; others stay until they are made."""
    answers = Answers()
    first = answers.shelf()
    first.get("q", lambda: text("old"))
    first.get("other", lambda: text("old"))
    last = answers.shelf(answers.shelf(first))
    last.get("q", lambda: text("new"))

    assert (None, text("old")) == (first.find("q"), first.find("other"))
    assert 6 == answers.held_bytes
