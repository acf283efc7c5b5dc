"""Promises of the table of DCGM's fields: each is told exactly as dcgm-exporter tells it."""

from pathlib import Path

import pytest

from exporter.catalogue.dcgm import FIELDS, Generation, Unit
from exporter.node.collector import Group
from exporter.node.compat.finding import resolves
from exporter.node.compat.translator import Translator
from tests.support.compat import H100, NEW, OLD, WHOLE, Told, counters, page, snapshot, values
from tests.support.fake_driver import ManualClock

_GIBIBYTE = 2**30
_DASHBOARD = {
    "DCGM_FI_DEV_GPU_TEMP": "DCGM_FI_DEV_GPU_TEMP_CELSIUS",
    "DCGM_FI_DEV_POWER_USAGE": "DCGM_FI_DEV_BOARD_POWER_WATTS",
    "DCGM_FI_DEV_SM_CLOCK": "DCGM_FI_DEV_SM_CLOCK_HERTZ",
    "DCGM_FI_DEV_GPU_UTIL": "DCGM_FI_DEV_GPU_UTIL_RATIO",
    "DCGM_FI_DEV_FB_USED": "DCGM_FI_DEV_FB_USED_BYTES",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": "DCGM_FI_PROF_TENSOR_UTIL_RATIO",
}


def test_every_source_is_published() -> None:
    """What a field is read from, family and labels, is in the catalogue."""
    assert [] == [f.name for f in FIELDS if f.source is not None and not resolves(f.source)]


def test_a_name_means_one_field() -> None:
    """No two fields share a name, old or new: a counters file is never ambiguous."""
    names = [name for field in FIELDS for name in (field.name, field.new) if name]

    assert len(set(names)) == len(names)


def test_what_has_another_unit_has_another_name() -> None:
    """All values of units of old have new names for base units, but for three DCGM gave up."""
    other = {field.name for field in FIELDS if field.unit is not Unit.BASE and not field.new}

    assert {
        "DCGM_FI_DEV_PCIE_TX_THROUGHPUT",
        "DCGM_FI_DEV_PCIE_RX_THROUGHPUT",
        "DCGM_FI_DEV_NVLINK_THROUGHPUT_TOTAL",
    } == other


def test_help_texts_say_the_unit_of_their_values() -> None:
    """Old names say MHz, MiB, % and mJ; new ones base units."""
    told = {f.name: (f.help_of(f.name), f.help_of(f.new)) for f in FIELDS if f.new}

    assert ("SM clock frequency (in MHz).", "SM clock frequency (in Hz).") == told[
        "DCGM_FI_DEV_SM_CLOCK"
    ]
    assert ("GPU utilization (in %).", "GPU utilization (from 0 to 1).") == told[
        "DCGM_FI_DEV_GPU_UTIL"
    ]
    assert [] == [new for _, new in told.values() if "in M" in new or "%" in new]


@pytest.mark.parametrize("generation", [OLD, NEW])
def test_the_official_dashboard_finds_its_metrics(generation: Generation) -> None:
    """The six quantities of Grafana's dashboard 12239 are there by default in both generations."""
    asked = _DASHBOARD if generation is OLD else _DASHBOARD.values()
    told = values(page(Translator(generation), snapshot((WHOLE, H100))))

    assert set(asked) <= told.keys()


