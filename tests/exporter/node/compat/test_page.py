"""Promises of the whole page in dcgm-exporter's words."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.catalogue.dcgm import Generation, Type
from exporter.node.compat.counters import CountersFile
from exporter.node.compat.entities import Sharing
from exporter.node.compat.translator import Translator
from exporter.node.holding import Held, Holder
from tests.support.compat import CUT, H100, MIG, NEW, OLD, WHOLE, counters, page, snapshot

_HERE = Path(__file__).parent
_TRAINING = Holder("team-a", "training-0", "main", "nvidia.com/gpu", uid="u-1")
_SMALL = Holder("team-b", "small-0", "main", "nvidia.com/mig-1g.10gb")
_HELD = Held(
    pods={(WHOLE, None): (_TRAINING,), (CUT, 9): (_SMALL,)}, jobs={(WHOLE, None): ("4711",)}
)


def _told(sharing: Sharing, *holders: Holder) -> list[str]:
    """Return the temperatures of a device that these hold."""
    of = snapshot((WHOLE, H100), held=Held(pods={(WHOLE, None): holders}))
    lines = page(Translator(OLD, sharing=sharing), of).splitlines()
    return [line for line in lines if line.startswith("DCGM_FI_DEV_GPU_TEMP{")]


@pytest.mark.parametrize("generation", [OLD, NEW])
def test_the_whole_page(generation: Generation) -> None:
    """An H100 and a MIG device held by pods are told, to the letter, as golden files say."""
    text = page(Translator(generation), snapshot((WHOLE, H100), (CUT, MIG), held=_HELD))

    assert (_HERE / f"{generation}.prom").read_text() == text


@pytest.mark.parametrize("generation", [OLD, NEW])
def test_prometheus_reads_the_page(generation: Generation) -> None:
    """Its own parser takes every line, and no series is there twice."""
    text = page(Translator(generation), snapshot((WHOLE, H100), (CUT, MIG), held=_HELD))
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    series = {(sample.name, *sorted(sample.labels.items())) for sample in samples}

    assert len(samples) == len(series) > 25
    assert all(sample.name.startswith("DCGM_FI_") for sample in samples)


def test_nothing_is_counted_twice_when_a_device_is_cut() -> None:
    """Temperature and power stand there once, on the device; memory on its instances alone.

    So a sum over all series is right: sum(DCGM_FI_DEV_FB_USED) is what is used.
    """
    text = page(Translator(OLD), snapshot((CUT, MIG)))
    power = [line for line in text.splitlines() if line.startswith("DCGM_FI_DEV_POWER_USAGE{")]
    used = [line for line in text.splitlines() if line.startswith("DCGM_FI_DEV_FB_USED{")]

    assert 1 == len(power)
    assert "GPU_I_ID" not in power[0]
    assert ["9", "10"] == [line.partition('GPU_I_ID="')[2].partition('"')[0] for line in used]


def test_a_device_whose_instances_do_not_tell() -> None:
    """What no instance tells is the device's: all of one that is not cut yet."""
    bare = tuple(told for told in MIG if not told[0].startswith("gpu_instance_memory"))
    used = [line for line in page(Translator(OLD), snapshot((CUT, bare))).splitlines()
            if line.startswith("DCGM_FI_DEV_FB_USED{")]  # fmt: skip

    assert 1 == len(used)
    assert "GPU_I_ID" not in used[0]
    assert used[0].endswith(" 10000")


def test_what_no_instance_is_named_for_is_the_device() -> None:
    """Series that may name an instance, and name none, cost the page nothing."""
    process = ("gpu_process_memory_bytes", ("", "42", "python", "compute"), 1.0)

    assert page(Translator(OLD), snapshot((WHOLE, H100))) == page(
        Translator(OLD), snapshot((WHOLE, (*H100, process)))
    )


def test_a_shared_device_is_told_once() -> None:
    """Sums over devices stay right: of several pods one is named, always the same."""
    first, second = (Holder("team", name, "main", "nvidia.com/gpu") for name in ("a", "b"))

    assert _told(Sharing(), first, second) == _told(Sharing(), second, first)
    assert 1 == len(_told(Sharing(), first, second))
    assert 'pod="b"' in _told(Sharing(), first, second)[0]


def test_a_shared_device_can_be_told_per_pod() -> None:
    """With virtual GPUs every pod has its series, told apart by its share."""
    shares = (
        Holder("team", pod, "main", "nvidia.com/gpu", replica=str(number))
        for number, pod in enumerate(("a", "b"))
    )
    first, second = _told(Sharing(each=True), *shares)

    assert 'container="main",namespace="team",pod="a",vgpu="0"} 41' in first
    assert 'container="main",namespace="team",pod="b",vgpu="1"} 41' in second


def test_pod_uid_and_claim_are_labels() -> None:
    """The pod's UID when it is asked for, and the claim by which it holds the device."""
    holder = Holder("team", "a", "main", "", claim="two-gpus", source="dra", uid="u-1")

    assert "pod_uid" not in _told(Sharing(), holder)[0]
    assert (
        'pod="a",pod_uid="u-1",dra_claim_name="two-gpus",dra_claim_namespace="team"}'
        in _told(Sharing(uid=True), holder)[0]
    )


def test_label_rows_are_labels_of_all(tmp_path: Path) -> None:
    """A row of the type label adds what it says to every series, numbers too."""
    path = tmp_path / "counters.csv"
    counters(path, ["DCGM_FI_DEV_SERIAL", "DCGM_FI_DEV_GPU_UTIL"], Type.LABEL)
    path.write_text(path.read_text() + "DCGM_FI_DEV_GPU_TEMP, gauge, Heat\n")
    text = page(Translator(OLD, CountersFile(path)), snapshot((WHOLE, H100)))

    assert 'Hostname="worker-1",DCGM_FI_DEV_SERIAL="1650922",DCGM_FI_DEV_GPU_UTIL="29"} 41' in text
