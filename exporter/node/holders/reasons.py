"""Why the kubelet was not heard: the `reason` of every `KubeletError`."""

from enum import StrEnum


class Reason(StrEnum):
    """A word for each cause that is cured in another way."""

    NO_SOCKET = "no_socket"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    DEADLINE = "deadline"
    RATE_LIMITED = "rate_limited"
    UNIMPLEMENTED = "unimplemented"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    OTHER = "other"
