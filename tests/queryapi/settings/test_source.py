"""Settings come from a file and the environment, and a mistake stops the start."""

import json
import re
from pathlib import Path

import pytest

from queryapi.errors import ConfigurationError
from queryapi.settings import Rate, Settings, load
from queryapi.settings.source import environment_names

_CLUSTER = {"name": "a", "prometheus_url": "http://127.0.0.1:9090"}


def from_text(folder: Path, text: str, **environment: str) -> Settings:
    """Load settings from a file with *text*."""
    path = folder / "gpuscope.yml"
    path.write_text(text)
    return load(path, environment)


def refused(folder: Path, text: str, **environment: str) -> str:
    """Return why settings are refused."""
    with pytest.raises(ConfigurationError) as failure:
        from_text(folder, text, **environment)
    return str(failure.value)


def test_nothing_need_be_set() -> None:
    """Without a file and variables there is one cluster on this machine."""
    settings = load(None, {})
    [cluster] = settings.clusters

    assert ("127.0.0.1:8080", "127.0.0.1:50062") == settings.listen
    assert "prod-cluster" == cluster.name == settings.default_cluster
    assert ("http://127.0.0.1:9090",) == cluster.urls
    assert {"cluster": "prod-cluster"} == cluster.labels


def test_a_file_sets_everything(tmp_path: Path) -> None:
    """Every key of the file arrives."""
    (tmp_path / "token").write_text("t")
    settings = from_text(
        tmp_path,
        f"""
        listen: ["127.0.0.1:1", "[::1]:2", "localhost:3"]
        default_cluster: b
        clusters:
          - name: a
            prometheus_url: http://x/
          - name: b
            prometheus_url: [https://y/prom/, http://z]
            matchers: {{k8s_cluster: bb}}
            bearer_token_file: {tmp_path / "token"}
            headers: {{X-Scope-OrgID: ml}}
        cache: {{ttl: 5, stale: 10}}
        timeouts: {{connect: 0.5, query: 2, request: 3}}
        log: {{level: debug, format: text}}
        """,
    )
    first, second = settings.clusters

    assert ("b", 3) == (settings.default_cluster, len(settings.listen))
    assert {"cluster": "a"} == first.labels
    assert ("https://y/prom", "http://z") == second.urls
    assert {"k8s_cluster": "bb"} == second.labels
    assert (5, 10) == (settings.cache.ttl, settings.cache.stale)
    assert (0.5, 2, 3) == (
        settings.timeouts.connect,
        settings.timeouts.query,
        settings.timeouts.request,
    )
    assert ("debug", "text") == (settings.log.level, settings.log.format)


def test_the_environment_wins(tmp_path: Path) -> None:
    """Variables override the file; what they leave out stays."""
    settings = from_text(
        tmp_path,
        "cache: {ttl: 5, stale: 50}",
        GPUSCOPE_CACHE_TTL="7.5",
        GPUSCOPE_LISTEN="127.0.0.1:1, 127.0.0.1:2",
        GPUSCOPE_CLUSTERS=json.dumps([_CLUSTER]),
        GPUSCOPE_DEFAULT_CLUSTER="a",
        GPUSCOPE_LOG_FORMAT="text",
        GPUSCOPE_PORT_8080_TCP="tcp://10.0.0.1:8080",
        HOME="/",
    )

    assert (7.5, 50) == (settings.cache.ttl, settings.cache.stale)
    assert ("127.0.0.1:1", "127.0.0.1:2") == settings.listen
    assert ("a", "text") == (settings.default_cluster, settings.log.format)


def test_lists_may_be_json_in_the_environment() -> None:
    """A list reads the same as in the file."""
    assert ("127.0.0.1:1",) == load(None, {"GPUSCOPE_LISTEN": '["127.0.0.1:1"]'}).listen


