"""Which GPU model a pod insists on: by its node selector or its required node affinity."""

import sys
from collections.abc import Iterable

import msgspec

from exporter.cluster.objects import wire
from exporter.cluster.objects.wire import PodSpec

_MODEL_LABELS = frozenset(
    {
        "nvidia.com/gpu.product",
        "amd.com/gpu.product-name",
        "beta.amd.com/gpu.product-name",
    }
)
_BETWEEN = "|"
# Nobody reads a longer list, and a label has to end somewhere.
_MOST = 8
_SEVERAL = "several"


class _Expression(msgspec.Struct, gc=False):
    """`matchExpressions[]`."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class _Term(msgspec.Struct, gc=False, rename="camel"):
    """`nodeSelectorTerms[]`."""

    match_expressions: list[_Expression] | None = None


class _Selector(msgspec.Struct, gc=False, rename="camel"):
    """`requiredDuringSchedulingIgnoredDuringExecution`."""

    node_selector_terms: list[_Term] | None = None


class _NodeAffinity(msgspec.Struct, gc=False):
    """`nodeAffinity`."""

    required: _Selector | None = msgspec.field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class _Affinity(msgspec.Struct, gc=False, rename="camel"):
    """`spec.affinity`."""

    node_affinity: _NodeAffinity | None = None


_affinity = msgspec.json.Decoder(_Affinity | None)


def gpu_model(spec: PodSpec) -> str:
    """Return the models that the pod accepts, `|` between them; empty when it takes any.

    More than eight are `several`.

    Raises:
        MalformedObject: When the affinity does not have the shape of its kind.
    """
    chosen = spec.node_selector or {}
    models = {_model(chosen[label]) for label in _MODEL_LABELS if label in chosen}
    models = models or _by_affinity(spec)
    return _SEVERAL if len(models) > _MOST else sys.intern(_BETWEEN.join(sorted(models)))


def _by_affinity(spec: PodSpec) -> set[str]:
    affinity = wire.decode(spec.affinity, _affinity)
    wanted = affinity.node_affinity if affinity else None
    terms = wanted.required.node_selector_terms if wanted and wanted.required else None
    found: set[str] = set()
    for term in terms or ():
        models = set(_of_term(term))
        if not models:
            # One of these terms is enough, and this one is content with any model.
            return set()
        found |= models
    return found


def _of_term(term: _Term) -> Iterable[str]:
    for expression in term.match_expressions or ():
        if expression.key in _MODEL_LABELS and expression.operator == "In":
            yield from map(_model, expression.values or ())


def _model(product: str) -> str:
    # GPU feature discovery appends how the GPU is shared; the model stays the same.
    return product.removesuffix("-SHARED").split("-MIG-")[0]
