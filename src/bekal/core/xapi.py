"""xAPI 1.0.3 and 2.0 statements of cmi5, as far as they are evidence of learning: read strictly, or told what is wrong.

Sources: the xAPI specification's statement (id, actor, verb, object, result, context, timestamp), and cmi5 (verbs, the
category `moveon`, the extensions `progress` and `moveon`; `moveOn` is NotApplicable where a course does not say it).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bekal.core.text import shown

_W3ID = "https://w3id.org/xapi"
MOVE_ON_CATEGORY = f"{_W3ID}/cmi5/context/categories/moveon"
MOVE_ON_EXTENSION = f"{_W3ID}/cmi5/context/extensions/moveon"
PROGRESS_EXTENSION = f"{_W3ID}/cmi5/result/extensions/progress"
MAX_IRI_CHARACTERS = 500
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII)
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`\x00-\x20]+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)
_DURATION = re.compile(r"P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+W)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Verb(StrEnum):
    """The verbs of cmi5, ADL's for progress, which cmi5 allows, and xAPI's own for taking a statement back."""

    LAUNCHED = "http://adlnet.gov/expapi/verbs/launched"
    INITIALIZED = "http://adlnet.gov/expapi/verbs/initialized"
    COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
    PASSED = "http://adlnet.gov/expapi/verbs/passed"
    FAILED = "http://adlnet.gov/expapi/verbs/failed"
    TERMINATED = "http://adlnet.gov/expapi/verbs/terminated"
    PROGRESSED = "http://adlnet.gov/expapi/verbs/progressed"
    VOIDED = "http://adlnet.gov/expapi/verbs/voided"
    ABANDONED = f"{_W3ID}/adl/verbs/abandoned"
    WAIVED = f"{_W3ID}/adl/verbs/waived"
    SATISFIED = f"{_W3ID}/adl/verbs/satisfied"


class MoveOn(StrEnum):
    """When a unit of a course is done."""

    PASSED = "Passed"
    COMPLETED = "Completed"
    COMPLETED_AND_PASSED = "CompletedAndPassed"
    COMPLETED_OR_PASSED = "CompletedOrPassed"
    NOT_APPLICABLE = "NotApplicable"

    def met_at(self, first: Mapping[Verb, datetime]) -> datetime | None:
        """When a unit of which these verbs were first said then is done; None where it is not. NotApplicable never is:
        it says nothing of anybody's learning."""
        completed, passed = first.get(Verb.COMPLETED), first.get(Verb.PASSED)
        either = [at for at in (completed, passed) if at is not None]
        both = max(either) if len(either) == 2 else None
        return {
            MoveOn.PASSED: passed,
            MoveOn.COMPLETED: completed,
            MoveOn.COMPLETED_AND_PASSED: both,
            MoveOn.COMPLETED_OR_PASSED: min(either, default=None),
        }.get(self)


@dataclass(frozen=True, slots=True)
class XapiStatement:
    """One statement. `counts`: it carries the category by which cmi5 tells what counts towards `moveOn`; `move_on`:
    what the statement itself says of its unit. `voids`: the statement that it takes back; then there is no object.
    `sha256` is of all of it, in one order of names."""

    statement_id: str
    verb: Verb
    purchase: int
    object_id: str
    happened_at: datetime
    counts: bool
    move_on: MoveOn | None
    percent: int | None
    sha256: bytes
    voids: str | None = None


@dataclass(frozen=True, slots=True)
class StatementFault:
    """Where (steps into the statement), what is expected there, and what stands there."""

    steps: tuple[str | int, ...]
    expected: str
    value: str


class _Wrong(Exception):
    def __init__(self, steps: tuple[str | int, ...], expected: str, value: object) -> None:
        quoted = value if isinstance(value, str | int | float) else type(value).__name__
        self.fault = StatementFault(steps, expected, shown(str(quoted)))


def read_statement(value: Any, *, home_page: str) -> XapiStatement | StatementFault:
    """One statement of a batch. The actor is an account of `home_page` whose name is a purchase number: never anybody's
    address. The first thing that is wrong is told; never raises."""
    try:
        return _read(value, home_page.rstrip("/"))
    except _Wrong as wrong:
        return wrong.fault


def _read(value: Any, home_page: str) -> XapiStatement:
    statement = _object(value, ())
    identifier = _text(statement, "id", (), _UUID, "UUID")
    verb_id = _text(_object(statement.get("verb"), ("verb",)), "id", ("verb",), _IRI, "IRI")
    if verb_id not in set(Verb):
        raise _Wrong(("verb", "id"), "a verb of cmi5", verb_id)
    verb = Verb(verb_id)
    object_id, voids = _about(statement, verb)
    context = _object(statement.get("context", {}), ("context",))
    percent = _result(_object(statement.get("result", {}), ("result",)), verb)
    return XapiStatement(
        statement_id=identifier.lower(),
        verb=verb,
        purchase=_purchase(statement, home_page),
        object_id=object_id,
        happened_at=_instant(statement),
        counts=_counts(context),
        move_on=_move_on(context),
        percent=None if voids else percent,
        sha256=hashlib.sha256(json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()).digest(),
        voids=voids,
    )