def test_every_setting_has_a_variable() -> None:
    """The names are derived from the table, so none is forgotten."""
    assert {
        "GPUSCOPE_AUTH_ANONYMOUS_HEALTH", "GPUSCOPE_AUTH_ANONYMOUS_JOBS",
        "GPUSCOPE_AUTH_ANONYMOUS_MONITORING", "GPUSCOPE_AUTH_ANONYMOUS_POOLS",
        "GPUSCOPE_AUTH_ANONYMOUS_REALTIME", "GPUSCOPE_AUTH_METRICS", "GPUSCOPE_AUTH_OIDC",
        "GPUSCOPE_AUTH_TOKENS_FILE", "GPUSCOPE_AUTH_TOKEN_REVIEW", "GPUSCOPE_CACHE_LAG",
        "GPUSCOPE_CACHE_STALE", "GPUSCOPE_CACHE_TTL", "GPUSCOPE_CLUSTERS",
        "GPUSCOPE_CORS_ORIGINS", "GPUSCOPE_DATABASE_PASSWORD_FILE", "GPUSCOPE_DATABASE_URL",
        "GPUSCOPE_JOBS_AUTO_REGISTER", "GPUSCOPE_JOBS_EXPORTED", "GPUSCOPE_JOBS_EXPORTED_FOR",
        "GPUSCOPE_JOBS_FINISHED_DAYS", "GPUSCOPE_JOBS_LOGS_DAYS", "GPUSCOPE_JOBS_LOG_MEGABYTES",
        "GPUSCOPE_JOBS_NEW_PER_MINUTE", "GPUSCOPE_JOBS_SAMPLES_DAYS", "GPUSCOPE_JOBS_STALLED_AFTER",
        "GPUSCOPE_JOBS_TOTAL_MEGABYTES", "GPUSCOPE_PROVIDERS_CURRENCY",
        "GPUSCOPE_PROVIDERS_DEFAULT", "GPUSCOPE_PROVIDERS_GPU_MODELS",
        "GPUSCOPE_PROVIDERS_INSTANCE_TYPES", "GPUSCOPE_PROVIDERS_POOLS",
        "GPUSCOPE_PROVIDERS_WORKERS",
        "GPUSCOPE_POOLS_ACTIVATE_AFTER", "GPUSCOPE_POOLS_ACTIVITY_COUNT",
        "GPUSCOPE_POOLS_ACTIVITY_DAYS", "GPUSCOPE_POOLS_IDEMPOTENCY_HOURS",
        "GPUSCOPE_POOLS_JOIN_WITHIN", "GPUSCOPE_POOLS_OBSERVE", "GPUSCOPE_POOLS_SETTLE",
        "GPUSCOPE_POOLS_TTL", "GPUSCOPE_DEFAULT_CLUSTER", "GPUSCOPE_LIMITS_BURST",
        "GPUSCOPE_LIMITS_REPORTS_PER_MINUTE",
        "GPUSCOPE_LIMITS_PER_MINUTE", "GPUSCOPE_LIMITS_TRUSTED_PROXIES", "GPUSCOPE_LISTEN",
        "GPUSCOPE_LISTEN_APIS", "GPUSCOPE_LOG_FORMAT", "GPUSCOPE_LOG_LEVEL",
        "GPUSCOPE_MONITORING_COMPLETED_FOR", "GPUSCOPE_MONITORING_TTL",
        "GPUSCOPE_REAL_TIME_METRICS_BUILT_IN", "GPUSCOPE_REAL_TIME_METRICS_DEADLINE",
        "GPUSCOPE_REAL_TIME_METRICS_EVENTS_PER_SECOND",
        "GPUSCOPE_REAL_TIME_METRICS_REFRESH_INTERVAL", "GPUSCOPE_REAL_TIME_METRICS_STATUS_STYLE",
        "GPUSCOPE_REDIS_URL", "GPUSCOPE_SERVICES", "GPUSCOPE_STREAM_CONNECTIONS",
        "GPUSCOPE_STREAM_LISTEN", "GPUSCOPE_STREAM_PATIENCE", "GPUSCOPE_STREAM_PER_CLIENT",
        "GPUSCOPE_STREAM_PING_INTERVAL", "GPUSCOPE_TIMEOUTS_CONNECT", "GPUSCOPE_TIMEOUTS_QUERY",
        "GPUSCOPE_TIMEOUTS_REQUEST", "GPUSCOPE_TRACES_ENDPOINT", "GPUSCOPE_TRACES_SAMPLE",
        "GPUSCOPE_UPSTREAM_FAILURES", "GPUSCOPE_UPSTREAM_MAX_BYTES",
        "GPUSCOPE_UPSTREAM_MAX_SERIES", "GPUSCOPE_UPSTREAM_PAUSE", "GPUSCOPE_WORKERS",
    } == set(environment_names())  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("lisen: no such setting; did you mean listen?", "lisen: []"),
        ("cache.tl: no such setting; did you mean ttl?", "cache: {tl: 3}"),
        (
            "clusters[0].promethes_url: no such setting; did you mean prometheus_url?",
            "clusters: [{name: a, promethes_url: x}]",
        ),
        (
            "clusters[0].basic_auth.user: no such setting; did you mean username?",
            "clusters: [{name: a, prometheus_url: http://x, basic_auth: {user: x}}]",
        ),
        ("cache.ttl", "cache: {ttl: soon}"),
        ("cache.ttl", "cache: {ttl: -1}"),
        ("cache.ttl", "cache: {ttl: .nan}"),
        ("clusters[0]", "clusters: [{name: a}]"),
        ("clusters", "clusters: []"),
        ("log.level", "log: {level: loud}"),
        ("must hold keys and values", "- a"),
        ("is not YAML at line 1, column 5", "a: ["),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, expected: str, text: str) -> None:
    """A mistyped key or value is refused by name, with the key that was probably meant."""
    assert expected in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("expected", "variable", "value"),
    [
        ("did you mean GPUSCOPE_CACHE_TTL?", "GPUSCOPE_CACHE_TLL", "3"),
        ("GPUSCOPE_CLUSTERS: not JSON", "GPUSCOPE_CLUSTERS", '[{"name"'),
        ("clusters[0].nme: no such setting", "GPUSCOPE_CLUSTERS", '[{"nme": "a"}]'),
        ("cache: must hold keys", "GPUSCOPE_CACHE_TTL", "3"),
    ],
)
def test_a_mistaken_variable_is_named(
    tmp_path: Path, expected: str, variable: str, value: str
) -> None:
    """A variable that nearly names a setting, or holds nonsense, is refused."""
    text = "cache: 5" if "must hold" in expected else ""

    assert expected in refused(tmp_path, text, **{variable: value})


