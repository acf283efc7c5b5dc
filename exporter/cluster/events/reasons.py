"""The kinds and reasons of Kubernetes' Warning events that are counted by name.

Anybody who can write events can make up reasons, so what is not on these lists is `other`: the
lists bound the series. The reasons are those of Kubernetes' own components and of the queues and
job controllers that GPU clusters run.
"""

OTHER = "other"

_KINDS = """
    Pod Node Job CronJob ReplicaSet StatefulSet DaemonSet Deployment
    PersistentVolumeClaim ResourceClaim PodGroup Workload
    JobSet LeaderWorkerSet PyTorchJob MPIJob TrainJob RayCluster RayJob RayService
"""
_SCHEDULER = """
    FailedScheduling Unschedulable NotEnoughResources Preempted FailedBinding
"""
_KUBELET_POD = """
    BackOff ErrImageNeverPull Evicted ExceededGracePeriod Failed FailedCreatePodContainer
    FailedCreatePodSandBox FailedKillPod FailedMakePodDataDirectories FailedPodSandBoxStatus
    FailedPostStartHook FailedPreStopHook FailedPrepareDynamicResources FailedSync
    FailedValidation FailedToRetrieveImagePullSecret InspectFailed
    InvalidEnvironmentVariableNames NetworkNotReady NodeShutdown Preempting ProbeWarning
    Unhealthy DNSConfigForming MissingClusterDNS
"""
_ADMISSION = """
    AdmissionFailed NodeAffinity OutOfamd.com/gpu OutOfcpu OutOfephemeral-storage OutOfmemory
    OutOfnvidia.com/gpu OutOfpods TopologyAffinityError UnexpectedAdmissionError
"""
_VOLUMES = """
    FailedAttachVolume FailedDetachVolume FailedMapVolume FailedMount FailedUnMount
    FileSystemResizeFailed ProvisioningFailed VolumeFailedDelete VolumeResizeFailed
"""
_NODE = """
    CIDRNotAvailable ContainerGCFailed EvictionThresholdMet
    FailedNodeAllocatableEnforcement FailedToCreateRoute FilesystemIsReadOnly
    FreeDiskSpaceFailed ImageGCFailed InvalidDiskCapacity KernelDeadlock KernelOops
    KubeletSetupFailed NodeHasDiskPressure NodeHasInsufficientMemory NodeHasInsufficientPID
    NodeNotReady OOMKilling Rebooted SystemOOM TaintManagerEviction TaskHung
"""
_CONTROLLERS = """
    BackoffLimitExceeded DeadlineExceeded FailedCreate FailedDaemonPod FailedDelete
    FailedIndexes FailedResourceClaimCreation MaxFailedIndexesExceeded PodFailurePolicy
    RecreatingFailedPod ReplicaSetCreateError TooManyActivePods
"""
_QUEUES_AND_JOBS = """
    AdmissionCheckRejected ErrWorkloadCompose Evict Pending
    ExclusivePlacementViolation FailedJobs HeadlessServiceCreationFailed JobCreationFailed
    ReachedMaxRestarts MPIJobEvicted MPIJobFailed PyTorchJobFailed
    FailedToCreateHeadPod FailedToCreateWorkerPod FailedDraining
"""


def _words(*texts: str) -> frozenset[str]:
    return frozenset(word for text in texts for word in text.split())


KINDS = _words(_KINDS)
"""Kinds of the objects that events are about."""

REASONS = _words(
    _SCHEDULER, _KUBELET_POD, _ADMISSION, _VOLUMES, _NODE, _CONTROLLERS, _QUEUES_AND_JOBS
)
"""Why a component warns."""
