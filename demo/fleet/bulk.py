"""What makes the objects of a real cluster large: everything beside the few fields one looks for.

The objects of `demo.fleet.objects` are dressed up with what admission, kubelet and operators leave
in them, until a pod has about 8 KB and a node about 10, as in production.
"""

from demo.fleet.objects import Object

_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a well-known path
_ENV = 24
_IMAGES = 20
_DIGEST = "sha256:6f1c2b1e7d0a4a439a0c6b0f5f0b8f0e6f1c2b1e7d0a4a439a0c6b0f5f0b8f0e"


def pod(slim: Object, *, sidecar: bool, restarts: int, waiting: str) -> Object:
    """Return a pod with all that surrounds the few fields.

    Args:
        slim: A pod of `objects.pod`; left alone.
        sidecar: Whether it has a restartable init container beside the ordinary one.
        restarts: How often its main container was restarted.
        waiting: Why its main container does not run; "": it does, if the pod's status says so.
    """
    spec, status = slim["spec"], slim["status"]
    [main] = spec["containers"]
    inits = [_container("prepare", main["image"])]
    if sidecar:
        inits.append({**_container("proxy", main["image"]), "restartPolicy": "Always"})
    changed = f"2026-01-01T00:{restarts % 60:02d}:00Z"
    dressed = {
        **status,
        "containerStatuses": [
            _status(it, restarts, waiting) for it in status.get("containerStatuses", ())
        ],
        "conditions": [*status["conditions"], *_conditions(changed)],
        "hostIP": "10.0.0.1",
        "podIP": "10.244.0.7",
        "podIPs": [{"ip": "10.244.0.7"}],
        "qosClass": "Burstable",
    }
    return {
        **slim,
        "metadata": {
            **slim["metadata"],
            "generateName": slim["metadata"]["name"][:-5],
            "managedFields": _managed(changed),
        },
        "spec": {
            **spec,
            "containers": [{**_container("main", main["image"]), **main}],
            "initContainers": inits,
            **_SPEC,
        },
        "status": dressed,
    }


def node(slim: Object, *, beat: int) -> Object:
    """Return a node with labels, images and managed fields; *beat* counts its status updates."""
    changed = f"2026-01-01T{beat // 60 % 24:02d}:{beat % 60:02d}:00Z"
    conditions = [{**it, "lastHeartbeatTime": changed} for it in slim["status"]["conditions"]]
    metadata = slim["metadata"]
    return {
        **slim,
        "metadata": {
            **metadata,
            "labels": {**metadata["labels"], **_NODE_LABELS},
            "managedFields": _managed(changed),
        },
        "status": {**slim["status"], "conditions": conditions, "images": _NODE_IMAGES},
    }


def _status(status: Object, restarts: int, waiting: str) -> Object:
    state = {"waiting": {"reason": waiting}} if waiting else status["state"]
    return {
        **status,
        "state": state,
        "ready": status["ready"] and not waiting,
        "restartCount": restarts,
        "image": "registry.example.invalid/team/workload:2026.1.1",
        "imageID": f"registry.example.invalid/team/workload@{_DIGEST}",
        "containerID": f"containerd://{_DIGEST}",
        "started": not waiting,
    }


def _conditions(changed: str) -> list[Object]:
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady")
    return [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": changed}
        for kind in kinds
    ]


def _container(name: str, image: str) -> Object:
    return {**_CONTAINER, "name": name, "image": image}


def _managed(changed: str) -> list[Object]:
    return [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": changed,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }
        for manager, fields in _FIELDS
    ]


def _owned(*names: str) -> Object:
    return {f"f:{name}": {} for name in names}


_FIELDS = (
    (
        "kube-controller-manager",
        {
            "f:metadata": {
                "f:generateName": {},
                "f:labels": {".": {}, **_owned("app", "team", "stage", "pod-template-hash")},
                "f:ownerReferences": {
                    ".": {},
                    'k:{"uid":"6f1c2b1e-7d0a-4a43-9a0c-6b0f5f0b8f0e"}': {},
                },
            },
            "f:spec": {
                'f:containers.k:{"name":"main"}': {
                    ".": {},
                    "f:env": {".": {}} | {f'k:{{"name":"SETTING_{n}"}}': {} for n in range(_ENV)},
                    **_owned("image", "imagePullPolicy", "name", "resources", "volumeMounts"),
                    **_owned("terminationMessagePath", "terminationMessagePolicy"),
                },
                **_owned("dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName"),
                **_owned("securityContext", "terminationGracePeriodSeconds", "tolerations"),
            },
        },
    ),
    (
        "kubelet",
        {
            "f:status": {
                "f:conditions": {
                    f'k:{{"type":"{kind}"}}': {
                        ".": {},
                        **_owned("lastProbeTime", "lastTransitionTime", "status", "type"),
                    }
                    for kind in ("ContainersReady", "Initialized", "Ready")
                },
                **_owned("containerStatuses", "hostIP", "phase", "podIP", "podIPs", "startTime"),
            }
        },
    ),
)
_MOUNTS = [
    {"name": "token", "mountPath": _TOKEN, "readOnly": True},
    {"name": "data", "mountPath": "/data"},
    {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 - what training pods mount
]
_CONTAINER: Object = {
    "command": ["python", "-m", "workload.main"],
    "args": ["--config=/data/config.yaml", "--resume", "--log-every=100"],
    "env": [
        {"name": f"SETTING_{number}", "value": f"a value of setting {number}"}
        for number in range(_ENV)
    ],
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "volumeMounts": _MOUNTS,
}
_SPEC: Object = {
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "schedulerName": "default-scheduler",
    "securityContext": {"runAsUser": 1000, "fsGroup": 1000},
    "serviceAccountName": "default",
    "terminationGracePeriodSeconds": 30,
    "tolerations": [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    ]
    + [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "volumes": [
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}},
    ],
}
_NODE_LABELS = {
    "kubernetes.io/arch": "amd64",
    "node.kubernetes.io/instance-type": "gpu.8xlarge",
    "topology.kubernetes.io/zone": "zone-1",
    "topology.kubernetes.io/region": "region-1",
    "gpuscope.io/pool": "training",
    "nvidia.com/gpu.memory": "81559",
    "nvidia.com/gpu.family": "hopper",
    "nvidia.com/cuda.driver-version.full": "580.65.06",
} | {f"feature.node.kubernetes.io/cpu-cpuid.FEATURE{number}": "true" for number in range(40)}
_NODE_IMAGES = [
    {
        "names": [
            f"registry.example.invalid/team/image-{number}@{_DIGEST}",
            f"registry.example.invalid/team/image-{number}:1.{number}",
        ],
        "sizeBytes": 1_000_000 * number,
    }
    for number in range(_IMAGES)
]
