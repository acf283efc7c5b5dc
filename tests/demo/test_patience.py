"""`make up` goes on when a busy machine is late with an answer."""

import pytest

from demo import up


def test_a_late_answer_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that comes at the second request is taken."""
    monkeypatch.setattr("demo.up.time.sleep", lambda _: None)
    answers: list[OSError | str] = [OSError("was answered 503"), "well"]

    def ask() -> str:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert "well" == up._patiently(ask)


def test_patience_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What never answers is said in the end."""
    monkeypatch.setattr(up, "_LATE_SECONDS", -1.0)

    def ask() -> str:
        raise OSError("was answered 503")

    with pytest.raises(OSError, match="503"):
        up._patiently(ask)
