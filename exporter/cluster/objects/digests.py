"""What a pod runs, from what, and where it may run, as three digests.

They answer "is this the same as that?" and nothing else: pods of one template have the same ones,
whatever the pods are called. Each is `sha256:` and the SHA-256, in hex, of canonical JSON (UTF-8,
keys sorted, no blanks). The names are those of the Remote Execution API, where a command and its
input root make up an action:
https://github.com/bazelbuild/remote-apis/blob/main/build/bazel/remote/execution/v2/remote_execution.proto

Digests are of the spec alone, so that they stay the same for as long as the pod lives. The values
of environment variables are left out, because they may be secrets.
"""

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from exporter.cluster.objects import wire
from exporter.cluster.objects.wire import Container, Named, PodSpec, PodWire

_encoder = msgspec.json.Encoder(order="deterministic")
_words = msgspec.json.Decoder(list[str] | None)
_names = msgspec.json.Decoder(list[Named] | None)
_volumes = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | None)
_volume_name = msgspec.json.Decoder(str)
_source = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)

# Every pod gets a volume of this name and five random letters from the API server.
_GENERATED = "kube-api-access-"
# Pods of one template are neighbours in a list, so few need to be remembered at a time.
_TEMPLATES = 1024
_NAMED_BY = {
    "persistentVolumeClaim": "claimName",
    "configMap": "name",
    "secret": "secretName",
    "image": "reference",
}
"""Where a volume's source says which object it is."""


@dataclass(frozen=True, slots=True)
class Digests:
    """The three digests of one pod."""

    command: str
    input_root: str
    action: str


def of_pod(pod: PodWire, *, platform: Any) -> Digests:
    """Return the digests of a pod.

    Args:
        pod: The pod.
        platform: What it asks for of a node's resources, in any form that JSON can write.

    Raises:
        MalformedObject: When the parts they are made of do not have the shape of their kind.
    """
    spec = pod.spec
    command = _command_of(_programs(spec.containers), _programs(spec.init_containers))
    input_root = _digest(
        {
            "images": [it.image or "" for it in spec.containers or ()],
            "initImages": [it.image or "" for it in spec.init_containers or ()],
            # What admission adds, it may add in any order.
            "volumes": sorted(_mounted(spec, pod.metadata.name)),
            "claims": sorted(_claims(spec, pod.metadata.name)),
        }
    )
    action = _digest(
        {
            "command": command,
            "inputRoot": input_root,
            "timeout": spec.active_deadline_seconds or 0,
            "platform": {"requests": platform, "nodeSelector": spec.node_selector or {}},
        }
    )
    return Digests(command, input_root, action)


def _digest(content: Any) -> str:
    # Many pods have the same: each text is kept once.
    return sys.intern(f"sha256:{hashlib.sha256(_encoder.encode(content)).hexdigest()}")


class _Program(NamedTuple):
    """What a container runs; command and arguments as JSON, of its environment the names."""

    command: bytes
    args: bytes
    env: tuple[str, ...]
    working_dir: str


def _programs(containers: Iterable[Container] | None) -> tuple[_Program, ...]:
    return tuple(
        _Program(
            bytes(it.command),
            bytes(it.args),
            tuple(sorted(variable.name for variable in wire.decode(it.env, _names) or ())),
            it.working_dir or "",
        )
        for it in containers or ()
    )


@lru_cache(maxsize=_TEMPLATES)
def _command_of(containers: tuple[_Program, ...], inits: tuple[_Program, ...]) -> str:
    return _digest(
        {
            "containers": [_command(it) for it in containers],
            "initContainers": [_command(it) for it in inits],
        }
    )


def _command(program: _Program) -> dict[str, Any]:
    return {
        "command": wire.decode(program.command, _words) or [],
        "args": wire.decode(program.args, _words) or [],
        "workingDir": program.working_dir,
        "env": program.env,
    }


def _mounted(spec: PodSpec, pod: str) -> list[list[str]]:
    found = []
    for volume in wire.decode(spec.volumes, _volumes) or ():
        name = wire.decode(volume.pop("name"), _volume_name) if "name" in volume else ""
        if name.startswith(_GENERATED):
            continue
        for kind, source in volume.items():
            found.append([_of_template(name, pod), kind, _of_template(_named(kind, source), pod)])
    return found


def _named(kind: str, source: msgspec.Raw) -> str:
    member = _NAMED_BY.get(kind)
    if member is None:
        return ""
    members = wire.decode(source, _source) or {}
    return wire.decode(members[member], _volume_name) if member in members else ""


def _claims(spec: PodSpec, pod: str) -> list[list[str]]:
    return [
        [it.name, _of_template(it.resource_claim_name or "", pod),
         it.resource_claim_template_name or ""]
        for it in spec.resource_claims or ()
    ]  # fmt: skip


def _of_template(name: str, pod: str) -> str:
    """Return the name as a template would give it: a StatefulSet's claims end in their pod's."""
    suffix = f"-{pod}"
    return f"{name.removesuffix(suffix)}-*" if name.endswith(suffix) else name
