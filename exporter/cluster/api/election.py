"""Of several replicas one leads: the rules of client-go's leaderelection, with one lease.

Two clocks are never compared. A candidate takes over when the lease has not *changed* for its
duration, by the candidate's own monotonic clock, counted from when it saw the last change. A
leader that could not renew stops by itself after the renew deadline, counted on its own clock from
before it sent the last request that succeeded. The deadline is shorter than the duration, so a
leader has stopped before another begins, whatever is lost or late between them, as long as their
clocks run at about the same speed.
"""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from exporter.cluster.api.lease import Lease, LeaseStore, Record, micro_time
from exporter.errors import ConfigurationError, Conflict, KubernetesError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """The election's times in seconds; the defaults are those of Kubernetes' own components.

    Args:
        duration: How long candidates wait without a sign of life before they take over.
        renew_deadline: How long a leader leads without success in renewing.
        retry: The pause between two attempts.
        jitter: Candidates wait up to this many times `retry` longer, so that they spread.

    Raises:
        ConfigurationError: When a leader could still lead while another takes over.
    """

    duration: int = 15
    renew_deadline: float = 10.0
    retry: float = 2.0
    jitter: float = 1.2

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > self.retry * self.jitter > 0:
            raise ConfigurationError(
                f"leader election: duration {self.duration:g} s, renew deadline "
                f"{self.renew_deadline:g} s and retry period {self.retry:g} s do not fit: "
                f"each must be longer than the next, the retry period counted {self.jitter:g} times"
            )


_USUAL = Timing()


class Election:
    """One replica's part in the election.

    Args:
        store: The lease.
        identity: This replica's name in it; no two replicas may have the same, ever: use a fresh
            random part in each process.
        timing: The election's times.
        clock: Now, in Unix seconds, for what is written for people.
        monotonic: A clock that never jumps, for everything that is decided.
        random: A number in [0, 1), for jitter.

    Attributes:
        holder: Who leads, as far as we were told; "" = nobody.
        trouble: Why the lease can be neither read nor written; None when it can.
    """

    def __init__(
        self,
        store: LeaseStore,
        identity: str,
        timing: Timing = _USUAL,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.holder = ""
        self.trouble: str | None = None
        self._store = store
        self._identity = identity
        self._timing = timing
        self._clock = clock
        self._monotonic = monotonic
        self._random = random
        self._observed: Record | None = None
        self._observed_at = -math.inf
        self._leads_until = -math.inf
        self._led = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="election", daemon=True)

    def leading(self) -> bool:
        """Tell whether this replica leads at this moment; safe to ask from any thread."""
        return not self._stopping.is_set() and self._monotonic() < self._leads_until

    def start(self) -> None:
        """Begin to compete."""
        self._thread.start()

    def stop(self) -> None:
        """Stop leading now, and soon let go of the lease, so that another takes over at once."""
        self._stopping.set()

    def join(self, seconds: float) -> None:
        """Wait until the lease is let go of."""
        if self._thread.is_alive():
            self._thread.join(seconds)

    def run(self) -> None:
        """Compete until stopped; no failure ends it."""
        while not self._stopping.is_set():
            self._stopping.wait(self.step())
        self._attempt(self._release)
        self._announce()

    def step(self) -> float:
        """Try once to get or keep the lease; return how many seconds to wait before the next."""
        self._attempt(self._compete)
        self._announce()
        if self.leading():
            return self._timing.retry
        return self._timing.retry * (1 + self._timing.jitter * self._random())

    def _attempt(self, action: Callable[[], None]) -> None:
        trouble: str | None = None
        try:
            action()
        except Conflict:
            pass  # another replica wrote first: the next attempt reads what
        except KubernetesError as error:
            trouble = str(error)
        except Exception:  # noqa: BLE001 - a defect of ours must not end the election in silence
            _log.exception("leader election: unexpected failure")
            trouble = "unexpected failure, see the log"
        if trouble not in {None, self.trouble}:
            _log.warning("leader election: %s; trying again", trouble)
        self.trouble = trouble

    def _compete(self) -> None:
        lease = self._store.read()
        if lease is not None:
            self._observe(lease.record)
        # A lease that vanished does not depose its holder, who may not know yet.
        if not self._is_free():
            self._leads_until = -math.inf
            return
        sent = self._monotonic()
        self._observe(self._write(lease).record)
        self._leads_until = sent + self._timing.renew_deadline

    def _observe(self, record: Record) -> None:
        if record != self._observed:
            self._observed = record
            self._observed_at = self._monotonic()
            self.holder = record.holder

    def _is_free(self) -> bool:
        seen = self._observed
        if seen is None or seen.holder in {"", self._identity}:
            return True
        duration = seen.duration if seen.duration > 0 else self._timing.duration
        return self._monotonic() >= self._observed_at + duration

    def _write(self, lease: Lease | None) -> Lease:
        now = micro_time(self._clock())
        if lease is None:
            return self._store.create(Record(self._identity, self._timing.duration, now, now, 0))
        old = lease.record
        kept = old.holder == self._identity
        record = Record(
            holder=self._identity,
            duration=self._timing.duration,
            acquired=old.acquired if kept else now,
            renewed=now,
            transitions=old.transitions if kept else old.transitions + 1,
        )
        return self._store.update(lease, record)

    def _release(self) -> None:
        if self._observed is None or self._observed.holder != self._identity:
            return
        lease = self._store.read()
        if lease is None or lease.record.holder != self._identity:
            return
        now = micro_time(self._clock())
        # As client-go writes it: nobody holds it, and whoever else reads it need wait for nobody.
        free = Record("", 1, now, now, lease.record.transitions)
        self._observe(self._store.update(lease, free).record)

    def _announce(self) -> None:
        leads = self.leading()
        if leads != self._led:
            now = "leading" if leads else f"no longer leading; {self.holder or 'nobody'} holds it"
            _log.info("leader election: %s is %s", self._identity, now)
        self._led = leads
