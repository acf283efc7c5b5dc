"""The kubelet's answer to List, decoded by hand: the few fields we read of k8s.io/kubelet's v1.

Field numbers are those of pkg/apis/podresources/v1/api.proto, which never change. Unknown fields
are skipped, as protobuf asks for; lists and texts can grow, but not turn into something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.errors import MalformedAnswer

MOST_FIELDS = 1_000_000
"""A node of 250 pods says about 5000; decoding so many takes a second or two."""
_LONGEST_VARINT = 10
_MORE, _SEVEN_BITS = 0x80, 0x7F


@dataclass(frozen=True, slots=True)
class Granted:
    """Devices of one resource that a container has from a device plugin."""

    namespace: str
    pod: str
    container: str
    resource: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A device that a container has by a ResourceClaim; *share* is empty when it is not shared."""

    namespace: str
    pod: str
    container: str
    claim: str
    driver: str
    pool: str
    device: str
    share: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the containers of a node have."""

    granted: tuple[Granted, ...] = ()
    claimed: tuple[Claimed, ...] = ()


def listing(body: bytes) -> Listing:
    """Decode a ListPodResourcesResponse.

    Raises:
        MalformedAnswer: When it is none, or has more fields than a node can need.
    """
    return _Decoder().listing(body)


class _Decoder:
    """Decodes one answer, each message in one pass."""

    def __init__(self) -> None:
        self._left = MOST_FIELDS

    def listing(self, body: bytes) -> Listing:
        """Return what the answer says."""
        granted: list[Granted] = []
        claimed: list[Claimed] = []
        for pod in map(self._fields, self._fields(body).messages(1)):
            name, namespace = pod.text(1), pod.text(2)
            for container in map(self._fields, pod.messages(3)):
                who = (namespace, name, container.text(1))
                for devices in map(self._fields, container.messages(2)):
                    # One resource may come in several entries: one for each NUMA node.
                    ids = tuple(map(_decoded, devices.messages(2)))
                    if ids:
                        granted.append(Granted(*who, devices.text(1), ids))
                for claim in map(self._fields, container.messages(5)):
                    claimed.extend(self._claimed(who, claim))
        return Listing(tuple(granted), tuple(claimed))

    def _claimed(self, who: tuple[str, str, str], claim: "_Fields") -> Iterator[Claimed]:
        name = claim.text(2)
        for device in map(self._fields, claim.messages(4)):
            driver, pool, its_name, share = (device.text(number) for number in (2, 3, 4, 5))
            yield Claimed(*who, name, driver, pool, its_name, share)

    def _fields(self, message: bytes) -> "_Fields":
        found: dict[int, list[bytes | None]] = {}
        for number, value in _split(message):
            # Empty messages take two bytes each: the size of an answer bounds no work.
            self._left -= 1
            if self._left < 0:
                raise MalformedAnswer(f"more than {MOST_FIELDS} fields")
            found.setdefault(number, []).append(value)
        return _Fields(found)


@dataclass(frozen=True, slots=True)
class _Fields:
    """A message: the bytes of its fields by number; None for what is not made of bytes."""

    found: dict[int, list[bytes | None]]

    def messages(self, wanted: int) -> Iterator[bytes]:
        """Yield the values of a field that is made of bytes: texts and messages."""
        for value in self.found.get(wanted, ()):
            if value is None:
                raise MalformedAnswer(f"field {wanted} is a number")
            yield value

    def text(self, wanted: int) -> str:
        """Return a text, empty when it is not there."""
        *_, last = b"", *self.messages(wanted)  # of several the last one counts
        return _decoded(last)


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise MalformedAnswer(f"a text that is not UTF-8: {error}") from error


def _split(message: bytes) -> Iterator[tuple[int, bytes | None]]:
    """Yield the number and the bytes of every field; None for what is not made of bytes."""
    at, end = 0, len(message)
    while at < end:
        tag, at = _varint(message, at)
        value: bytes | None = None
        match tag & 7:
            case 0:
                _, at = _varint(message, at)
            case 1:
                at += 8
            case 2:
                length, at = _varint(message, at)
                value = message[at : at + length]
                at += length
            case 5:
                at += 4
            case other:
                raise MalformedAnswer(f"a field of the unknown type {other}")
        if at > end:
            raise MalformedAnswer("a field that ends after its message")
        yield tag >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and the place after it."""
    value = 0
    for shift, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & _SEVEN_BITS) << 7 * shift
        if byte < _MORE:
            return value, at + shift + 1
    raise MalformedAnswer("a number without an end")
