"""What the scripts of this folder declare, by subject."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from figures import Figure

HERE = Path(__file__).resolve().parent
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "The query API": (
        *("api_cached", "api_cold", "api_stampede", "health", "scheduling_cold", "pools"),
        *("api_decoding", "token_timing"),
    ),
    "Streams": ("stream", "fanout"),
    "Jobs": ("ingest", "job_keeping"),
    "The exporters": (*("node_scrape", "node_soak", "cluster_scale", "cluster_page"),),
    "Rules and alerts": ("rules", "pool_rules"),
    "Everything at once": ("soak",),
}
"""In the order of the page: what people wait for first."""
SCRIPTS = tuple(chain.from_iterable(SUBJECTS.values()))
_LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Script:
    """A script and what it declares.

    Attributes:
        path: Where it is.
        options: How `make bench` runs it.
        limit: After so many seconds it hangs.
        about: The first line of its docstring.
        figures: What it measures, in the order of the page.
        notes: What explains the figures, a paragraph each.
    """

    path: Path
    options: tuple[str, ...]
    limit: float
    about: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str) -> "Script":
        """Read what a script declares; raises AttributeError for one that declares nothing."""
        module = importlib.import_module(name)
        return cls(
            HERE / f"{name}.py",
            tuple(getattr(module, "OPTIONS", ())),
            getattr(module, "LIMIT_SECONDS", _LIMIT_SECONDS),
            (module.__doc__ or "").strip().splitlines()[0],
            tuple(module.FIGURES),
            tuple(getattr(module, "NOTES", ())),
        )

    @property
    def name(self) -> str:
        """What it is called, as in SCRIPTS."""
        return self.path.stem

    def figure(self, what: str) -> Figure:
        """Return one of its figures by its name; raises KeyError."""
        return {each.what: each for each in self.figures}[what]


def scripts(names: Sequence[str] = SCRIPTS) -> list[Script]:
    """Read what scripts declare."""
    return [Script.of(name) for name in names]
