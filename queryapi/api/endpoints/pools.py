"""Compute pools."""

from http import HTTPStatus

from queryapi.access.policy import Permission
from queryapi.api import poolexamples as examples
from queryapi.api.bounds import PERIOD
from queryapi.api.endpoints.endpoint import (
    GUARDED_PROBLEMS,
    READ_PROBLEMS,
    Endpoint,
    Parameter,
)
from queryapi.services.pools.answers import (
    Activities,
    Capacity,
    Deleted,
    History,
    PoolItem,
    PoolList,
)
from queryapi.services.pools.planning.capacity import MOST_GPUS
from queryapi.services.pools.registering.wanted import PoolChange, PoolWanted
from queryapi.settings import Api

PATH = "/api/pools"
LIMIT, MOST_ACTIVITIES = 100, 1000
GPUS = 1
KEY = "[!-~]{1,255}"
# RFC 9110, section 8.8.3: W/ where it is weak, and any visible character but the quote.
TAG = r'(?:W/)?"[!#-~\x80-\xff]*"'
# Empty members of a list are passed over (RFC 9110, section 5.6.1.2).
TAGS = rf"\*|{TAG}(?:[ \t]*,[ \t,]*{TAG})*"
BEFORE = "act-[1-9][0-9]{0,17}"

_POOL = Parameter("pool_id", "Its id.", required=True, example="pool-1")
_EXPECTED = Parameter(
    "If-Match",
    "The ETag of what was read, or several, or *: a pool that has changed since is left as it is.",
    pattern=TAGS,
    header=True,
)
_CHANGE_PROBLEMS = tuple(
    sorted(
        {
            *READ_PROBLEMS,
            HTTPStatus.CONFLICT,
            HTTPStatus.PRECONDITION_FAILED,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        }
    )
)
_CREATE_PROBLEMS = tuple(
    sorted(
        {
            *GUARDED_PROBLEMS,
            HTTPStatus.CONFLICT,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    )
)
_DELETE_PROBLEMS = tuple(
    status for status in _CHANGE_PROBLEMS if status is not HTTPStatus.UNSUPPORTED_MEDIA_TYPE
)

POOLS: tuple[Endpoint, ...] = (
    Endpoint(
        "GET",
        PATH,
        Api.POOLS,
        Permission.READ,
        "All pools: registered ones by age, then those found by nodes' labels.",
        PoolList,
        problems=GUARDED_PROBLEMS,
        aged=True,
        example=examples.POOLS,
    ),
    Endpoint(
        "POST",
        PATH,
        Api.POOLS,
        Permission.OPERATE,
        "Registers a pool; no machines are made.",
        PoolItem,
        (
            Parameter(
                "Idempotency-Key",
                "Names this request: sent again with the same body, it creates nothing and is"
                " answered as before.",
                pattern=KEY,
                header=True,
            ),
        ),
        _CREATE_PROBLEMS,
        example=examples.CREATED,
        takes=PoolWanted,
        taken=examples.NEW,
        success=HTTPStatus.CREATED,
        tells=("Location", "ETag", "Idempotency-Replayed"),
    ),
    Endpoint(
        "GET",
        f"{PATH}/activity",
        Api.POOLS,
        Permission.READ,
        "What happened to pools, newest first.",
        Activities,
        (
            Parameter("poolId", "Only of this pool, deleted or not.", example="pool-1"),
            Parameter(
                "limit",
                f"The most to return; {LIMIT} without it.",
                count=True,
                least=1,
                most=MOST_ACTIVITIES,
                example="20",
            ),
            Parameter(
                "before",
                "The id of an activity: only those that happened before it.",
                pattern=BEFORE,
                example="act-1001",
            ),
        ),
        GUARDED_PROBLEMS,
        example=examples.ACTIVITIES,
    ),
    Endpoint(
        "GET",
        f"{PATH}/{{pool_id}}/capacity",
        Api.POOLS,
        Permission.READ,
        "Whether a pod would find room in a pool now, and what waits before it.",
        Capacity,
        (
            _POOL,
            Parameter(
                "gpus",
                f"GPUs that the pod asks for; {GPUS} without it.",
                count=True,
                least=1,
                most=MOST_GPUS,
                example="8",
            ),
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.CAPACITY,
    ),
    Endpoint(
        "GET",
        f"{PATH}/{{pool_id}}/history",
        Api.POOLS,
        Permission.READ,
        "A pool in the past, as far as Prometheus remembers.",
        History,
        (
            _POOL,
            Parameter(
                "range",
                "How far to look back, such as 90s, 15m, 24h or 7d, at most 31d; 24h without it.",
                pattern=PERIOD,
                example="24h",
            ),
            Parameter(
                "step",
                "From one point to the next, at least 15s; without it 5m, or longer for a long"
                " range. At most 2000 points are told.",
                pattern=PERIOD,
                example="5m",
            ),
        ),
        READ_PROBLEMS,
        aged=True,
        example=examples.HISTORY,
    ),
    Endpoint(
        "GET",
        f"{PATH}/{{pool_id}}",
        Api.POOLS,
        Permission.READ,
        "One pool.",
        PoolItem,
        (_POOL,),
        READ_PROBLEMS,
        aged=True,
        example=examples.POOL,
    ),
    Endpoint(
        "PUT",
        f"{PATH}/{{pool_id}}",
        Api.POOLS,
        Permission.OPERATE,
        "Changes the fields that are sent; of a pool that was found by labels, adopts it.",
        PoolItem,
        (_POOL, _EXPECTED),
        _CHANGE_PROBLEMS,
        example=examples.POOL,
        takes=PoolChange,
        taken=examples.CHANGE,
        tells=("ETag",),
    ),
    Endpoint(
        "DELETE",
        f"{PATH}/{{pool_id}}",
        Api.POOLS,
        Permission.OPERATE,
        "Forgets a pool; its machines stay, and so does what happened to it.",
        Deleted,
        (_POOL, _EXPECTED),
        _DELETE_PROBLEMS,
        example=examples.DELETED,
    ),
)
