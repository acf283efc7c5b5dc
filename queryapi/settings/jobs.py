"""Settings of jobs: who may begin one, how long what they tell is kept, what they cost."""

from typing import Annotated

import msgspec
from msgspec import Meta, field

Days = Annotated[float, Meta(gt=0, le=36500)]
Price = Annotated[float | str, Meta(description="Of one hour; as text it is exact.")]


class PriceChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a price is from a moment on."""

    since: Annotated[str, Meta(description="When, as in 2026-12-01T00:00:00Z.")]
    price_per_hour: Price


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an hour costs."""

    price_per_hour: Price
    per_gpu: Annotated[bool, Meta(description="Whether it is the price of each GPU.")] = False
    changes: Annotated[
        tuple[PriceChange, ...], Meta(description="What it is later, oldest first.")
    ] = ()


class Providers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What jobs cost: the first that fits counts, in the order of the rows."""

    currency: Annotated[
        str, Meta(min_length=1, max_length=16, description="What prices are in.")
    ] = "QUBIC"
    workers: Annotated[dict[str, Price | Rate], Meta(description="By workerId.")] = field(
        default_factory=dict
    )
    pools: Annotated[dict[str, Price | Rate], Meta(description="By the pool of the node.")] = field(
        default_factory=dict
    )
    instance_types: Annotated[
        dict[str, Price | Rate], Meta(description="By the node's instance type.")
    ] = field(default_factory=dict)
    gpu_models: Annotated[
        dict[str, Price | Rate], Meta(description="By GPU model, as the exporters call it.")
    ] = field(default_factory=dict)
    default: Annotated[
        Price | Rate | None, Meta(description="Of all others; default: nobody knows.")
    ] = None


class Jobs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Jobs: who may begin one, and how long what they tell is kept."""

    auto_register: Annotated[
        bool, Meta(description="Whether the first report of an unknown job creates it.")
    ] = True
    new_per_minute: Annotated[
        int,
        Meta(
            ge=0,
            description="Jobs a minute that the reports of one client may begin, ten times as many"
            " at once after a pause; 0 = no limit.",
        ),
    ] = 600
    stalled_after: Annotated[
        Annotated[float, Meta(gt=0, le=86400)],
        Meta(description="Seconds without a report after which a running job counts as stalled."),
    ] = 300.0
    samples_days: Annotated[Days, Meta(description="Days for which what was reported is kept.")] = (
        7.0
    )
    logs_days: Annotated[Days, Meta(description="Days for which log lines are kept.")] = 14.0
    finished_days: Annotated[
        Days,
        Meta(description="Days after its end, or last report, after which a job is forgotten."),
    ] = 90.0
    log_megabytes: Annotated[
        Annotated[float, Meta(gt=0)],
        Meta(description="Log lines of one job that are kept; the oldest go first."),
    ] = 50.0
    total_megabytes: Annotated[
        Annotated[float, Meta(gt=0)],
        Meta(description="Log lines of all jobs that are kept; the oldest go first."),
    ] = 10_000.0
    exported: Annotated[
        int, Meta(ge=0, description="Jobs with metrics of their own; the latest reported first.")
    ] = 1000
    exported_for: Annotated[
        Annotated[float, Meta(ge=0)],
        Meta(description="Seconds for which a job that has ended keeps its metrics."),
    ] = 900.0
