"""What can go wrong in an exporter.

ExporterError
├── ConfigurationError      a flag or file cannot be used; the process does not start
├── DriverError             the NVML library as a whole
│   ├── DriverUnavailable   not loaded, not initialised, or of another version: try again later
│   └── DeviceError         one device
│       ├── DeviceDown      lost, needs a reset, or refuses every call
│       └── Unsupported     this quantity does not exist on this device or driver
├── KubeletError            the kubelet of this node
│   ├── KubeletUnavailable  unreachable, refusing, or failing: try again later
│   └── MalformedAnswer     what it said cannot be understood
└── KubernetesError         the API server
    ├── ApiServerUnavailable  unreachable, refusing, or failing: try again later
    │   ├── ResourceRefused   403, or a kind that is not served: try again much later
    │   └── RequestRejected   400, 422, or beyond the client: ask in another way
    ├── NotFound            404: no such object
    ├── Conflict            409: somebody else changed the object first, or made it
    ├── ResourceExpired     410: the version we asked to continue from is gone; list again
    └── MalformedObject     one object cannot be understood; the others can
"""


class ExporterError(Exception):
    """Base of everything the exporters raise on purpose."""


class ConfigurationError(ExporterError):
    """A setting cannot be used; the message says which and what to write instead."""


class DriverError(ExporterError):
    """The NVML library refused something."""


class DriverUnavailable(DriverError):  # noqa: N818 - a state, named as one
    """The library cannot be loaded or initialised; no device can be read.

    Attributes:
        restart: Whether a new process may fare better, with new device nodes or a new library.
    """

    def __init__(self, message: str, *, restart: bool = False) -> None:
        super().__init__(message)
        self.restart = restart


class DeviceError(DriverError):
    """One device refused something."""


class DeviceDown(DeviceError):  # noqa: N818 - a state, named as one
    """The device is lost, needs a reset or no longer answers; `reason` is a bounded word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unsupported(DeviceError):  # noqa: N818 - a state, named as one
    """The device or its driver has no such quantity: publish nothing."""


class KubeletError(ExporterError):
    """The kubelet did not say who holds what; `reason` is a bounded word."""

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class KubeletUnavailable(KubeletError):  # noqa: N818 - a state, named as one
    """The kubelet cannot be reached or refuses; the message says what to do."""


class MalformedAnswer(KubeletError):  # noqa: N818 - as MalformedObject
    """The kubelet's answer is not what it should be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="malformed")


class KubernetesError(ExporterError):
    """The Kubernetes API server refused something or could not be understood."""


class ApiServerUnavailable(KubernetesError):  # noqa: N818 - a state, named as one
    """The API server cannot be reached or fails; the caller backs off and tries again.

    Attributes:
        retry_after: The shortest wait, in seconds, that the API server asked for; None: it did not.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ResourceRefused(ApiServerUnavailable):
    """No permission (403), or no such kind in this cluster (404): waiting will not cure it soon."""


class RequestRejected(ApiServerUnavailable):
    """The API server or the client does not know what was asked (400, 422): ask otherwise."""


class NotFound(KubernetesError):  # noqa: N818 - a state, named as one
    """There is no such object (404)."""


class Conflict(KubernetesError):  # noqa: N818 - a state, named as one
    """The object was changed meanwhile, or is there already (409): read it and decide anew."""


class ResourceExpired(KubernetesError):  # noqa: N818 - a state, named as one
    """The resource version or continue token is too old (410 Gone): list again."""


class MalformedObject(KubernetesError):  # noqa: N818 - a state, named as one
    """One object does not have the shape its kind promises."""
