"""Promises of health and links for whole products, by way of nvidia-ml-py and the stand-in."""

from pathlib import Path

from demo.nvml import models, products
from demo.nvml.parts import Ecc
from demo.nvml.scenario import Device
from tests.support.nvml import NodeProcess, value

COLLECTORS = (
    *("recovery", "ecc", "sram_ecc", "remapped_rows", "retired_pages", "fabric", "nvlink"),
    *("nvlink_fec", "c2c", "p2p", "vgpu", "profiling"),
)
PROFILED = "gpu_profiling_nvlink_bytes_per_second"
OLD = Device("GPU-v", parts=(Ecc(mode=1, errors={("corrected", "volatile", "l2"): 3}),))


def _families(page: str, uuid: str) -> set[str]:
    lines = (line for line in page.splitlines() if f'uuid="{uuid}"' in line)
    return {line.partition("{")[0] for line in lines}


def test_products(tmp_path: Path) -> None:
    """Each generation tells of its own: rows and fabric of Hopper, pages of Turing."""
    hopper = models.device(products.H100, "GPU-h", 0, busy=0.5, nvlinks=18)
    turing = models.device(products.T4, "GPU-t", 1, busy=0.5)
    with NodeProcess(tmp_path, collectors=COLLECTORS) as node:
        node.play(hopper, turing, OLD)
        page = node.until(
            lambda page: "GPU-t" in page and "gpu_fabric_healthy" in page and PROFILED in page
        )
    common = {"gpu_up", "gpu_ecc_mode_enabled", "gpu_ecc_errors_total"}

    assert (1, 0) == (
        value(page, "gpu_fabric_healthy", uuid="GPU-h"),
        value(page, "gpu_fabric_problem", uuid="GPU-h", check="degraded_bandwidth"),
    )
    assert 2560 == value(page, "gpu_row_remap_available_banks", uuid="GPU-h", level="max")
    assert (18, 26562e6) == (
        value(page, "gpu_nvlink_links", uuid="GPU-h"),
        value(page, "gpu_nvlink_speed_bytes_per_second", uuid="GPU-h", link="17"),
    )
    assert (value(page, PROFILED, uuid="GPU-h", direction="tx") or 0) > 0
    assert 3 == value(page, "gpu_ecc_location_errors_total", uuid="GPU-v", location="l2")
    assert common <= _families(page, "GPU-t")
    assert "gpu_retired_pages_total" in _families(page, "GPU-t") - _families(page, "GPU-h")
    assert "gpu_remapped_rows_total" in _families(page, "GPU-h") - _families(page, "GPU-t")
    assert not {name for name in _families(page, "GPU-t") if "nvlink" in name}
