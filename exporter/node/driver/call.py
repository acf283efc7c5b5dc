"""One NVML call, with its error code told in our words, and NVML's own words for numbers."""

from collections.abc import Callable, Mapping
from typing import Any

from exporter.errors import DeviceDown, DeviceError, DriverError, DriverUnavailable, Unsupported

# The quantity does not exist here: invalid argument (an unknown domain or field), not supported,
# no permission, not found, function not found, version of a struct, deprecated.
_UNSUPPORTED = frozenset({2, 3, 4, 6, 13, 25, 26})
_DOWN = {15: "lost", 16: "reset_required", 28: "not_found", 999: "unknown"}
_MISMATCH = 18
_UNAVAILABLE = {
    1: "NVML is not initialised",
    9: "the NVIDIA driver is not loaded: load its kernel module (modprobe nvidia)",
    12: "libnvidia-ml.so.1 cannot be loaded: install the NVIDIA driver, "
    "or run the container with the NVIDIA runtime",
    _MISMATCH: "NVML and the kernel module are of different versions: "
    "reload the module or reboot to finish the driver upgrade",
}


def call(nvml: Any, function: Callable[..., Any], *arguments: object) -> Any:
    """Return what *function* of the module *nvml* answers.

    Raises:
        DriverUnavailable: When the library as a whole does not work.
        DeviceDown: When the device is lost or needs a reset.
        Unsupported: When device or driver do not know the quantity.
        DeviceError: When the call failed otherwise; it may succeed next time.
    """
    try:
        return function(*arguments)
    except nvml.NVMLError as error:
        raise translated(error.value, str(error)) from error
    except UnicodeDecodeError as error:
        raise DeviceError("a text that is none") from error


def translated(code: int, text: str) -> DriverError:
    """Return our error for an NVML return code; *text* is NVML's own for it."""
    if code in _UNAVAILABLE:
        return DriverUnavailable(_UNAVAILABLE[code], restart=code == _MISMATCH)
    if code in _DOWN:
        return DeviceDown(_DOWN[code])
    if code in _UNSUPPORTED:
        return Unsupported(text)
    return DeviceError(f"{text} (NVML code {code})")


def word(nvml: Any, prefix: str, number: int) -> str:
    """Return the name of a constant: NVML_BRAND_, 5 → geforce."""
    return words(nvml, prefix).get(number, "")


def words(nvml: Any, prefix: str) -> Mapping[int, str]:
    """Return the names of constants by number, the first where a number has several.

    It looks at thousands of names: who asks often keeps what it found.
    """
    found: dict[int, str] = {}
    for name, value in vars(nvml).items():
        if name.startswith(prefix) and isinstance(value, int) and name != f"{prefix}COUNT":
            found.setdefault(value, name.removeprefix(prefix).lower())
    return found
