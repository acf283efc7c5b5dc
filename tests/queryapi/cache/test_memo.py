"""A memo remembers what is asked often, and only so much."""

from queryapi.cache.memo import Memo


def test_an_answer_is_built_once() -> None:
    """The second question is answered without building."""
    memo: Memo[str] = Memo(2)
    built: list[str] = []

    def build() -> str:
        built.append("a")
        return "answer"

    assert ["answer", "answer"] == [memo.get("q", build), memo.get("q", build)]
    assert ["a"] == built


def test_what_was_not_asked_for_longest_is_forgotten() -> None:
    """However many different questions come, only so many answers are kept."""
    memo: Memo[str] = Memo(2)
    memo.get("a", lambda: "a")
    memo.get("b", lambda: "b")
    memo.get("a", lambda: "unused")
    memo.get("c", lambda: "c")

    assert 2 == len(memo)
    assert "a" == memo.get("a", lambda: "built again")
    assert "built again" == memo.get("b", lambda: "built again")
