"""Of what Prometheus tells of devices, only what can be is a reading."""

from dataclasses import replace

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
    return readings.of_place(Place((POD,)), readings.found(elements))


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
    found = readings.found([told("GPU_UTIL", 50.0)])

    assert readings.of_place(Place((POD, Pod("ml", "q", "v"))), found) is None
    assert readings.of_place(Place((Pod("other", "p", "w"),)), found) is None


def own(name: str, value: Value, uuid: str, **labels: str) -> Element:
    """Return what our own exporter tells of a device."""
    return Element({"__name__": f"gpu_{name}", "node": "n", "uuid": uuid, **labels}, (0.0, value))


def held(uuid: str, pod: str = "p", **labels: str) -> Element:
    """Return that a pod holds a device."""
    return own("device_pod_info", 1.0, uuid, namespace="ml", pod=pod, **labels)


def test_the_devices_that_a_pod_holds_are_its_own() -> None:
    """Others of the same node are not."""
    assert Sample(power=700.0) == sample(
        *(own("power_watts", value, uuid) for uuid, value in (("a", 300.0), ("b", 400.0))),
        own("power_watts", 50.0, "c"),
        *(held("a"), held("b"), held("c", "other")),
    )


@pytest.mark.parametrize("other", [held("a", "other", replica="1"), held("a", gpu_instance="3")])
def test_what_is_shared_is_nobodys(other: Element) -> None:
    """Of a device that several pods hold, or of a part of one, the whole says nothing."""
    assert sample(own("power_watts", 300.0, "a"), held("a"), other) is None


def nameless(uuid: str, uid: str) -> Element:
    """Return that processes of a pod use a device, of which the UID alone is known."""
    return own("device_pod_info", 1.0, uuid, uid=uid)


def test_processes_without_a_name_do_not_hide_the_pod() -> None:
    """Beside the pod that the kubelet names they are its own, on all of its devices."""
    power = [own("power_watts", 300.0, "a"), own("power_watts", 400.0, "b")]

    assert Sample(power=700.0) == sample(*power, held("a"), nameless("a", "u"), held("b"))
    assert Sample(power=300.0) == sample(*power[:1], held("a", uid="u"), nameless("a", "u"))


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([held("a"), nameless("a", "other")], id="not the pod's UID"),
        pytest.param([held("a", uid="u"), nameless("a", "other")], id="not the UID that is named"),
        pytest.param([held("a"), nameless("a", "u"), nameless("a", "v")], id="two UIDs"),
        pytest.param([nameless("a", "u")], id="nobody is named"),
    ],
)
def test_processes_of_another_pod_share_the_device(others: list[Element]) -> None:
    """Of a device that another pod uses as well, the whole says nothing."""
    assert sample(own("power_watts", 300.0, "a"), *others) is None


def test_fewer_devices_than_a_pod_holds_are_not_its_devices() -> None:
    """A mean over those that happen to be known would be wrong without a sign of it."""
    place = Place((replace(POD, gpus=2.0),))
    one = [own("power_watts", 300.0, "a"), held("a")]

    assert readings.of_place(place, readings.found(one)) is None
    assert Sample(power=600.0) == readings.of_place(
        place, readings.found([*one, own("power_watts", 300.0, "b"), held("b")])
    )


def test_two_exporters_on_one_node_count_once() -> None:
    """Where dcgm-exporter tells of a pod's devices, ours is not added to it."""
    assert Sample(power=310.0) == sample(
        told("POWER_USAGE", 310.0), own("power_watts", 300.0, "a"), held("a")
    )


def test_a_holder_whose_labels_the_exporters_own_pod_took() -> None:
    """A Prometheus without honor_labels renames them, and the join goes on."""
    labels = {"namespace": "monitoring", "pod": "exporter-x"}
    renamed = {"exported_namespace": "ml", "exported_pod": "p"}

    assert Sample(power=300.0) == sample(
        own("power_watts", 300.0, "a", **labels),
        Element(
            {"__name__": "gpu_device_pod_info", "node": "n", "uuid": "a", **labels, **renamed},
            (0.0, 1.0),
        ),
    )