def _pair(name: str, old: str, new_name: str, new: str, *told: Told) -> object:
    return pytest.param({name: old, new_name: new}, told, id=name)


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        _pair(
            *("DEV_SM_CLOCK", "1980", "DEV_SM_CLOCK_HERTZ", "1980000000"),
            ("gpu_clock_hertz", ("sm",), 1980e6),
        ),
        _pair(
            *("DEV_VIDEO_CLOCK", "1545", "DEV_VIDEO_CLOCK_HERTZ", "1545000000"),
            ("gpu_clock_hertz", ("video",), 1545e6),
        ),
        _pair(
            *("DEV_MAX_SM_CLOCK", "1980", "DEV_SM_MAX_CLOCK_HERTZ", "1980000000"),
            ("gpu_clock_max_hertz", ("sm",), 1980e6),
        ),
        _pair(
            *("DEV_GPU_UTIL", "29", "DEV_GPU_UTIL_RATIO", "0.29"),
            ("gpu_utilization_ratio", (), 0.29),
        ),
        _pair(
            *("DEV_FB_FREE", "1023", "DEV_FB_FREE_BYTES", "1073741823"),
            ("gpu_memory_free_bytes", (), _GIBIBYTE - 1),
        ),
        _pair(
            *("DEV_FB_TOTAL", "1024", "DEV_FB_CAPACITY_BYTES", "1073741824"),
            ("gpu_memory_total_bytes", (), _GIBIBYTE),
        ),
        _pair(
            *("DEV_FB_USED_PERCENT", "0.5", "DEV_FB_USED_RATIO", "0.5"),
            ("gpu_memory_used_bytes", (), 40),
            ("gpu_memory_total_bytes", (), 90),
            ("gpu_memory_reserved_bytes", (), 10),
        ),
        _pair(
            *("DEV_BAR1_USED", "1024", "DEV_BAR1_USED_BYTES", "1073741824"),
            ("gpu_bar1_memory_used_bytes", (), _GIBIBYTE),
        ),
        _pair(
            *("DEV_FAN_SPEED", "57", "DEV_FAN_SPEED_RATIO", "0.57"),
            ("gpu_fan_speed_ratio", ("0",), 0.57),
            ("gpu_fan_speed_ratio", ("1",), 0.6),
        ),
        _pair(
            *("DEV_TOTAL_ENERGY_CONSUMPTION", "1234567", "DEV_GPU_ENERGY_JOULES_TOTAL", "1234.567"),
            ("gpu_energy_joules_total", (), 1234.567),
        ),
        _pair(
            *("DEV_POWER_MGMT_LIMIT", "650", "DEV_BOARD_POWER_LIMIT_REQUESTED_WATTS", "650"),
            ("gpu_power_limit_watts", ("requested",), 650),
            ("gpu_power_limit_watts", ("max",), 700),
        ),
        _pair(
            *("DEV_ENFORCED_POWER_LIMIT", "600", "DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", "600"),
            ("gpu_power_limit_watts", ("enforced",), 600),
        ),
        _pair(
            *("DEV_POWER_VIOLATION", "1500000000", "DEV_GPU_POWER_THROTTLE_SECONDS_TOTAL", "1.5"),
            ("gpu_clock_event_seconds_total", ("power_cap",), 1.5),
        ),
        _pair(
            *("DEV_CLOCK_THROTTLE_REASONS", "36", "DEV_CLOCKS_EVENT_REASONS", "36"),
            ("gpu_clock_event_active", ("gpu_idle",), 0),
            ("gpu_clock_event_active", ("power_cap",), 1),
            ("gpu_clock_event_active", ("sw_thermal",), 1),
        ),
        _pair("DEV_PSTATE", "2", "DEV_GPU_PSTATE", "2", ("gpu_performance_state", (), 2)),
        _pair(
            *("DEV_ECC_CURRENT", "1", "DEV_ECC_MODE", "1"),
            ("gpu_ecc_mode_enabled", ("current",), 1),
            ("gpu_ecc_mode_enabled", ("pending",), 0),
        ),
        _pair(
            *("DEV_ECC_DBE_AGG_TOTAL", "4", "DEV_ECC_DBE_AGG_TOTAL", "4"),
            ("gpu_ecc_errors_total", ("uncorrected", "aggregate"), 4),
            ("gpu_ecc_errors_total", ("uncorrected", "volatile"), 1),
        ),
        _pair(
            *("DEV_RETIRED_DBE", "2", "DEV_PAGE_RETIRED_DBE_TOTAL", "2"),
            ("gpu_retired_pages_total", ("uncorrected",), 2),
        ),
        _pair(
            *("DEV_BANKS_REMAP_ROWS_AVAIL_MAX", "2560", "DEV_BANK_REMAP_AVAIL_MAX", "2560"),
            ("gpu_row_remap_available_banks", ("max",), 2560),
        ),
        _pair(
            *("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "5", "DEV_NVLINK_REPLAY_ERROR_TOTAL", "5"),
            ("gpu_nvlink_errors_total", ("0", "replay"), 2),
            ("gpu_nvlink_errors_total", ("1", "replay"), 3),
            ("gpu_nvlink_errors_total", ("1", "crc_flit"), 7),
        ),
        _pair(
            *("DEV_NVLINK_CRC_FLIT_ERROR_COUNT_L1", "7", "DEV_NVLINK_CRC_FLIT_ERROR_L1_TOTAL", "7"),
            ("gpu_nvlink_errors_total", ("1", "crc_flit"), 7),
            ("gpu_nvlink_errors_total", ("2", "crc_flit"), 8),
        ),
        _pair(
            *("DEV_GET_GPU_RECOVERY_ACTION", "3", "DEV_GPU_RECOVERY_ACTION", "3"),
            ("gpu_recovery_action", ("none",), 0),
            ("gpu_recovery_action", ("drain_p2p",), 1),
        ),
        _pair(
            *("DEV_FABRIC_HEALTH_SUMMARY", "2", "DEV_FABRIC_HEALTH_SUMMARY", "2"),
            ("gpu_fabric_healthy", (), 0),
        ),
        _pair(
            *("PROF_SM_OCCUPANCY", "0.4", "PROF_SM_OCCUPANCY_RATIO", "0.4"),
            ("gpu_sm_occupancy_ratio", (), 0.4),
        ),
    ],
)
def test_a_field_is_told_in_its_unit(
    expected: dict[str, str], told: tuple[Told, ...], tmp_path: Path
) -> None:
    """Old names in DCGM's units, new ones in base units; both from one file when it asks so."""
    named = {f"DCGM_FI_{name}": value for name, value in expected.items()}
    translator = Translator(OLD, counters(tmp_path / "counters.csv", named))
    found = values(page(translator, snapshot((WHOLE, told))))

    assert named == {name: found.get(name) for name in named}


