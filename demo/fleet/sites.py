"""Where the demo's machines stand: their pool, cloud, region, zone and type, as clouds label them.

The living fleet is a company's cluster over three clouds. Its pools are named by the label that the
cloud in question puts on nodes; two machines are only told by their region, one by nothing.
"""

import uuid
from dataclasses import dataclass

from demo.fleet.placement import Machine

_SPACE = uuid.UUID("2b9f3f0e-3c58-4b0e-8d1c-7d9d0a7f5d11")
_OWN = "gpuscope.io/pool"
_GKE = "cloud.google.com/gke-nodepool"
_EKS = "eks.amazonaws.com/nodegroup"
_AKS = "kubernetes.azure.com/agentpool"


@dataclass(frozen=True, slots=True)
class Site:
    """Where alike machines stand.

    Args:
        label: The label that names their pool.
        pool: Its value; "" = they carry no such label.
        provider: How `spec.providerID` begins: `aws`, `gce` or `azure`; "" = it is not told.
        region: The cloud's region.
        zones: Its zones, taken in turn.
        instance_type: The cloud's name of the machine type.
        price: What an hour of a machine costs; "" = nobody has said.
    """

    label: str = _OWN
    pool: str = ""
    provider: str = ""
    region: str = ""
    zones: tuple[str, ...] = ()
    instance_type: str = ""
    price: str = ""

    def labels(self, number: int) -> dict[str, str]:
        """Return the labels of the machine that is *number* here."""
        told = {
            self.label: self.pool,
            "gpuscope.io/price-per-hour": self.price,
            "node.kubernetes.io/instance-type": self.instance_type,
            "topology.kubernetes.io/region": self.region,
            "topology.kubernetes.io/zone": self._zone(number),
        }
        return {label: value for label, value in told.items() if value}

    def provider_id(self, name: str, number: int) -> str:
        """Return `spec.providerID` of a machine, in its cloud's form."""
        digest = uuid.uuid5(_SPACE, name)
        match self.provider:
            case "aws":
                return f"aws:///{self._zone(number)}/i-{digest.hex[:17]}"
            case "gce":
                return f"gce://demo-project/{self._zone(number)}/{name}"
            case "azure":
                group = f"/subscriptions/{uuid.uuid5(_SPACE, 'azure')}/resourceGroups/demo"
                scale_set = "providers/Microsoft.Compute/virtualMachineScaleSets"
                return f"azure://{group}/{scale_set}/{self.pool}/virtualMachines/{number}"
            case _:
                return ""

    def _zone(self, number: int) -> str:
        return self.zones[number % len(self.zones)] if self.zones else ""


_VIRGINIA = ("us-east-1a", "us-east-1b")
_IOWA = ("us-central1-a", "us-central1-c")

_TRAINING_H100 = Site(_OWN, "training", "aws", "us-east-1", _VIRGINIA, "p5.48xlarge", "55.04")
_TRAINING_A100 = Site(_OWN, "training", "aws", "us-east-1", _VIRGINIA, "p4de.24xlarge", "27.45")
_RESEARCH = Site(_GKE, "research", "gce", "us-central1", _IOWA, "a3-highgpu-8g")
_INFERENCE = Site(_GKE, "inference", "gce", "us-central1", _IOWA, "a2-ultragpu-8g")
_DEV = Site(
    _AKS, "dev", "azure", "westeurope", ("westeurope-1",), "Standard_ND96amsr_A100_v4"
)  # fmt: skip
_BATCH = Site(_EKS, "batch", "aws", "eu-west-1", ("eu-west-1a",), "g4dn.12xlarge")
_DATA = Site(_OWN, "data", "aws", "us-east-1", _VIRGINIA, "m6i.16xlarge")
_BURST = Site("", "", "aws", "us-west-2", ("us-west-2a",), "p5.48xlarge")
_BARE = Site()

_LIVING: dict[str, tuple[tuple[int, Site], ...]] = {
    "h100": ((12, _TRAINING_H100), (5, _RESEARCH), (2, _BURST), (1, _BARE)),
    "a100": ((4, _TRAINING_A100), (8, _INFERENCE), (3, _DEV)),
    "t4": ((5, _BATCH),),
    "cpu": ((4, _DATA),),
}
"""The living fleet's machines by the middle of their names: so many here, the next ones there."""


def of_living(machine: Machine) -> tuple[Site, int]:
    """Return where a machine of the living fleet stands, and its number there."""
    kind, number = machine.name.split("-")[-2:]
    left = int(number)
    for count, site in _LIVING[kind]:
        if left < count:
            return site, left
        left -= count
    raise ValueError(f"{machine.name} stands nowhere: add its place to _LIVING")


def of_traced(machine: Machine) -> Site:
    """Return where a machine of the trace stands: it tells the model, which is taken for a pool."""
    return Site(pool=machine.model.lower() or "cpu")
