"""The store: versions, identity, history."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.kubernetes import resources
from demo.kubernetes.errors import UnknownKindError
from demo.kubernetes.store import Store
from tests.support.cluster_objects import node, pod

PODS = resources.named("pods")
NODES = resources.named("nodes")


def stored(store: Store, name: str) -> dict[str, str]:
    """Return the metadata of a pod in the default namespace."""
    entry = store.get(PODS, "default", name)
    assert entry is not None
    metadata: dict[str, str] = json.loads(entry.body)["metadata"]
    return metadata


def test_every_change_of_any_resource_takes_the_next_version() -> None:
    """Versions of all resources come from one counter and only grow."""
    store = Store()
    first = store.put(node("n1"))

    assert [first + 1, first + 2] == [store.put(pod("p1")), store.put(node("n1"))]
    assert first + 2 == store.resource_version


def test_a_new_object_gets_an_identity_and_an_update_keeps_it() -> None:
    """Its uid and creation time are made once; the resource version changes with every update."""
    store = Store(clock=lambda: 1_700_000_000.0, new_uid=iter(["u1", "u2"]).__next__)
    store.put(pod("p1"))
    before = stored(store, "p1")
    store.put(pod("p1", phase="Failed"))
    after = stored(store, "p1")

    assert ("u1", "2023-11-14T22:13:20Z") == (before["uid"], before["creationTimestamp"])
    assert ("u1", "2023-11-14T22:13:20Z") == (after["uid"], after["creationTimestamp"])
    assert int(before["resourceVersion"]) < int(after["resourceVersion"])


def test_the_caller_s_object_is_left_alone() -> None:
    """What is put can be changed and put again by its owner."""
    content = pod("p1")
    Store().put(content)

    assert pod("p1") == content


def test_a_stale_resource_version_in_the_object_is_replaced() -> None:
    """An object that was read from elsewhere gets this store's version."""
    content = pod("p1")
    content["metadata"]["resourceVersion"] = "999999"
    store = Store()
    version = store.put(content)

    assert str(version) == stored(store, "p1")["resourceVersion"]


def test_another_uid_under_the_same_name_is_a_deletion_and_a_creation() -> None:
    """A name taken over by a new object is never seen as an update of the old one."""
    store = Store()
    changes = []
    store.subscribe(PODS, lambda event: changes.append((event.old is None, event.new is None)))
    for uid in ("one", "two"):
        content = pod("p1")
        content["metadata"]["uid"] = uid
        store.put(content)

    assert [(True, False), (False, True), (True, False)] == changes
    assert "two" == stored(store, "p1")["uid"]


def test_an_object_without_namespace_lives_in_default() -> None:
    """As kubectl does it; cluster-scoped objects have none."""
    store = Store()
    store.put({"kind": "Pod", "metadata": {"name": "p1"}})
    store.put(node("n1"))

    assert "default" == stored(store, "p1")["namespace"]
    assert store.get(NODES, "", "n1") is not None


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "Gadget", "metadata": {"name": "g"}},
        {"kind": "Pod", "apiVersion": "v2", "metadata": {"name": "p"}},
    ],
)
def test_an_unknown_kind_is_refused_by_name(content: dict[str, object]) -> None:
    """The error says what the server knows instead."""
    with pytest.raises(UnknownKindError, match="this server knows"):
        Store().put(content)


def test_deleting_tells_whether_there_was_an_object() -> None:
    """Deleting twice is harmless, by kind or by plural."""
    store = Store()
    store.put(pod("p1"))

    assert store.delete("Pod", "default", "p1")
    assert not store.delete("pods", "default", "p1")
    assert 0 == store.count(PODS)


def test_changes_since_a_version_are_all_or_none() -> None:
    """A ring of three remembers three changes; older versions are told apart, not guessed."""
    store = Store(history=3)
    versions = [store.put(pod(f"p{number}")) for number in range(5)]

    assert store.since(PODS, versions[0]) is None
    assert versions[2:] == [e.resource_version for e in store.since(PODS, versions[1]) or []]
    assert [] == store.since(PODS, versions[-1])


def test_compaction_forgets_the_past_but_not_the_present() -> None:
    """After compaction only the present version, or a later one, can be resumed from."""
    store = Store()
    before = store.put(pod("p1"))
    store.put(pod("p2"))
    store.compact()

    assert store.since(PODS, before) is None
    assert [] == store.since(PODS, store.resource_version)


def test_the_oldest_snapshot_makes_room() -> None:
    """Snapshots for paged lists are bounded in number."""
    store = Store(snapshots=1)
    store.put(pod("p1"))
    first = store.snapshot(PODS)
    store.hold(PODS, first)
    store.put(pod("p2"))
    second = store.snapshot(PODS)
    store.hold(PODS, second)

    assert store.held(PODS, first.resource_version) is None
    assert second == store.held(PODS, second.resource_version)


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b'{"metadata":"?"}', b'{"metadata":{"labels":3}}']
)
def test_raw_bytes_are_kept_as_they_are(body: bytes) -> None:
    """Bad input is served byte for byte and has no labels or fields to be selected by."""
    store = Store()
    store.put_raw(PODS, "default", "bad", body)
    entry = store.get(PODS, "default", "bad")

    assert entry is not None
    assert (body, {}) == (entry.body, entry.labels)
    assert body == entry.stamped(77)


NAMES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("wxyz"), st.booleans()))


@given(NAMES)
def test_a_snapshot_is_what_puts_and_deletes_leave(steps: list[tuple[str, str, bool]]) -> None:
    """Whatever the order of changes, lists are sorted, complete and hold nothing deleted."""
    store, expected = Store(), set()
    for namespace, name, keep in steps:
        if keep:
            store.put(pod(name, namespace=namespace))
            expected.add((namespace, name))
        else:
            store.delete("Pod", namespace, name)
            expected.discard((namespace, name))
    snapshot = store.snapshot(PODS)

    assert sorted(expected) == [entry.key for entry in snapshot.entries]
    for namespace in "ab":
        inside = [snapshot.entries[at].key for at in snapshot.within(namespace)]
        assert sorted(key for key in expected if key[0] == namespace) == inside
