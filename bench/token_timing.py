"""How long a wrong token is looked at, by what is wrong with it.

    .venv/bin/python bench/token_timing.py [--rounds N]

In one process, among a thousand tokens, in turn: the ratio of medians tells whether a stranger with
a stopwatch learns anything. Over a network there is more noise still.
"""

import argparse
import random
import time
from datetime import UTC, datetime
from statistics import median

import promises
from figures import Figure
from machine import machine

from queryapi.access.tokens import Token, known, mint
from queryapi.settings import Role

_TOKENS = 1000
_AT_ONCE = 20
_FIRST = "one that is wrong in its first character"
_REFUSED = Figure(
    "a wrong token is refused",
    "µs",
    beside=_FIRST,
    budgets=(promises.REFUSED_SLOWEST, promises.REFUSED_SOONEST),
)
FIGURES = (_REFUSED,)
OPTIONS = ("--rounds=20000",)


def main() -> None:
    """Measure and print."""
    options = _options()
    print(f"wrong tokens, {options.rounds} rounds: on {machine()}", flush=True)
    minted = [_minted() for _ in range(_TOKENS)]
    book = {token.id: token for _, token in minted}
    text = random.choice(minted)[0]
    head, secret = text[:-64], text[-64:]
    wrong = {
        "first": f"{head}{_other(secret[0])}{secret[1:]}",
        "last character": f"{head}{secret[:-1]}{_other(secret[-1])}",
        "middle": f"{head}{secret[:32]}{_other(secret[32])}{secret[33:]}",
        "id": f"gpuscope_{'0' * 12}_{secret}",
    }
    taken: dict[str, list[float]] = {name: [] for name in wrong}
    names = list(wrong)
    for _ in range(options.rounds):
        # What runs first in a round is slower: each is, as often.
        random.shuffle(names)
        for name in names:
            sent = wrong[name]
            begun = time.perf_counter()
            for _ in range(_AT_ONCE):
                known(book, sent)
            taken[name].append(time.perf_counter() - begun)
    medians = {name: median(found) / _AT_ONCE * 1e6 for name, found in taken.items()}
    first = medians.pop("first")
    for name, each in medians.items():
        _REFUSED.tell(f"{name} is wrong", each, first)


def _minted() -> tuple[str, Token]:
    now = datetime.now(UTC)
    return mint(role=Role.VIEWER, name="", created=now, expires=None, clusters=(), namespaces=())


def _other(digit: str) -> str:
    return "0" if digit != "0" else "1"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20_000, help="how often each is refused")
    return parser.parse_args()


if __name__ == "__main__":
    main()
