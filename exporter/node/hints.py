"""What an administrator may want to know of how devices are set up: logged once, not each time."""

import logging
from collections.abc import Sequence

from exporter.catalogue import PERSISTENCE_MODE
from exporter.node.page.wording import ranges
from exporter.node.snapshot import DeviceView

_log = logging.getLogger(__name__)


class Hints:
    """Remembers what has been said."""

    def __init__(self) -> None:
        self._said = ""

    def heed(self, devices: Sequence[DeviceView]) -> None:
        """Log that persistence mode is off, when that has not been said of these devices."""
        off = ranges(
            device.index
            for device in devices
            for reading in device.readings
            if reading.family is PERSISTENCE_MODE and not reading.value
        )
        # Not read for a moment is not turned on.
        if off and off != self._said:
            self._said = off
            _log.warning(
                "persistence mode is off on GPU %s: when nobody has it open, the driver sets it up "
                "anew for whoever comes next, which takes seconds; start nvidia-persistenced, or "
                "run nvidia-smi -pm 1",
                off,
            )
