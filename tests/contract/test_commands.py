"""Every command line of README.md and docs/ is tried, or it is said why it cannot be here."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.support import trying
from tests.support.postgresql import postgresql_server
from tests.support.shown import Shown, commands

_TRIED: dict[str, Callable[[str, Path], None]] = {
    r"make [a-z]+( && \.venv/bin/pre-commit install)?": trying.made,
    r"gpuscope-exporter (node|cluster).*": trying.understood_by_the_exporter,
    r"gpuscope-api token .*": trying.with_tokens,
    r"GPUSCOPE_DATABASE_URL=\S+ gpuscope-api db version": trying.copied,
    r'sqlite3 gpuscope\.db "VACUUM.*': trying.copied,
    r"(\.venv/bin/)?gpuscope-api( #.*| doctor .*| job watch .*)": (
        trying.understood_by_the_query_api
    ),
    r"kubectl create namespace \w+": trying.without_a_cluster,
    r"kubectl -n gpuscope create secret .*": trying.without_a_cluster,
    r"helm (install|upgrade) .*": trying.rendered,
    r"(KUBECONFIG_FOLDER=.* )?docker compose .*": trying.composed,
    r"docker build -f .*": trying.built,
    r"(cp|install|openssl) .*": trying.for_compose,
    r"promtool check config .*": trying.here,
    r"amtool (check-config|config routes test) .*": trying.here,
    r"amtool --alertmanager\.url=.*": trying.by_alertmanager,
    r"prometheus --config\.file=.*": trying.started,
    r"(victoria-metrics|vmalert) .*": trying.dry,
    r"until curl .*": trying.until_released,
}
"""A whole command → how it is tried."""

_RUN_BY: dict[str, tuple[str, str]] = {
    r"(curl|tag=).*": ("pools.md", "tests/e2e/test_pool_truth.py"),
    r"kubectl label node .*": ("pools.md", "tests/e2e/test_pool_truth.py"),
    r"curl .*/api/jobs.*": ("jobs.md", "tests/queryapi/api/test_jobs_page.py"),
    r"curl .*127\.0\.0\.1:8080.*": ("", "tests/contract/test_examples.py"),
    r"for table in .*": ("serving.md", "tests/queryapi/storage/test_moving.py"),
    r"pg_(dump|restore) .*": ("operations.md", "tests/contract/test_commands.py"),
    r"\.venv/bin/python -m tools\.hardware": ("README.md", "tests/tools/test_hardware.py"),
    r"kubectl -n gpuscope apply -f deploy/kubernetes/": ("", "tests/deploy/test_manifests.py"),
}
"""A whole command → on which page (any: empty) it is run, or what it sends, by another test."""

_NOT_HERE = {
    "helm test gpuscope --namespace gpuscope": "a cluster with running pods",
    "helm uninstall gpuscope --namespace gpuscope": "a cluster with the chart in it",
    "kubectl delete namespace gpuscope": "a cluster; it takes the namespace and all in it away",
    "pkill -USR1 -f 'gpuscope-exporter node'": "it signals every exporter of the machine",
    "nvidia-smi --gpu-reset -i 3": "a GPU",
}
"""A command → what it would need that is not here."""

_SHOWN = commands()


def _other_test(shown: Shown) -> str | None:
    return next(
        (
            test
            for pattern, (page, test) in _RUN_BY.items()
            if page in {"", shown.page.name} and re.fullmatch(pattern, shown.text, re.DOTALL)
        ),
        None,
    )


def _trial(shown: Shown) -> Callable[[str, Path], None] | None:
    found = (how for pattern, how in _TRIED.items() if re.fullmatch(pattern, shown.text, re.DOTALL))
    return next(found, None)


_TO_TRY = list({one.text: one for one in _SHOWN if _trial(one)}.values())


def test_every_command_is_tried_or_excused() -> None:
    """A new command on a page needs a line above that says how it is tried, or why it is not."""
    known = [one for one in _SHOWN if _trial(one) or _other_test(one) or one.text in _NOT_HERE]

    assert [] == [str(one) for one in _SHOWN if one not in known]
    assert len(known) > 80


def test_no_line_is_left_over() -> None:
    """Whatever is said above is said of a command that a page shows, by a test that there is."""
    texts = [one.text for one in _SHOWN]
    patterns = [*_TRIED, *_RUN_BY]

    assert set() == set(_NOT_HERE) - set(texts)
    assert [] == [
        pattern
        for pattern in patterns
        if not any(re.fullmatch(pattern, text, re.DOTALL) for text in texts)
    ]
    assert [] == [test for _, test in _RUN_BY.values() if not (ROOT / test).is_file()]


@pytest.mark.parametrize("shown", _TO_TRY, ids=str)
def test_commands_work(shown: Shown, tmp_path: Path) -> None:
    """Each does what the page says, or is at least understood by the program it calls."""
    trial = _trial(shown)

    assert trial is not None
    trial(shown.text, tmp_path)


@pytest.mark.e2e
def test_a_copy_of_postgresql_brings_back_what_was_there(tmp_path: Path) -> None:
    """The page's commands, one after the other; what was lost in between is there."""
    copy, restore = (one.text for one in _SHOWN if one.text.startswith("pg_"))
    with postgresql_server() as server:
        database = server.fresh()
        name, url = database.rpartition("/")[2], database.replace("+psycopg", "")
        trying.ours("gpuscope-api db upgrade", tmp_path, GPUSCOPE_DATABASE_URL=database)
        before = server.say("SELECT count(*) FROM numbers", name)
        trying.run(copy, tmp_path, URL=url)
        server.say("DROP TABLE numbers", name)
        trying.run(restore, tmp_path, URL=url)

        assert before == server.say("SELECT count(*) FROM numbers", name)