def test_a_time_needs_no_quotes(tmp_path: Path) -> None:
    """YAML would make a date of it, and a setting that is text refuse that."""
    change = "{since: 2026-12-01T00:00:00Z, price_per_hour: 3}"
    settings = from_text(
        tmp_path, f"providers: {{default: {{price_per_hour: 2, changes: [{change}]}}}}"
    )

    assert isinstance(settings.providers.default, Rate)
    assert "2026-12-01T00:00:00Z" == settings.providers.default.changes[0].since


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (
            "providers.gpu_models.H100.price: no such setting; did you mean price_per_hour?",
            "providers: {gpu_models: {H100: {price: 2}}}",
        ),
        (
            'providers.workers: 7 is a name here: write it as "7"',
            "providers: {workers: {7: 2}}",
        ),
    ],
)
def test_a_mistake_below_a_name_is_named(tmp_path: Path, expected: str, text: str) -> None:
    """Below a name that the operator chose, too."""
    assert expected == refused(tmp_path, text)


def test_an_empty_file_is_no_mistake(tmp_path: Path) -> None:
    """A file of comments sets nothing."""
    assert load(None, {}) == from_text(tmp_path, "# nothing yet")


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    """A file that was named must be there."""
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path / "no.yml"))):
        load(tmp_path / "no.yml", {})


def test_a_secret_in_broken_yaml_is_not_repeated(tmp_path: Path) -> None:
    """What is said of a file that is no YAML quotes nothing of it."""
    said = refused(tmp_path, 'clusters: [{basic_auth: {password: s3cr3t"}')

    assert "is not YAML" in said
    assert "s3cr3t" not in said