def test_what_a_device_tells_by_itself() -> None:
    """XIDs are told of as they come, beside the readings, and stay while the device is lost."""
    told = (
        ("gpu_xid_errors_total", ("79",), 1),
        ("gpu_xid_last_timestamp_seconds", ("79",), 90),
    )
    of = snapshot((WHOLE, H100[:1]), beside=told)

    assert 'err_code="79",err_msg="GPU has fallen off the bus"} 79\n' in page(Translator(OLD), of)


def test_xids_of_the_last_minutes(tmp_path: Path) -> None:
    """EXP_XID_ERRORS_COUNT has what came in the last five minutes, and then 0 again."""
    clock = ManualClock()
    file = counters(tmp_path / "counters.csv", ["DCGM_EXP_XID_ERRORS_COUNT"])
    translator = Translator(OLD, file, monotonic=clock)

    def told(total: int, seconds: float) -> str:
        clock.now += seconds
        text = page(translator, snapshot((WHOLE, (("gpu_xid_errors_total", ("79",), total),))))
        return text.partition('window_size_in_ms="300000",xid="79"} ')[2].partition("\n")[0]

    assert ["0", "2", "3", "1", "0"] == [
        told(0, 0), told(2, 10), told(3, 299), told(3, 1), told(3, 299)
    ]  # fmt: skip


def test_nvlink_bandwidth_without_gpm() -> None:
    """What GPM does not tell is how fast the bytes of the links grow from reading to reading."""
    translator = Translator(OLD)

    def told(at: float, *total: float) -> str | None:
        links = ((f"{link}", way) for link in range(2) for way in ("rx", "tx"))
        bytes_ = [
            ("gpu_nvlink_bytes_total", own, value) for own, value in zip(links, total, strict=False)
        ]
        of = snapshot((WHOLE, bytes_), times={Group.MEDIUM: at})
        return values(page(translator, of)).get("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL")

    assert told(100, 0, 0, 0, 5e9) is None
    assert told(110, 1e9, 2e9, 3e9, 9e9) == "1000"
    assert told(110, 1e9, 2e9, 3e9, 9e9) == "1000"
    assert told(120, 0, 0, 0, 0) is None
    assert told(130, 1e7, 0, 0, 0) == "1"
    assert told(140, 1e7, 0) is None


def test_the_mask_of_the_fabrics_health(tmp_path: Path) -> None:
    """It is put together from the checks; what is wrong in the configuration is not made up."""
    file = counters(tmp_path / "counters.csv", ["DCGM_FI_DEV_FABRIC_HEALTH_MASK"])
    translator = Translator(OLD, file)

    def told(**checks: int) -> str | None:
        readings = [("gpu_fabric_problem", (check,), value) for check, value in checks.items()]
        return values(page(translator, snapshot((WHOLE, readings)))).get(
            "DCGM_FI_DEV_FABRIC_HEALTH_MASK"
        )

    fine = {"degraded_bandwidth": 0, "route_recovery": 0, "incorrect_configuration": 0}
    assert told(**fine) == str(0b1_0000_1010)
    assert told(**fine | {"degraded_bandwidth": 1, "no_partition": 1}) == str(0b10_0001_0000_1001)
    assert told(**fine | {"incorrect_configuration": 1}) is None


def test_what_is_not_known_is_not_zero() -> None:
    """A device that tells nothing but who it is has no series at all."""
    assert "" == page(Translator(OLD), snapshot((WHOLE, H100[:1])))


def test_a_state_dcgm_has_no_number_for_is_no_sample(tmp_path: Path) -> None:
    """An unknown recovery action is not told as "none"."""
    file = counters(tmp_path / "counters.csv", ["DCGM_FI_DEV_GET_GPU_RECOVERY_ACTION"])
    told = (("gpu_recovery_action", ("none",), 0), ("gpu_recovery_action", ("other",), 1))

    assert "DCGM_FI" not in page(Translator(OLD, file), snapshot((WHOLE, told)))


def test_the_newest_xid_is_the_last_one(tmp_path: Path) -> None:
    """XID_ERRORS has the number of the newest; each is counted beside it."""
    asked = ["DCGM_FI_DEV_XID_ERRORS", "DCGM_EXP_XID_ERRORS_TOTAL"]
    told = (
        ("gpu_xid_errors_total", ("31",), 2),
        ("gpu_xid_errors_total", ("79",), 1),
        ("gpu_xid_last_timestamp_seconds", ("31",), 100),
        ("gpu_xid_last_timestamp_seconds", ("79",), 90),
    )
    text = page(
        Translator(OLD, counters(tmp_path / "counters.csv", asked)), snapshot((WHOLE, told))
    )

    assert 'err_code="31",err_msg="GPU memory page fault"} 31\n' in text
    assert 'xid="31"} 2\n' in text
    assert 'xid="79"} 1\n' in text
