"""Bodies of what workers send: nothing of a report is lost because something in it is odd."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from queryapi.api.bodies import fields_of
from queryapi.api.jobtext import (
    Fields,
    as_text,
    flag,
    kept_value,
    moment,
    number,
    text,
    whole,
    word,
)
from queryapi.errors import InvalidParameter
from queryapi.services.jobs.bounds import (
    GPUS,
    ID_RULE,
    LINES,
    MOST_NUMBER,
    OPERATION_CHARACTERS,
    RESULT_BYTES,
    is_job_id,
)
from queryapi.services.jobs.model import Completion, Draft, Line, Report
from queryapi.storage.jobrecords import JobStatus, Level, Sample

_LEVELS: Mapping[str, Level] = {
    "info": "info",
    "warning": "warning",
    "warn": "warning",
    "error": "error",
}
_ENDS: Mapping[str, JobStatus] = {
    "completed": JobStatus.COMPLETED,
    "success": JobStatus.COMPLETED,
    "succeeded": JobStatus.COMPLETED,
    "failed": JobStatus.FAILED,
    "failure": JobStatus.FAILED,
    "error": JobStatus.FAILED,
    "cancelled": JobStatus.CANCELLED,
    "canceled": JobStatus.CANCELLED,
}
_COST = Decimal(10) ** 12
_LEAST_COST = Decimal("1e-12")
# Drivers write enormous numbers for what a device cannot tell, and sums of such are no numbers.
_MOST_MEASURED = 1e12


def report_of(data: bytes) -> Report:
    """Return the report that a body is; raises InvalidParameter.

    What was measured and cannot be read counts as not measured, and a level that nobody knows as
    `info`: a whole report is never refused for that.
    """
    fields = _fields(data)
    sent, told = moment(fields.get("sentAt")), moment(fields.get("timestamp"))
    return Report(
        worker=word(fields, "workerId"),
        progress=_progress(fields.get("progress")),
        operation=text(fields, "currentOperation", most=OPERATION_CHARACTERS),
        sample=_sample(fields.get("metrics")),
        lines=_lines(fields.get("logLines")),
        restart=flag(fields, "restart"),
        sequence=whole(fields, "sequence", least=1, most=MOST_NUMBER),
        age=0.0 if sent is None or told is None else max(0.0, sent - told),
        sent_at=sent,
        namespace=word(fields, "namespace"),
    )


def completion_of(data: bytes) -> Completion:
    """Return the end of a job that a body tells of; raises InvalidParameter."""
    fields = _fields(data)
    error = fields.get("error")
    status = _ENDS.get((word(fields, "status") or "completed").lower())
    if status is None:
        raise InvalidParameter("status must be completed, failed or cancelled")
    return Completion(
        status,
        worker=word(fields, "workerId"),
        result=_result(fields.get("result")),
        error=None if error is None else as_text(error),
        sample=_sample(fields.get("finalMetrics")) or _sample(fields.get("metrics")),
    )


def draft_of(data: bytes) -> Draft:
    """Return the job that a body wants created; raises InvalidParameter."""
    fields = _fields(data)
    named = fields.get("id")
    if named is not None and not (isinstance(named, str) and is_job_id(named)):
        raise InvalidParameter(f"id {ID_RULE}")
    return Draft(
        id=named,
        cluster=word(fields, "cluster"),
        namespace=word(fields, "namespace"),
        worker=word(fields, "workerId"),
        gpu_model=word(fields, "gpuModel"),
        instance_type=word(fields, "instanceType"),
        pool=word(fields, "pool"),
        gpus=whole(fields, "gpus", least=1, most=GPUS),
        estimated_cost=_cost(fields.get("estimatedCost")),
        address=word(fields, "qubicAddress"),
        username=word(fields, "username"),
    )


def _fields(data: bytes) -> Fields:
    # Nearly all are plain: the other reader is slower, and forgives more or says what is wrong.
    try:
        found = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return fields_of(data, lenient=True)
    if not isinstance(found, dict):
        raise InvalidParameter("the body must be a JSON object")
    return found


def _progress(value: object) -> float | None:
    if value is None:
        return None
    found = number(value)
    if found is None:
        raise InvalidParameter("progress must be a number from 0 to 100")
    return found


def _sample(value: object) -> Sample | None:
    if not isinstance(value, dict):
        return None
    found = Sample(
        utilization=_measured(value.get("gpuUtilization")),
        memory_used=_measured(value.get("gpuMemoryUsed")),
        memory_total=_measured(value.get("gpuMemoryTotal")),
        temperature=_measured(value.get("gpuTemperature")),
        power=_measured(value.get("powerUsage")),
    )
    return None if found == Sample() else found


def _measured(value: object) -> float | None:
    found = number(value)
    return None if found is None or abs(found) > _MOST_MEASURED else found


def _lines(value: object) -> tuple[Line, ...]:
    if not isinstance(value, list):
        return ()
    if len(value) > LINES:
        raise InvalidParameter(
            f"logLines may hold {LINES} lines, not {len(value)}: send the others in another report"
        )
    return tuple(_each_line(value))


def _each_line(given: list[object]) -> Iterator[Line]:
    for line in given:
        said = line if isinstance(line, dict) else {"message": line}
        message = said.get("message")
        if message is not None:
            yield Line(_level(said.get("level")), as_text(message), moment(said.get("timestamp")))


def _level(value: object) -> Level:
    return _LEVELS.get(value.strip().lower(), "info") if isinstance(value, str) else "info"


def _result(value: object) -> object:
    kept = kept_value(value)
    # Whoever follows the job is sent all of it.
    if len(msgspec.json.encode(kept)) > RESULT_BYTES:
        raise InvalidParameter(
            f"result is longer than {RESULT_BYTES} bytes: send where it can be found"
        )
    return kept


def _cost(value: object) -> Decimal:
    if value is None:
        return Decimal()
    given = value if isinstance(value, str) else None if number(value) is None else str(value)
    try:
        cost = Decimal(given or "")
    except InvalidOperation:
        cost = Decimal(-1)
    if not (cost.is_finite() and 0 <= cost < _COST):
        raise InvalidParameter("estimatedCost must be a number from 0")
    # Written out, 1e-999999999 would fill the memory.
    return cost.quantize(_LEAST_COST).normalize()
