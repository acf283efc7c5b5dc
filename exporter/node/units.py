"""NVML's numbers → ours, in base units; an answer that cannot be meant becomes None.

Drivers answer all bits set, or nearly, where they do not know: nothing near that is believed.
"""


def within(value: float | None, low: float, high: float) -> float | None:
    """Return *value* when it lies between the two."""
    return value if value is not None and low <= value <= high else None


def thousandth(value: float | None) -> float | None:
    """Return milli as whole."""
    return None if value is None else value / 1000


def ratio(percent: float | None) -> float | None:
    """Return percent, 0 to 100, as a share of 1."""
    plausible = within(percent, 0, 100)
    return None if plausible is None else plausible / 100


def drive(percent: float | None) -> float | None:
    """Return how hard a fan is driven: more than what was meant for full is possible."""
    plausible = within(percent, 0, 400)
    return None if plausible is None else plausible / 100


def size(count: float | None) -> float | None:
    """Return bytes of memory."""
    return within(count, 0, 2**50)


def count(number: float | None) -> float | None:
    """Return a counter or a number of things."""
    return within(number, 0, 2**53)


def octets(number: float | None) -> float | None:
    """Return bytes that went over a link: in days more than a float counts one by one."""
    return within(number, 0, 2**62)


def tally(number: float | None) -> float | None:
    """Return a count of rare things: all 32 bits set is what is answered in place of one."""
    plausible = count(number)
    return None if plausible == _ALL_BITS else plausible


def mask(bits: float | None) -> int | None:
    """Return a set of bits; none that is meant has the 32nd, as all bits set has."""
    plausible = within(bits, 0, 2**31 - 1)
    return None if plausible is None else int(plausible)


def flag(number: float | None) -> float | None:
    """Return 0 or 1."""
    return within(number, 0, 1)


def choice(number: float | None) -> int | None:
    """Return the number of a choice from a list, which a newer driver may have made longer."""
    plausible = within(number, 0, 2**16)
    return None if plausible is None else int(plausible)


def few(number: float | None) -> int:
    """Return how many there are of something of which a device has a handful; 0 if unknown."""
    return int(within(number, 0, 64) or 0)


def celsius(degrees: float | None) -> float | None:
    """Return a temperature; zero can be, less is how a driver says that it does not know."""
    return within(degrees, 0, 200)


def warm(degrees: float | None) -> float | None:
    """Return a temperature of what is answered with zero where it does not exist."""
    return within(degrees, 1, 200)


def margin(degrees: float | None) -> float | None:
    """Return a difference of temperatures, which may be negative, also in 32 bits without sign."""
    if degrees is not None and 2**31 <= degrees < _ALL_BITS:
        degrees -= 2**32
    return within(degrees, -200, 200)


def watts(milliwatts: float | None) -> float | None:
    """Return power."""
    return thousandth(within(milliwatts, 0, 1e8))


def joules(millijoules: float | None) -> float | None:
    """Return energy."""
    return thousandth(within(millijoules, 0, 1e16))


def hertz(megahertz: float | None) -> float | None:
    """Return a frequency."""
    plausible = within(megahertz, 0, 1e5)
    return None if plausible is None else plausible * 1e6


def speed(megabytes: float | None) -> float | None:
    """Return MB/s as bytes per second."""
    plausible = within(megabytes, 1, 1e7)
    return None if plausible is None else plausible * 1e6


_ALL_BITS = 2**32 - 1


def share(percent: float | None) -> float | None:
    """Return a measured percentage as a share of 1; averages come out a little above 100."""
    plausible = within(percent, 0, 101)
    return None if plausible is None else min(plausible / 100, 1.0)


def rate(mebibytes: float | None) -> float | None:
    """Return bytes per second."""
    plausible = within(mebibytes, 0, 1e9)
    return None if plausible is None else plausible * 2**20


def transfers(millions: float | None) -> float | None:
    """Return transfers per second of a lane; zero is a link that is not known."""
    plausible = within(millions, 1, 1e6)
    return None if plausible is None else plausible * 1e6


def seconds(nanoseconds: float | None) -> float | None:
    """Return a time since the driver was loaded: less than thirty years."""
    plausible = within(nanoseconds, 0, 1e18)
    return None if plausible is None else plausible / 1e9


def moment(microseconds: float | None) -> float | None:
    """Return a time in Unix seconds: after 1970, and in this century."""
    plausible = within(microseconds, 1, 4.1e15)
    return None if plausible is None else plausible / 1e6


def microseconds(number: float | None) -> float | None:
    """Return how long something takes: less than an hour."""
    plausible = within(number, 0, 3.6e9)
    return None if plausible is None else plausible / 1e6


def kilobytes(number: float | None) -> float | None:
    """Return bytes per second of a link: less than a terabyte."""
    plausible = within(number, 0, 1e9)
    return None if plausible is None else plausible * 1000
