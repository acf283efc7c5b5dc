"""What devices told of by themselves: listened to all the time, counted, never forgotten.

An event is told once, to whoever listens: so there is a thread for it, and what it counted stays
when the driver is opened anew.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from exporter.errors import DriverError
from exporter.node.asking import Device, Driver, Event, EventKind, Listener
from exporter.node.reading import Sample
from exporter.node.told import Told

_log = logging.getLogger(__name__)

_WAIT = 0.4
"""Seconds in the driver at a time: so late is it noticed that listening is to end."""
_DEAF_AFTER = 30.0
"""A wait that takes longer than this hangs."""
_AGAIN = 300.0
"""Seconds after which devices that could not be listened to are tried again."""
_MOST_AT_ONCE = 10_000
_MOST_DEVICES = 128
"""Devices whose counts are kept, those that are there among them."""
_TURNING = frozenset({EventKind.UNAVAILABLE, EventKind.RECOVERY_ACTION, EventKind.MIG_CONFIG})
_FALLEN_OFF_THE_BUS = 79


class Incidents:
    """Listens to the devices it is given, in a thread that lives for as long as there are any.

    Args:
        clock: Now, in Unix seconds.
        monotonic: The monotonic clock.
        first_backoff: Seconds until a failed attempt is repeated; doubles with each.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        first_backoff: float = 0.5,
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._first_backoff = self._backoff = first_backoff
        self._complaint = ""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._wanted: tuple[Device, ...] = ()
        self._epoch = 0
        self._heard: Mapping[str, frozenset[EventKind]] = {}
        self._last_return = 0.0
        self._turned = self._unbinds = False
        self._told: dict[str, Told] = {}
        self._indices: dict[str, int] = {}

    def watch(self, driver: Driver, devices: Sequence[Device]) -> None:
        """Listen to these devices from now on; never waits.

        To be called without devices whenever the driver does not answer: what was registered with
        it is gone.
        """
        with self._changed:
            if set(devices) != set(self._wanted):
                self._want(devices)
            if self._wanted and self._thread is None:
                thread = threading.Thread(
                    target=self._run, args=(driver,), name="events", daemon=True
                )
                # One that cannot be started must not be waited for.
                thread.start()
                self._thread = thread

    def look_anew(self) -> bool:
        """Tell, once, whether an event said that devices may have come, gone or changed."""
        with self._changed:
            turned, self._turned = self._turned, False
            return turned

    def asked_to_leave(self) -> bool:
        """Tell, once, whether the driver is about to be taken from a device."""
        with self._changed:
            unbinds, self._unbinds = self._unbinds, False
            return unbinds

    def samples(self, node: str) -> Sequence[Sample]:
        """Return what all devices there ever were told of, and whether they are heard."""
        with self._changed:
            hangs = self._monotonic() - self._last_return > _DEAF_AFTER
            return [
                (
                    reading.family,
                    (uuid, str(self._indices[uuid]), node, *reading.labels),
                    reading.value,
                )
                for uuid, told in self._told.items()
                for reading in told.readings(heard=uuid in self._heard and not hangs)
            ]

    def let_go(self, seconds: float) -> bool:
        """Listen no more until `watch` is called; tell whether that came about in so long."""
        with self._changed:
            self._want(())
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    def _want(self, devices: Sequence[Device]) -> None:
        self._wanted = tuple(devices)
        self._epoch += 1
        for device in devices:
            self._indices[device.uuid] = device.index
            self._told[device.uuid] = self._told.pop(device.uuid, Told())
        for uuid in list(self._told)[:-_MOST_DEVICES]:
            del self._told[uuid], self._indices[uuid]
        self._changed.notify_all()

    def _run(self, driver: Driver) -> None:
        while (task := self._next()) is not None:
            epoch, devices = task
            pause = 0.0
            try:
                self._listen(driver, epoch, devices)
            except DriverError as error:
                self._complain(str(error))
                pause = self._backoff
            except Exception:  # noqa: BLE001 - the next attempt may succeed
                _log.exception("listening to events failed in an unexpected way")
                pause = self._backoff
            self._heard = {}
            if pause:
                self._backoff = min(2 * pause, _AGAIN)
                self._rest(epoch, pause)

    def _next(self) -> tuple[int, tuple[Device, ...]] | None:
        """Return whom to listen to; None = nobody, and the thread ends."""
        with self._changed:
            if self._wanted:
                return self._epoch, self._wanted
            self._thread = None
            self._changed.notify_all()
            return None

    def _listen(self, driver: Driver, epoch: int, devices: Sequence[Device]) -> None:
        """Listen for as long as nothing changes."""
        listener = driver.listen(devices)
        try:
            self._begin(listener)
            complete = len(listener.heard) == len(devices)
            again = float("inf") if complete else self._monotonic() + _AGAIN
            if not listener.heard:
                self._rest(epoch, _AGAIN)
            while not self._is_over(epoch) and self._monotonic() < again:
                self._take(listener.wait(_WAIT))
                self._backoff = self._first_backoff
            self._drain(listener)
        finally:
            listener.close()

    def _drain(self, listener: Listener) -> None:
        """Take what was told meanwhile: it would be lost with the listener."""
        with contextlib.suppress(DriverError):
            for _ in range(_MOST_AT_ONCE):
                if not self._take(listener.wait(0)):
                    return

    def _rest(self, epoch: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_over(epoch), seconds)

    def _complain(self, why: str) -> None:
        """Log a failure once, not with every attempt."""
        if why != self._complaint:
            _log.warning("events cannot be listened to: %s", why)
        self._complaint = why

    def _begin(self, listener: Listener) -> None:
        with self._changed:
            self._heard = listener.heard
            self._last_return = self._monotonic()
            for uuid, kinds in listener.heard.items():
                if uuid in self._told:
                    self._told[uuid].expect(kinds)
        if listener.heard:
            self._complaint = ""

    def _is_over(self, epoch: int) -> bool:
        return self._epoch != epoch

    def _take(self, event: Event | None) -> bool:
        with self._changed:
            self._last_return = self._monotonic()
            if event is not None and event.kind is EventKind.UNBIND:
                self._unbinds = True
            elif event is not None:
                if event.uuid in self._told:
                    self._told[event.uuid].add(event, self._clock())
                self._turned = self._turned or _turns(event)
        return event is not None


def _turns(event: Event) -> bool:
    fallen = event.kind is EventKind.XID and event.data == _FALLEN_OFF_THE_BUS
    return fallen or event.kind in _TURNING