def _about(statement: Mapping[str, Any], verb: Verb) -> tuple[str, str | None]:
    """What the statement is about: an activity, or the statement that it voids."""
    about = _object(statement.get("object"), ("object",))
    wanted = "StatementRef" if verb is Verb.VOIDED else "Activity"
    if about.get("objectType", "Activity") != wanted:
        raise _Wrong(("object", "objectType"), wanted, about.get("objectType"))
    if verb is Verb.VOIDED:
        return "", _text(about, "id", ("object",), _UUID, "UUID").lower()
    return _text(about, "id", ("object",), _IRI, "IRI"), None


def _object(value: Any, steps: tuple[str | int, ...]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(steps, "an object", value)
    return value


def _text(
    inside: Mapping[str, Any], name: str, steps: tuple[str | int, ...], form: re.Pattern[str], expected: str
) -> str:
    value = inside.get(name)
    if not isinstance(value, str) or len(value) > MAX_IRI_CHARACTERS or not form.fullmatch(value):
        raise _Wrong((*steps, name), expected, value)
    return value


def _purchase(statement: Mapping[str, Any], home_page: str) -> int:
    actor = _object(statement.get("actor"), ("actor",))
    if actor.get("objectType", "Agent") != "Agent":
        raise _Wrong(("actor", "objectType"), "Agent", actor.get("objectType"))
    for name in ("mbox", "mbox_sha1sum", "openid", "name"):
        if name in actor:
            raise _Wrong(("actor", name), "account alone", "…")  # nobody's address is repeated
    account = _object(actor.get("account"), ("actor", "account"))
    if str(account.get("homePage")).rstrip("/") != home_page:
        raise _Wrong(("actor", "account", "homePage"), home_page, account.get("homePage"))
    number = _text(account, "name", ("actor", "account"), _NUMBER, "purchase number")
    if int(number) > 2**63 - 1:
        raise _Wrong(("actor", "account", "name"), "purchase number", number)
    return int(number)


def _instant(statement: Mapping[str, Any]) -> datetime:
    value = _text(statement, "timestamp", (), _INSTANT, "2020-11-19T10:00:00+07:00")
    try:
        # Python reads six digits of a second; nobody learns in a billionth.
        at = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
        if _EARLIEST <= at < _LATEST:
            return at
    except (ValueError, OverflowError):
        pass
    raise _Wrong(("timestamp",), "2020-11-19T10:00:00+07:00", value)


def _counts(context: Mapping[str, Any]) -> bool:
    activities = _object(context.get("contextActivities", {}), ("context", "contextActivities"))
    category = activities.get("category", [])
    listed = category if isinstance(category, list) else [category]
    return any(isinstance(each, dict) and each.get("id") == MOVE_ON_CATEGORY for each in listed)


def _move_on(context: Mapping[str, Any]) -> MoveOn | None:
    value = _object(context.get("extensions", {}), ("context", "extensions")).get(MOVE_ON_EXTENSION)
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(MoveOn):
        raise _Wrong(("context", "extensions", MOVE_ON_EXTENSION), ", ".join(MoveOn), value)
    return MoveOn(value)


def _result(result: Mapping[str, Any], verb: Verb) -> int | None:
    """The progress in percent, after asking that completion, success, score and duration say what the verb does."""
    needed = {Verb.COMPLETED: ("completion", True), Verb.PASSED: ("success", True), Verb.FAILED: ("success", False)}
    for name in ("completion", "success"):
        if name in result and not isinstance(result[name], bool):
            raise _Wrong(("result", name), "true, false", result[name])
    if verb in needed and result.get(needed[verb][0]) is not needed[verb][1]:
        name, wanted = needed[verb]
        raise _Wrong(("result", name), "true" if wanted else "false", result.get(name))
    if "duration" in result:
        _text(result, "duration", ("result",), _DURATION, "PT30M")
    scaled = _object(result.get("score", {}), ("result", "score")).get("scaled", 0)
    if isinstance(scaled, bool) or not isinstance(scaled, int | float) or not -1 <= scaled <= 1:
        raise _Wrong(("result", "score", "scaled"), "-1 … 1", scaled)
    percent = _object(result.get("extensions", {}), ("result", "extensions")).get(PROGRESS_EXTENSION)
    if percent is None:
        if verb is Verb.PROGRESSED:
            raise _Wrong(("result", "extensions", PROGRESS_EXTENSION), "0 … 100", percent)
        return None
    if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
        raise _Wrong(("result", "extensions", PROGRESS_EXTENSION), "0 … 100", percent)
    return percent
