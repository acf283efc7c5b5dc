"""What the exporters say of themselves."""

from exporter.catalogue.family import SHARD, Family, Kind, Role

BUILD_INFO = Family(
    "gpu_exporter_build_info",
    "Version and role of the exporter; the value is always 1.",
    ("version", "role"),
    Role.BOTH,
)
DRIVER_UP = Family("gpu_exporter_driver_up", "1 when the GPU driver answers, else 0.", ("node",))
COLLECTOR_SUCCESS = Family(
    "gpu_exporter_collector_success",
    "1 when the collector's last run raised no error on any device that is up, else 0.",
    ("collector",),
)
COLLECTOR_DURATION = Family(
    "gpu_exporter_collector_duration_seconds",
    "Time the collector's last run took over all devices, in seconds.",
    ("collector",),
)
LAST_COLLECTION = Family(
    "gpu_exporter_last_collection_timestamp_seconds",
    "When the last complete collection ended, in Unix time.",
    ("node",),
)
DRIVER_RELEASED = Family(
    "gpu_exporter_driver_released",
    "1 while the exporter has let go of the driver because it was told to, else 0.",
    ("node",),
)
UNSUPPORTED = Family(
    "gpu_exporter_unsupported",
    "Questions of a collector that at least one device or the driver does not support; the landing "
    "page says which.",
    ("collector",),
)
COLLECTIONS = Family(
    "gpu_exporter_collections_total",
    "Collections since the exporter started, complete or not.",
    ("node",),
    kind=Kind.COUNTER,
)
OVERRUNS = Family(
    "gpu_exporter_collections_overrun_total",
    "Collections that took longer than their interval, so that the next one began late.",
    ("node",),
    kind=Kind.COUNTER,
)
SKIPPED = Family(
    "gpu_exporter_readings_skipped_total",
    "Times a device was not read because an earlier call into it had not returned.",
    ("node",),
    kind=Kind.COUNTER,
)
STUCK = Family(
    "gpu_exporter_stuck_calls",
    "Calls into the driver that have not returned for longer than an interval.",
    ("node",),
)
ABANDONED = Family(
    "gpu_exporter_abandoned_calls_total",
    "Calls into the driver that did not return within an interval and were given up on.",
    ("node",),
    kind=Kind.COUNTER,
)
DRIVER_CALLS = Family(
    "gpu_exporter_driver_calls_total",
    "Calls into the driver that returned, by function.",
    ("function",),
    kind=Kind.COUNTER,
)
DRIVER_SECONDS = Family(
    "gpu_exporter_driver_seconds_total",
    "Time spent in calls into the driver that returned, by function, in seconds.",
    ("function",),
    kind=Kind.COUNTER,
)
DRIVER_ERRORS = Family(
    "gpu_exporter_driver_errors_total",
    "Calls into the driver that failed, by function and NVML's word for why; what is not supported "
    "is no failure.",
    ("function", "error"),
    kind=Kind.COUNTER,
)
FIELD_LATENCY = Family(
    "gpu_exporter_field_latency_seconds",
    "Time the driver took for a field when it was last asked for, on the slowest device, in "
    "seconds.",
    ("field",),
)
PODRESOURCES_UP = Family(
    "gpu_exporter_podresources_up",
    "1 when the kubelet last said which pods hold devices, else 0.",
    (),
)
PODRESOURCES_LAST_SUCCESS = Family(
    "gpu_exporter_podresources_last_success_timestamp_seconds",
    "When the kubelet last said which pods hold devices, in Unix time.",
    (),
)
PODRESOURCES_DURATION = Family(
    "gpu_exporter_podresources_duration_seconds",
    "Time the last question to the kubelet took, answered or not, decoding included, in seconds.",
    (),
)
PODRESOURCES_FAILURES = Family(
    "gpu_exporter_podresources_failures_total",
    "Questions to the kubelet that failed, by why: no_socket, denied, unavailable, deadline, "
    "rate_limited, unimplemented, too_large, malformed, other.",
    ("reason",),
    Role.NODE,
    Kind.COUNTER,
)
UNMATCHED_DEVICES = Family(
    "gpu_exporter_unmatched_devices",
    "Devices that the kubelet names and that are none of this node's, by resource or DRA driver.",
    ("resource",),
)
AMBIGUOUS_DEVICES = Family(
    "gpu_exporter_ambiguous_devices",
    "Devices that the kubelet gives to several pods of which only one can have them; whether such "
    "a device is allocated is not published.",
    (),
)
NODE_VIEW_UP = Family(
    "gpu_exporter_node_view_up",
    "1 while this node's pods are followed in the API without trouble and heard of recently, else "
    "0; absent without --kubernetes.api.",
    (),
)
COMPAT_SUCCESS = Family(
    "gpu_exporter_compat_success",
    "1 when the last collection could be told in dcgm-exporter's words, else 0; absent without "
    "--compat and --collectors-csv.",
)
CSV_VALID = Family(
    "gpu_exporter_csv_valid",
    "1 when the file of --collectors-csv is in force as it is now, 0 while it is broken and what "
    "it said before holds.",
)
CSV_UNKNOWN = Family(
    "gpu_exporter_csv_unknown_fields",
    "Rows of the file of --collectors-csv with a name that DCGM has no field for.",
)
CSV_UNAVAILABLE = Family(
    "gpu_exporter_csv_unavailable_fields",
    "Rows of the file of --collectors-csv with a field of DCGM's that NVML has no values for.",
)
APISERVER_UP = Family(
    "gpu_exporter_apiserver_up",
    "1 while nodes and pods are followed without trouble and heard of recently, else 0.",
    (),
    Role.CLUSTER,
)
OBJECTS = Family(
    "gpu_exporter_objects",
    "Objects held in memory, by resource.",
    ("resource",),
    Role.CLUSTER,
)
LISTS = Family(
    "gpu_exporter_lists_total",
    "Complete lists of a resource asked of the API server, by result.",
    ("resource", "result"),
    Role.CLUSTER,
    Kind.COUNTER,
)
WATCHES = Family(
    "gpu_exporter_watches_total",
    "Watches of a resource opened at the API server, by how they ended.",
    ("resource", "result"),
    Role.CLUSTER,
    Kind.COUNTER,
)
WATCH_EVENTS = Family(
    "gpu_exporter_watch_events_total",
    "Watch events received, by resource and type.",
    ("resource", "type"),
    Role.CLUSTER,
    Kind.COUNTER,
)
MALFORMED_OBJECTS = Family(
    "gpu_exporter_malformed_objects_total",
    "Objects left out because they could not be understood, by resource.",
    ("resource",),
    Role.CLUSTER,
    Kind.COUNTER,
)
LAST_HEARD = Family(
    "gpu_exporter_last_heard_timestamp_seconds",
    "When the API server last sent a list, an event or a bookmark of a resource, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)

LAST_EVENT = Family(
    "gpu_exporter_last_event_timestamp_seconds",
    "When the newest watch event of a resource came, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)
LAST_BOOKMARK = Family(
    "gpu_exporter_last_bookmark_timestamp_seconds",
    "When the newest bookmark of a resource came, in Unix time.",
    ("resource",),
    Role.CLUSTER,
)
RELISTS = Family(
    "gpu_exporter_relists_total",
    "Times a resource had to be listed anew, by why: expired, unproven, failure.",
    ("resource", "reason"),
    Role.CLUSTER,
    Kind.COUNTER,
)
FIRST_SYNC = Family(
    "gpu_exporter_first_sync_seconds",
    "Time from the start of the exporter until the first list of a resource was complete.",
    ("resource",),
    Role.CLUSTER,
)
CREDENTIAL_RELOADS = Family(
    "gpu_exporter_credential_reloads_total",
    "Times the credentials were read again because the API server refused them.",
    (),
    Role.CLUSTER,
    Kind.COUNTER,
)
OWNER_LOOKUPS = Family(
    "gpu_exporter_owner_lookups_total",
    "Owners of pods that are not watched and were asked for one by one, by result.",
    ("result",),
    Role.CLUSTER,
    Kind.COUNTER,
)
LEADER = Family(
    "gpu_exporter_leader",
    "1 while this replica holds the lease and publishes the cluster, 0 while another may; "
    "absent without --leader-elect.",
    (),
    Role.CLUSTER,
)
SHARD_INFO = Family(
    "gpu_exporter_shard_info",
    "Which part of the cluster this exporter publishes; the value is always 1.",
    (SHARD, "total_shards"),
    Role.CLUSTER,
)
