"""Whoever means harm to jobs costs little, and is told no."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from queryapi.settings import Jobs, Limits
from tests.support.jobs import JOBS, reported, working
from tests.support.query_service import Service, body

_JSON = {"Content-Type": "application/json"}


@pytest.fixture(name="service", scope="module")
def _service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with working(tmp_path_factory.mktemp("jobs"), limits=Limits(per_minute=0)) as service:
        reported(service, "j", progress=10)
        yield service


def _failed(message: str) -> dict[str, object]:
    return {"success": False, "error": message}


@pytest.mark.parametrize("cost", ["1e-999999999", "0e999999999", "0." + "1" * 100_000, 0.1])
def test_costs_take_little_room(service: Service, cost: object) -> None:
    """However many decimals somebody writes, or means."""
    created = service.http.post(JOBS, json={"estimatedCost": cost})

    assert 201 == created.status_code
    assert body(created)["job"]["estimatedCost"] in (0.0, 0.1, 0.111111111111)


@pytest.mark.parametrize(
    ("route", "field"), [("progress", "logLines"), ("complete", "result"), ("complete", "error")]
)
def test_what_nobody_could_read_again_is_refused(service: Service, route: str, field: str) -> None:
    """What is nested deeply: 400, wherever any JSON may be."""
    deep = f'{{"{field}": [{"[" * 900 + "]" * 900}]}}'
    answer = service.http.post(f"{JOBS}/j/{route}", data=deep, headers=_JSON)

    assert (400, _failed("the body is nested too deeply")) == (answer.status_code, body(answer))


def test_a_result_has_bounds(service: Service) -> None:
    """Everybody who follows the job is sent all of it."""
    answer = service.http.post(f"{JOBS}/j/complete", json={"result": "x" * 262_144})

    assert (400, "result is longer than 262144 bytes: send where it can be found") == (
        answer.status_code,
        body(answer)["error"],
    )


def test_whoever_makes_up_jobs_is_held_off(tmp_path: Path) -> None:
    """A client begins so many, and reports so often of all of them together: 429 beyond."""
    limits = Limits(per_minute=60, burst=5, reports_per_minute=60)
    with working(tmp_path, limits=limits, jobs=Jobs(new_per_minute=1)) as service:

        def sent(job: int) -> tuple[int, object]:
            answer = service.http.post(f"{JOBS}/{job}/progress", json={"progress": 1})
            return answer.status_code, body(answer).get("error")

        assert [(200, None)] * 10 == [sent(number) for number in range(10)]
        assert (429, "Too many new jobs") == sent(10)
        assert (200, None) == sent(9)
        assert (429, "Too many requests") in [sent(number) for number in range(10, 200)]
