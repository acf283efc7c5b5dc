"""The kubelets of the demo fleet's nodes: who holds what, at one unix socket for each node.

`python -m demo.kubelet --pods FILE --sockets DIR`: the living fleet keeps FILE in step with its
pods (`python -m demo.fleet living --pods FILE`); `NODE.sock` appears in DIR for each of its nodes.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from demo.kubelet.server import Kubelet, granted
from demo.processes import StopSignal

_EVERY = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a stop signal; return the exit status."""
    options = _parser().parse_args(arguments)
    pods: Path = options.pods.absolute()
    # The path of a unix socket may have 107 bytes, and that of a folder far more.
    os.chdir(options.sockets)
    stop = StopSignal()
    with ExitStack() as cleanup:
        pool = cleanup.enter_context(ThreadPoolExecutor(4))
        nodes = json.loads(pods.read_text())
        kubelets = {node: Kubelet(Path(f"{node}.sock"), pool=pool) for node in nodes}
        seen = _show(kubelets, pods, None)
        for kubelet in kubelets.values():
            cleanup.enter_context(kubelet)
        print(f"ready: {len(kubelets)} kubelets", flush=True)
        while not stop.wait(_EVERY):
            seen = _show(kubelets, pods, seen)
    return 0


def _show(kubelets: dict[str, Kubelet], pods: Path, seen: int | None) -> int:
    """Let the kubelets say what stands in the file, unless that was *seen*; return what is."""
    now = pods.stat().st_ino
    if now != seen:
        for node, listed in json.loads(pods.read_text()).items():
            kubelets[node].show(*map(_granted, listed))
    return now


def _granted(pod: dict[str, Any]) -> dict[str, Any]:
    return granted(pod["name"], (pod["resource"], pod["ids"]), namespace=pod["namespace"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.kubelet", description=__doc__)
    parser.add_argument("--pods", type=Path, required=True, help="file that says who holds what")
    parser.add_argument("--sockets", type=Path, required=True, help="folder for the sockets")
    return parser


if __name__ == "__main__":
    sys.exit(main())
