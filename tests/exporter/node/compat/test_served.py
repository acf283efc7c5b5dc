"""The command in dcgm-exporter's words, from driver and kubelet to Prometheus."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import bcrypt
import pytest
import requests

from demo.kubelet.server import Kubelet, granted
from demo.nvml.build import environment
from demo.nvml.happenings import ALL_EVENTS, Event, EventKind
from demo.nvml.parts import Codecs, NvLink, Pcie, RemappedRows
from demo.nvml.scenario import Architecture, Device, Scenario, write
from demo.nvml.tenants import Gpm, Instance, Mig
from demo.processes import LOOPBACK, Process, ProcessError, free_port, wait_for
from exporter.catalogue.dcgm import Generation
from tests.support.compat import NEW, OLD
from tests.support.golden import assert_golden
from tests.support.prometheus import Secured, prometheus
from tests.support.tls import self_signed

_COMMAND = str(Path(sys.executable).with_name("gpuscope-exporter"))
_USER, _PASSWORD = "prometheus", "of a test"
_GIB = 2**30
_HEALTHY = (
    Pcie(replays=3),
    RemappedRows(corrected=2, uncorrected=1, pending=0, failed=0),
    Codecs(encoder=1, decoder=2),
)
_WHOLE = Device(
    "GPU-00000000-0000-4000-8000-000000000000",
    pci_bus_id="00000000:1A:00.0",
    architecture=Architecture.HOPPER,
    utilization=87,
    memory_copy_utilization=41,
    memory_total=80 * _GIB,
    memory_used=60 * _GIB,
    memory_reserved=_GIB,
    temperature=54,
    temperature_memory=67,
    power=527.123,
    energy=123456.789,
    clock_sm=1755,
    clock_memory=2619,
    parts=(*_HEALTHY, Gpm({1: 80, 5: 30, 10: 50, 20: 1, 21: 2, 60: 512, 61: 512})),
    event_types=ALL_EVENTS,
)
_CUT = replace(
    _WHOLE,
    uuid="GPU-00000000-0000-4000-8000-000000000001",
    pci_bus_id="00000000:1B:00.0",
    parts=(
        *_HEALTHY,
        Mig(
            instances=(
                Instance(1, "MIG-a", "3g.40gb", 0, 39 * _GIB, 30 * _GIB, 60, {1: 75, 5: 25, 10: 5}),
                Instance(7, "MIG-b", "1g.10gb", 0, 9 * _GIB, _GIB, 16, {1: 50, 5: 12.5, 10: 5}),
            )
        ),
    ),
)
_WITHOUT_GPM = replace(
    _WHOLE,
    uuid="GPU-00000000-0000-4000-8000-000000000002",
    name="NVIDIA A100-SXM4-80GB",
    pci_bus_id="00000000:1C:00.0",
    architecture=Architecture.AMPERE,
    parts=_HEALTHY,
    nvlinks=(NvLink(state=1, tx=10**9, rx=10**9),),
)
_QUIET = Scenario((_WHOLE, _CUT, _WITHOUT_GPM))
_FALLEN = replace(_WHOLE, events=(Event(EventKind.XID, 79),))
_PODS = (
    granted("training-0", ("nvidia.com/gpu", [_WHOLE.uuid])),
    granted("small-0", ("nvidia.com/mig-1g.10gb", ["MIG-b"])),
)


@dataclass(frozen=True, slots=True)
class _Node:
    """An exporter that serves by TLS to who has the password."""

    address: str
    trust: Path

    def page(self) -> str:
        """Return what a scrape gets."""
        answer = requests.get(
            f"https://{self.address}/metrics",
            auth=(_USER, _PASSWORD),
            verify=str(self.trust),
            timeout=60,
        )
        answer.raise_for_status()
        return answer.text


@contextmanager
def _served(folder: Path, generation: Generation) -> Iterator[_Node]:
    address = f"{LOOPBACK}:{free_port()}"
    command = [_COMMAND, "node", f"--web.listen-address={address}", "--node-name=worker-1"]
    command += [f"--compat={generation}", f"--web.config.file={folder / 'web.yml'}"]
    command += [f"--collection.{which}interval=1" for which in ("", "medium-", "slow-")]
    command += [f"--podresources.socket={folder / 'kubelet.sock'}", "--podresources.interval=1"]
    with Process(
        "gpu-node", command, folder / f"{generation}.log", environment(folder / "scenario.ini")
    ):
        yield _Node(address, folder / "tls.crt")


def _xid(page: str) -> list[str]:
    return re.findall(r'DCGM_FI_DEV_XID_ERRORS?\{gpu="0".* (\d+)', page)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Generation, _Node]]:
    """Both generations, on a node with a held, a cut and an older device; the first fell."""
    folder = tmp_path_factory.mktemp("node")
    self_signed(folder)
    hashed = bcrypt.hashpw(_PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (folder / "web.yml").write_text(
        "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n"
        f"basic_auth_users: {{{_USER}: {hashed}}}\n"
    )
    write(folder / "scenario.ini", _QUIET)
    kubelet = Kubelet(folder / "kubelet.sock")
    kubelet.show(*_PODS)
    with ExitStack() as stack:
        stack.enter_context(kubelet)
        found = {each: stack.enter_context(_served(folder, each)) for each in (OLD, NEW)}
        for node in found.values():
            _until(node, lambda page: _xid(page) == ["0"], "the device is listened to")
        write(folder / "scenario.ini", replace(_QUIET, devices=(_FALLEN, _CUT, _WITHOUT_GPM)))
        yield found


def _until(node: _Node, condition: Callable[[str], bool], what: str) -> str:
    """Return the first page for which *condition* holds."""
    pages: list[str] = []

    def holds() -> bool:
        try:
            pages.append(node.page())
        except (requests.ConnectionError, requests.Timeout):  # it does not listen yet
            return False
        return condition(pages[-1])

    wait_for(holds, seconds=120, what=what)
    return pages[-1]


def _is_whole(page: str) -> bool:
    """Tell whether a page has what takes longest: two samples, two readings, pods and the XID."""
    activity = r'DCGM_FI_PROF_(PIPE_TENSOR_ACTIVE|TENSOR_UTIL_RATIO)\{.*GPU_I_ID="7"'
    links = r'DCGM_FI_DEV_NVLINK_(BANDWIDTH_TOTAL|THROUGHPUT_BYTES_PER_SECOND)\{gpu="2"'
    whole = r"DCGM_FI_PROF_PCIE_TX_BYTES\{"
    return _xid(page) == ["79"] and all(
        re.search(each, page) for each in (activity, links, whole, "small-0", "training-0")
    )


@pytest.mark.parametrize("generation", [OLD, NEW])
def test_golden_page(nodes: dict[Generation, _Node], generation: Generation) -> None:
    """All that driver and kubelet tell of three devices is served as exactly this text."""
    golden = Path(__file__).with_name(f"served-{generation}.prom")
    pages: list[str] = []

    def is_golden(page: str) -> bool:
        pages.append(_theirs(page))
        return sorted(pages[-1].splitlines()) == sorted(golden.read_text().splitlines())

    _until(nodes[generation], _is_whole, "all that there is")
    # On a busy machine a device may be late for one page, and is then not on it.
    with suppress(ProcessError):
        _until(nodes[generation], is_golden, "the page")

    assert_golden(golden, pages[-1])


def _theirs(page: str) -> str:
    return "".join(line for line in page.splitlines(keepends=True) if "DCGM_" in line)


@pytest.mark.e2e
def test_the_official_dashboard(nodes: dict[Generation, _Node], tmp_path: Path) -> None:
    """A real Prometheus scrapes OpenMetrics by TLS with a password, and the dashboard has data.

    The quantities are those of Grafana's dashboard 12239; nothing in its sums is counted twice.
    """
    node = nodes[OLD]
    _until(node, _is_whole, "all that there is")
    secured = Secured(node.trust, _USER, _PASSWORD)
    with prometheus(tmp_path, node, rules="groups: []", secured=secured) as server:
        chosen = f'{{instance=~"{node.address}", gpu=~"0|1|2"}}'

        def asked(query: str) -> list[float]:
            url = f"{server.url}/api/v1/query"
            data = requests.get(url, params={"query": query}, timeout=60).json()["data"]["result"]
            return sorted(float(row["value"][1]) for row in data)

        expected: dict[str, object] = {
            f"avg(DCGM_FI_DEV_GPU_TEMP{chosen})": [54],
            f"sum(DCGM_FI_DEV_POWER_USAGE{chosen})": [pytest.approx(3 * 527.123)],
            f"DCGM_FI_DEV_SM_CLOCK{chosen} * 1000000": [1755e6] * 3,
            f"DCGM_FI_DEV_GPU_UTIL{chosen}": [87, 87],
            f"sum(DCGM_FI_DEV_FB_USED{chosen})": [(60 + 31 + 60) * 1024],
            f"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{chosen}": [0.125, 0.25, 0.3],
        }
        # On a busy machine a device may be late for one scrape, and is then not in it.
        for query, numbers in expected.items():
            wait_for(lambda: numbers == asked(query), seconds=120, what=query)  # noqa: B023 - waits here
        known = requests.get(f"{server.url}/api/v1/metadata", timeout=60).json()["data"]

        # A counter without _total is one in the text format alone.
        assert "unknown" == known["DCGM_FI_DEV_PCIE_REPLAY_COUNTER"][0]["type"]
