"""Questions about processes that are more than one call of nvidia-ml-py's."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exporter.errors import Unsupported

_NOTHING_NEW = (0, 6)
"""What nvidia-ml-py raises where no process was sampled: success, or not found."""


def _third(kind: str) -> Callable[..., Any]:
    """Return the third version of a list of processes, where its records can be trusted."""

    def processes(nvml: Any, handle: Any) -> Any:
        version = nvml.nvmlSystemGetDriverVersion()
        major, _, rest = version.partition(".")
        # 535.43 to 535.86 write longer records than any other driver: process ids came out wrong.
        if major == "535" and int(rest.partition(".")[0]) < 98:  # noqa: PLR2004 - the one after
            raise Unsupported(f"driver {version} answers this in a form of its own")
        return getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses_v3")(handle)

    return processes


def _sampled(kind: str) -> Callable[..., Any]:
    """Return samples of the last seconds, in the driver's time, which is the system's."""

    def samples(nvml: Any, handle: Any, seconds: int) -> Sequence[Any]:
        since = (time.time_ns() // 1000) - seconds * 1_000_000
        try:
            return list(getattr(nvml, f"nvmlDeviceGet{kind}Utilization")(handle, since))
        except nvml.NVMLError as error:
            if error.value in _NOTHING_NEW:
                return []
            raise

    return samples


def _accounts(nvml: Any, handle: Any) -> Sequence[tuple[int, Any]]:
    """Return what is kept of every process, by its id; one whose place was taken is left out."""
    accounts = []
    for pid in dict.fromkeys(nvml.nvmlDeviceGetAccountingPids(handle)):
        try:
            accounts.append((pid, nvml.nvmlDeviceGetAccountingStats(handle, pid)))
        except nvml.NVMLError_NotFound:
            continue
    return accounts


WRAPPERS: Mapping[str, Callable[..., Any]] = {
    "ComputeRunningProcesses_v3": _third("Compute"),
    "GraphicsRunningProcesses_v3": _third("Graphics"),
    "MPSComputeRunningProcesses_v3": _third("MPSCompute"),
    "ProcessUtilization": _sampled("Process"),
    "VgpuUtilization": _sampled("Vgpu"),
    "Accounts": _accounts,
}
