"""/metrics says how looks at the services go, and what they find."""

from prometheus_client.parser import text_string_to_metric_families

from queryapi.outbound.transport import ExchangeFailed
from queryapi.telemetry.metrics import Metrics
from tests.support.examining import Look, ScriptedPrometheus, looking
from tests.support.fake_prometheus import series

_LOOKS = "gpuscope_api_look_duration_seconds_count"
_FINDINGS = "gpuscope_api_look_findings_total"
_HANGS = ExchangeFailed("it did not answer in time", reason="timeout")


def _counted(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    """Return a metric's values, not zero, by those of its labels in their names' order."""
    families = text_string_to_metric_families(metrics.exposition("")[0].decode())
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and sample.value
    }


def _break(look: Look) -> None:
    """Have everything that is asked from now on break."""
    look.examiner._executor.shutdown()


def test_looks_are_counted_by_how_they_went() -> None:
    """One that found everything, one for which a Prometheus was late, one that broke."""
    prometheus = ScriptedPrometheus(
        series("", 1, told="up", job="a"), series("", 1, told="targets", job="a")
    )
    with looking({"name": "mine", "job": "a"}, asked=lambda _: prometheus) as look:
        look.round()
        prometheus.found = _HANGS
        look.round()
        _break(look)
        look.round()

        assert {("whole",): 1, ("late",): 1, ("failed",): 1} == _counted(look.metrics, _LOOKS)
        assert {("mine", "healthy"): 1, ("mine", "timeout"): 1, ("mine", "error"): 1} == _counted(
            look.metrics, _FINDINGS
        )


def test_an_ill_service_does_not_make_a_look_fail() -> None:
    """What could be asked was asked: the finding is counted, and the look is whole."""
    with looking({"name": "mine", "job": "a"}) as look:
        look.round()

        assert {("whole",): 1} == _counted(look.metrics, _LOOKS)
        assert {("mine", "not_configured"): 1} == _counted(look.metrics, _FINDINGS)
