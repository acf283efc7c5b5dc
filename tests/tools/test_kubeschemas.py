"""Promises of `tools.kubeschemas`: schemas that stand in for an API server."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from tools import kubeschemas

VERSION = "1.33.0"
CRD = {
    "spec": {
        "group": "monitoring.example.com",
        "names": {"kind": "PodMonitor"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "port": {"x-kubernetes-int-or-string": True},
                            "labels": {
                                "type": "object",
                                "additionalProperties": {"type": "string"},
                            },
                            "free": {
                                "type": "object",
                                "properties": {},
                                "x-kubernetes-preserve-unknown-fields": True,
                            },
                        },
                    }
                },
            }
        ],
    }
}


def test_kubernetes_own_schemas_stand_alone(tmp_path: Path) -> None:
    """Each is one file that needs no other, and refuses a field that Kubernetes lacks."""
    assert 0 == kubeschemas.main([str(tmp_path), VERSION])

    schema = yaml.safe_load((tmp_path / "service-v1.json").read_text())
    service = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    jsonschema.validate(service, schema)
    with pytest.raises(jsonschema.ValidationError, match="prots"):
        jsonschema.validate({**service, "spec": {"prots": []}}, schema)


def test_custom_resources_are_named_as_kubeconform_asks_for_them(tmp_path: Path) -> None:
    """A file for each version of a CRD: kind, first part of the group, version."""
    (tmp_path / "crd.yaml").write_text(yaml.safe_dump(CRD))

    assert 0 == kubeschemas.main([str(tmp_path), VERSION, str(tmp_path / "crd.yaml")])
    assert (tmp_path / "podmonitor-monitoring-v1.json").exists()


@pytest.mark.parametrize(
    ("resource", "sound"),
    [
        ({"port": 80}, True),
        ({"port": "http"}, True),
        ({"labels": {"any": "thing"}}, True),
        ({"free": {"any": "thing"}}, True),
        ({"prot": 80}, False),
        ({"port": {}}, False),
    ],
    ids=["number", "name", "map", "open", "typing error", "neither"],
)
def test_a_field_that_the_api_server_would_drop_is_refused(
    resource: object, *, sound: bool
) -> None:
    """Objects are closed unless the CRD itself leaves them open; a port is a number or a name."""
    [(_, schema)] = kubeschemas.custom(CRD)

    assert sound is jsonschema.Draft202012Validator(schema).is_valid(resource)
