"""Of what Prometheus tells of devices, only what can be is a reading."""

import pytest

from queryapi.promql.values import Sample as Element
from queryapi.promql.values import Value
from queryapi.services.jobs.whereabouts import readings
from queryapi.services.jobs.whereabouts.model import Place, Pod
from queryapi.storage.jobrecords import Sample

POD = Pod("ml", "p", "u", "n")


def told(name: str, value: Value, **labels: str) -> Element:
    """Return what is told of a device of the pod."""
    whose = {"namespace": "ml", "pod": "p"}
    return Element({"__name__": f"DCGM_FI_DEV_{name}", **whose, **labels}, (0.0, value))


def sample(*elements: Element) -> Sample | None:
    """Return what that makes of a job that is the pod."""
    return readings.of_place(Place((POD,)), readings.by_pod(elements))


@pytest.mark.parametrize("value", [float("nan"), "+Inf", -1.0, 9.2e18])
def test_what_cannot_be_is_no_reading(value: Value) -> None:
    """As DCGM writes what a device cannot tell."""
    assert sample(told("POWER_USAGE", value)) is None
    assert Sample(temperature=40.0) == sample(told("POWER_USAGE", value), told("GPU_TEMP", 40.0))


def test_a_slice_has_no_power_of_its_own() -> None:
    """That of its whole device is others' too; its memory is its own."""
    of_slice = {"GPU_I_ID": "3"}

    assert Sample(memory_used=5.0) == sample(
        told("POWER_USAGE", 300.0, **of_slice), told("FB_USED", 5.0, **of_slice)
    )


def test_memory_in_all_is_of_all_devices_or_not_told() -> None:
    """A device of which only one half is known would make it less than there is."""
    one, other = {"gpu": "0"}, {"gpu": "1"}

    assert Sample(memory_used=30.0) == sample(
        told("FB_USED", 10.0, **one), told("FB_USED", 20.0, **other), told("FB_FREE", 70.0, **one)
    )


def test_a_pod_of_which_nothing_is_told_leaves_the_job_unmeasured() -> None:
    """Half of a job's GPUs are not the job."""
    found = readings.by_pod([told("GPU_UTIL", 50.0)])

    assert readings.of_place(Place((POD, Pod("ml", "q", "v"))), found) is None
    assert readings.of_place(Place((Pod("other", "p", "w"),)), found) is None
