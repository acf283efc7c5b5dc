"""Real-time metrics: how all services are, told from the newest look at them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from queryapi.access.principal import Scope
from queryapi.cache.prepared import Prepared, prepare
from queryapi.services.freshness import Freshness
from queryapi.services.snapshot import Answer
from queryapi.services.vitals.comparing import Comparisons
from queryapi.services.vitals.keeper import Keeper, Kept
from queryapi.services.vitals.report import Compared, Manner, told
from queryapi.services.vitals.trend import Comparison


class Period(msgspec.Struct, frozen=True):
    """The period to compare with, as it was asked for, and in seconds."""

    text: str
    seconds: Annotated[int, Meta(gt=0)]


class Question(msgspec.Struct, frozen=True):
    """What is asked.

    Args:
        max_age: Age in seconds up to which a look will do; None = as long as it is new.
        compare: The period to compare with; None = with none.
    """

    max_age: float | None = None
    compare: Period | None = None


class Vitals:
    """Answers whether the services around the clusters are well.

    Args:
        keeper: Keeps the newest look.
        comparisons: What numbers were before.
        manner: How it is told.
    """

    def __init__(self, keeper: Keeper, comparisons: Comparisons, manner: Manner) -> None:
        self._keeper = keeper
        self._comparisons = comparisons
        self._manner = manner

    def metrics(self, question: Question, scope: Scope) -> Answer:
        """Return what was found of all services; raises UpstreamUnavailable."""
        period = question.compare
        # Both are read at the same time.
        compare = None if period is None else self._comparisons.begin(period.seconds)
        kept = self._keeper.fresh(question.max_age)
        known = None if compare is None else compare()
        return self._answer(kept, scope, period, known)

    def ready_metrics(self, question: Question, scope: Scope) -> Answer | None:
        """Return what `metrics` would, if that needs no waiting."""
        kept = None if question.compare else self._keeper.newest(question.max_age)
        return None if kept is None else self._answer(kept, scope, None, None)

    def _answer(
        self, kept: Kept, scope: Scope, period: Period | None, known: Comparison | None
    ) -> Answer:
        def build() -> Prepared:
            compared = None if period is None else Compared(period.text, known)
            body = told(kept.look.found, scope, self._manner, compared)
            return prepare(msgspec.json.encode(body))

        # Of what is compared the moment says which it is.
        view = (scope.clusters, period, None if known is None else known.at)
        age = max(0.0, self._keeper.age(kept))
        ttl = self._keeper.ttl
        freshness = Freshness(kept.look.found.at, age, ttl, stale=age >= ttl)
        return Answer(kept.answers.get(view, build), freshness)
