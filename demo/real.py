"""What this machine really has: an NVIDIA driver, a Kubernetes API server that answers."""

import os
import subprocess
import sys
from pathlib import Path

_SECONDS = 15.0

# Asked in a child process each: a driver can hang, and its library never leaves a process again.
_DRIVER = "import pynvml; pynvml.nvmlInit(); raise SystemExit(pynvml.nvmlDeviceGetCount() == 0)"
_API_SERVER = (
    "import sys; from kubernetes import client, config;"
    "config.load_kube_config(config_file=sys.argv[1]);"
    "client.VersionApi().get_code(_request_timeout=5)"
)


def has_driver() -> bool:
    """Tell whether an NVIDIA driver with at least one device answers here."""
    return _succeeds(_DRIVER)


def kubeconfig() -> Path | None:
    """Return the kubeconfig of an API server that answers; None when there is none."""
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    path = Path(named) if named else Path.home() / ".kube" / "config"
    return path if path.is_file() and _succeeds(_API_SERVER, str(path)) else None


def _succeeds(program: str, *arguments: str) -> bool:
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
