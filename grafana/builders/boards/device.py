"""One GPU: what it is, what it does, what holds it down, and what is wrong with it."""

from grafana.builders import variables
from grafana.builders.board import Board, Row
from grafana.builders.boards import device_health, device_links, device_load, device_mig
from grafana.builders.links import ROW_NAMESPACE, ROW_NODE
from grafana.builders.panels import RATIO, Column, Step, number, states, table
from grafana.builders.queries import DEVICE, firing, now, over_time, rows
from grafana.builders.series import holders, read

_ACTIONS = f'{DEVICE}, action!="none"'
_UNCORRECTED = f'{DEVICE}, error="uncorrected", counter="volatile"'
_MEMORY = (
    f"{read('gpu_memory_used_bytes', DEVICE)} / ({read('gpu_memory_total_bytes', DEVICE)} > 0)"
)

_NOW = Row(
    "Now",
    (
        number(
            "State",
            "Whether the device answers; why not stands in the alerts and under incidents.",
            now(read("gpu_up", DEVICE)),
            unit="none",
            words={"1": ("up", "green"), "0": ("down", "red")},
            width=3,
        ),
        number(
            "Utilisation",
            "Share of time in which a kernel ran; of the busiest instance on a MIG device.",
            now(read("device:gpu_activity_ratio:max", DEVICE)),
            unit=RATIO,
            width=3,
        ),
        number(
            "Memory",
            "Share of the device memory that is allocated.",
            now(_MEMORY),
            unit=RATIO,
            width=3,
        ),
        number(
            "Power",
            "What it draws.",
            now(read("gpu_power_watts", DEVICE)),
            unit="watt",
            width=3,
        ),
        number(
            "Temperature",
            "Of the GPU chip.",
            now(read("gpu_temperature_celsius", f'{DEVICE}, sensor="gpu"')),
            unit="celsius",
            width=3,
        ),
        number(
            "Margin",
            "How much hotter it may become before it is slowed down.",
            now(read("gpu_temperature_margin_celsius", DEVICE)),
            unit="celsius",
            steps=(Step(0, "orange"), Step(5, "green")),
            base="red",
            width=3,
        ),
        number(
            "Recovery",
            "Whether the driver asks for a reset, a reboot or the like; which one is told below.",
            now(read("gpu_recovery_action", _ACTIONS)),
            unit="none",
            words={"0": ("none needed", "green"), "1": ("needed", "red")},
            width=3,
        ),
        number(
            "Uncorrected ECC errors",
            "Since the driver was loaded: results of what ran then may be wrong.",
            now(read("gpu_ecc_errors_total", _UNCORRECTED)),
            unit="short",
            steps=(Step(1, "red"),),
            width=3,
        ),
    ),
)

_IDENTITY = Row(
    "Identity and holders",
    (
        table(
            "Identity",
            "What the driver says the device is.",
            rows(f"max without (instance, job) (gpu_info{{{DEVICE}}})"),
            rows(f"max without (instance, job) (gpu_board_info{{{DEVICE}}})"),
            rows(f"max without (instance, job) (gpu_firmware_info{{{DEVICE}}})"),
            columns=(
                Column("cluster", "Cluster"),
                Column("node", "Node", links=(ROW_NODE,)),
                Column("gpu", "GPU"),
                Column("model", "Model"),
                Column("architecture", "Architecture"),
                Column("serial", "Serial"),
                Column("uuid", "UUID"),
                Column("pci_bus_id", "PCI"),
                Column("module_id", "Module"),
                Column("board_part_number", "Part"),
                Column("vbios_version", "VBIOS"),
                Column("inforom_image_version", "InfoROM"),
                Column("gsp_firmware_version", "GSP firmware"),
            ),
            height=4,
        ),
        table(
            "Holders",
            "Containers that hold it or a MIG instance of it, with their workload.",
            rows(holders(DEVICE)),
            columns=(
                Column("cluster", "Cluster"),
                Column("gpu_instance", "MIG instance"),
                Column("namespace", "Namespace", links=(ROW_NAMESPACE,)),
                Column("pod", "Pod"),
                Column("container", "Container"),
                Column("workload_type", "Workload"),
                Column("workload_name", "Name"),
                Column("queue", "Queue"),
                Column("resource", "Resource"),
            ),
            width=12,
            height=7,
        ),
        states(
            "Holders over time",
            "When which pod held it: a band while it did.",
            over_time(
                f'max by (namespace, pod) (gpu_device_pod_info{{{DEVICE}, pod!=""}})',
                "{{namespace}}/{{pod}}",
            ),
            words={"1": ("held", "blue")},
            width=12,
            height=7,
        ),
    ),
)

BOARD = Board(
    uid="gpu-device",
    title="GPU device",
    description="One GPU: what it is and does, what holds it down, and what is wrong with it.",
    variables=(
        variables.cluster(),
        variables.node(multi=False),
        variables.device(multi=False),
    ),
    rows=(
        _NOW,
        _IDENTITY,
        device_load.LOAD,
        device_load.HELD_DOWN,
        device_health.HEALTH,
        device_mig.PROFILE,
        device_mig.INSTANCES,
        device_links.LINKS,
    ),
    annotations=(firing('uuid=~"$uuid|"', 'node=~"$node"'),),
)
