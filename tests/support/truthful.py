"""What a stack says of itself while parts of it are away: each answer is held to the truth."""

from http import HTTPStatus

import requests

from tests.support.stack import RunningStack

GPUS = 300
"""Of the living fleet."""
UNAVAILABLE = 5003


def truthful(running: RunningStack) -> requests.Response:
    """Return a status answer, having held it to the truth: what is told as data is the fleet."""
    answer = running.ask("status")
    if answer.status_code == HTTPStatus.OK:
        assert GPUS == answer.json()["data"]["current_gpu_usage"]["total_gpus"]
    return answer


def is_fresh(running: RunningStack) -> bool:
    """Tell whether the fleet is told, and not marked as old."""
    answer = truthful(running)
    return answer.status_code == HTTPStatus.OK and "Warning" not in answer.headers


def is_unavailable(running: RunningStack) -> bool:
    """Tell whether nothing is told; fails the test where that is said in other words than 5003."""
    answer = truthful(running)
    if answer.status_code == HTTPStatus.OK:
        return False
    assert HTTPStatus.SERVICE_UNAVAILABLE == answer.status_code
    assert UNAVAILABLE == answer.json()["meta"]["code"]
    assert answer.json()["data"] is None
    return True
