"""`record_exchange`, `conformance_of`: which calls of the contract a partner's system has shown, and which failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from bekal.ledger.clock import JAKARTA
from bekal.partners.conformance_checks import CHECKS, Check, Exchange, checks_of
from bekal.partners.models import CallCounter, ConformanceRecord, Partner, PartnerKey, SandboxCall, WebhookDelivery

# What a page shows of the calls, and what is kept of them.
CALLS_KEPT_COUNT = 200
WEBHOOK_DELIVERED = "webhook_delivered"
ANSWERED = ("answered", "repeated")
RECORD_SQL = """
INSERT INTO partners_conformancerecord AS known (partner_id, check_code, ok_at, failed_at, failure)
SELECT %(partner_id)s, code, CASE WHEN is_ok THEN %(at)s END, CASE WHEN NOT is_ok THEN %(at)s END, failure
FROM unnest(%(codes)s::text[], %(are_ok)s::boolean[], %(failures)s::text[]) AS seen(code, is_ok, failure)
ORDER BY code
ON CONFLICT (partner_id, check_code) DO UPDATE SET
    ok_at = coalesce(excluded.ok_at, known.ok_at), failed_at = coalesce(excluded.failed_at, known.failed_at),
    failure = CASE WHEN excluded.failed_at IS NULL THEN known.failure ELSE excluded.failure END
"""
FORGET_SQL = """
DELETE FROM partners_sandboxcall WHERE partner_id = %(partner_id)s AND id <= (
    SELECT id FROM partners_sandboxcall WHERE partner_id = %(partner_id)s ORDER BY id DESC OFFSET %(kept)s LIMIT 1)
"""


class CheckState(StrEnum):
    """Green for good once a call has shown it; failed where calls have tried and none has."""

    GREEN = "green"
    FAILED = "failed"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check stands: since when it is green, when a call last failed, and by which refusal."""

    check: Check
    state: CheckState
    at: datetime | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Conformance:
    """`is_complete`: every check is green, of those of which one is enough at least one; `is_all_green`: all are."""

    partner_code: str
    results: tuple[CheckResult, ...]

    @property
    def missing_count(self) -> int:
        """How many checks are still asked of the system; those of which one is enough count as one."""
        green = {result.check.any_of for result in self.results if result.state is CheckState.GREEN}
        missing = [
            result.check
            for result in self.results
            if result.state is not CheckState.GREEN and result.check.any_of not in green - {""}
        ]
        return len({check.any_of or check.code for check in missing})

    @property
    def is_complete(self) -> bool:
        """Whether the system has shown all that is asked of one system."""
        return self.missing_count == 0

    @property
    def is_all_green(self) -> bool:
        """Whether every single check is green."""
        return all(result.state is CheckState.GREEN for result in self.results)

    @property
    def green_count(self) -> int:
        """How many checks are green."""
        return sum(result.state is CheckState.GREEN for result in self.results)


def record_exchange(*, key: PartnerKey, exchange: Exchange, at: datetime) -> None:
    """Keep what a signed sandbox call has shown; a live key's leaves nothing. Call it in the programme's database,
    after the world was left; `at` is the server's clock.

    A call that went well shows its checks; one that did not is a failure of the check of its operation, unless its
    refusal is itself something to be shown."""
    if not key.is_sandbox:
        return
    shown = [check.code for check in CHECKS if not check.is_unsigned and check.is_shown_by(exchange)]
    failed = [] if shown or exchange.outcome in ANSWERED else _failed(exchange)
    codes = [*shown, *failed]
    with transaction.atomic():
        SandboxCall.objects.create(
            partner_id=key.partner_id,
            client_code=key.client_code,
            method=exchange.method[:8],
            operation=exchange.operation[:80],
            status=exchange.status,
            outcome=exchange.outcome[:60],
            called_at=at,
        )
        with connection.cursor() as cursor:
            cursor.execute(FORGET_SQL, {"partner_id": key.partner_id, "kept": CALLS_KEPT_COUNT})
            if codes:
                values: dict[str, Any] = {
                    "partner_id": key.partner_id,
                    "at": at,
                    "codes": codes,
                    "are_ok": [code in shown for code in codes],
                    "failures": ["" if code in shown else exchange.outcome[:60] for code in codes],
                }
                cursor.execute(RECORD_SQL, values)


def record_check(*, partner_id: int, check_code: str, at: datetime) -> None:
    """Keep that something beside a call has shown a check: a page that was confirmed, a webhook that arrived."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "partner_id": partner_id,
            "at": at,
            "codes": [check_code],
            "are_ok": [True],
            "failures": [""],
        }
        cursor.execute(RECORD_SQL, values)


def conformance_of(partner: Partner) -> Conformance:
    """How every check of the partner's kind stands."""
    records = {row.check_code: row for row in ConformanceRecord.objects.filter(partner=partner).order_by("pk")}
    counted, told = _counted(partner), _told(partner)
    results = []
    for check in checks_of(partner.kind):
        record = records.get(check.code) or (told if check.fact == WEBHOOK_DELIVERED else None)
        ok_at = record.ok_at if record else None
        if check.is_unsigned:
            ok_at = max(
                (counted[name] for outcome in check.outcomes if (name := (check.generation, outcome)) in counted),
                default=None,
            )
        if ok_at is not None:
            results.append(CheckResult(check, CheckState.GREEN, ok_at))
        elif record is not None:
            results.append(CheckResult(check, CheckState.FAILED, record.failed_at, record.failure))
        else:
            results.append(CheckResult(check, CheckState.NOT_YET))
    return Conformance(partner.code, tuple(results))


def begin_conformance_anew(*, partner_id: int) -> None:
    """Forget what calls have shown, and the calls; the counters of refused calls stay."""
    with transaction.atomic():
        ConformanceRecord.objects.filter(partner=partner_id).delete()
        SandboxCall.objects.filter(partner=partner_id).delete()


def last_calls(*, partner_id: int, limit_count: int) -> Sequence[SandboxCall]:
    """The partner's last sandbox calls, newest first."""
    return list(SandboxCall.objects.filter(partner=partner_id).order_by("-pk")[:limit_count])


def _counted(partner: Partner) -> dict[tuple[int, str], datetime]:
    """The last day (its begin in Jakarta) on which a sandbox call of a generation had an outcome, by both."""
    rows = CallCounter.objects.filter(key__partner=partner, key__is_sandbox=True)
    days = rows.values_list("key__generation", "outcome").annotate(last=Max("counted_on")).order_by("outcome")
    return {(generation, outcome): datetime.combine(last, time(), tzinfo=JAKARTA) for generation, outcome, last in days}


def _told(partner: Partner) -> ConformanceRecord | None:
    """Whether the partner's sandbox receiver has taken a webhook: the rows of the deliveries say so themselves."""
    deliveries = WebhookDelivery.objects.filter(endpoint__partner=partner, endpoint__is_sandbox=True)
    ends = deliveries.aggregate(ok_at=Max("delivered_at"), failed_at=Max("failed_at"))
    return ConformanceRecord(**ends, failure="delivery_failed") if any(ends.values()) else None


def _failed(exchange: Exchange) -> list[str]:
    """The checks of the call's operation that its success would have shown."""
    return [
        check.code
        for check in CHECKS
        if check.generation == exchange.generation
        and check.operation == exchange.operation
        and check.outcomes == ("answered",)
        and check.fact is None
    ]
