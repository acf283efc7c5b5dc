"""What a NativeLink tells of its scheduler, in one question.

Its instruments are counters that go up and down, known under two names: behind a collector with
`nativelink_` in front, sent to Prometheus directly without.
"""

from queryapi.promql.selection import Selection
from queryapi.promql.series import ACTIONS, CONNECTED, STATES, variants

SILENT_SECONDS = 150
"""NativeLink sends every 60 s. Prometheus shows what it was sent for 300 s: an instance that has
ended would be counted for so long."""


def instruments(selection: Selection) -> str:
    """Return how many workers and actions there are, by name, and until when that is known.

    The label `told` has the name of a sum over all instances, with the labels `worker_state` or
    `execution_stage`; `known_at` has the name whose oldest sample's Unix time it is. Actions are
    somebody's work and have no namespace: callers who are held to some are not told of them.
    """
    asked = (CONNECTED, STATES, ACTIONS) if selection.namespaces is None else (CONNECTED, STATES)
    # One selector for each name: timestamp() drops the name, and two must not become one.
    return " or ".join(
        term
        for instrument in asked
        for name in variants(instrument)
        for term in _terms(name, selection.hardware(name))
    )


def _terms(name: str, told: str) -> tuple[str, str]:
    recent = f"timestamp({told}) > time() - {SILENT_SECONDS}"
    sums = f"sum by(worker_state,execution_stage) ({told} and {recent})"
    return (
        f'label_replace({sums}, "told", "{name}", "", "")',
        f'label_replace(min({recent}), "known_at", "{name}", "", "")',
    )
