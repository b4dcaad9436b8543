"""What the rows say of earned instalments and every attempt to pay them, for any number of people in three queries."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection

from bekal.incentives.account_standing import STANDING_JOINS, STANDING_SQL
from bekal.incentives.account_standing import Standing as OfAccount
from bekal.incentives.models import PayoutException, PayoutFile, PayoutStatus
from bekal.incentives.under_way import HEARD_SQL
from bekal.ledger.copy_rows import id_array


class Word(NamedTuple):
    """What was said or done of one attempt: a state, with its reason."""

    state: PayoutStatus.State
    reason_code: str
    at: datetime


class Question(NamedTuple):
    """What a partner said, or did not say, of one attempt that the books could not take; open while `ended_at` is None.
    `owner`: who has to say something first."""

    kind: PayoutException.Kind
    owner: PayoutException.Owner
    at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to pay an instalment. `is_stale`: the account is another than the one on the list,
    or cannot be paid to any more. `form`, and
    whether it leaves by itself, are those of the file it was sent in; `sending` and `call` what was last heard of
    handing over that file, and of the call that pays."""

    attempt: int
    reference: str
    partner: str
    masked_account: str
    run_id: int
    planned_for: date
    planned_at: datetime
    approved_at: datetime | None
    paused_at: datetime | None
    cancelled_at: datetime | None
    is_stale: bool
    form: str | None
    leaves_by_itself: bool
    sending: str | None
    call: str | None
    words: tuple[Word, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def last(self) -> Word | None:
        """What was said of it last."""
        return self.words[-1] if self.words else None

    @property
    def was_ever_live(self) -> bool:
        """Whether it counts: neither its list was cancelled nor was it kept back."""
        is_kept_back = self.last is not None and self.last.state == PayoutStatus.State.WITHHELD
        return self.cancelled_at is None and not is_kept_back

    @property
    def is_by_call(self) -> bool:
        return self.form == PayoutFile.Form.CALLS

    def at_of(self, state: PayoutStatus.State) -> datetime | None:
        """When that was said of it; None where it was not."""
        return next((word.at for word in self.words if word.state == state), None)

    def question(self, *kinds: PayoutException.Kind) -> Question | None:
        """The first open question of one of these kinds."""
        return next((one for one in self.questions if one.kind in kinds and one.ended_at is None), None)


@dataclass(frozen=True, slots=True)
class EarnedRow:
    """One entitlement with everything that happened to it. `held_due_on`: by when somebody decides on what holds it;
    None where that was decided, and the payment goes on waiting. `standing`: what is known of the account its owner has
    now, with the reason that its bank or wallet gave, and when."""

    participation_id: int
    kind: str
    instalment: int
    amount_rupiah: int
    scheduled_on: date
    payment_on: date
    entitled_at: datetime
    lapsed_at: datetime | None
    revoked_before_at: datetime | None
    held_at: datetime | None
    held_due_on: date | None
    standing: str = OfAccount.UNCHECKED.value
    check_reason: str | None = None
    checked_at: datetime | None = None
    attempts: tuple[Attempt, ...] = field(default=())

    @property
    def newest(self) -> Attempt | None:
        """The newest attempt that was neither cancelled nor kept back."""
        return next((one for one in reversed(self.attempts) if one.was_ever_live), None)


EARNED_SQL = f"""
SELECT entitlement.id, entitlement.participation_id, entitlement.kind, entitlement.instalment,
       entitlement.amount_rupiah, entitlement.scheduled_on, entitlement.payment_on, entitlement.entitled_at,
       entitlement.lapsed_at,
       CASE WHEN place.revoked_at < entitlement.entitled_at THEN place.revoked_at END, held.held_at, held.due_on,
       {STANDING_SQL}, verdict.reason_code, verdict.recorded_at
FROM incentives_entitlement entitlement
JOIN participants_participation place ON place.id = entitlement.participation_id
LEFT JOIN (
    SELECT participation_id, min(opened_at) AS held_at,
           min(due_on) FILTER (WHERE confirmed_at IS NULL OR appealed_at IS NOT NULL) AS due_on
    FROM holds_hold WHERE participation_id = ANY(%(participation_ids)s::bigint[]) AND lifted_at IS NULL
    GROUP BY participation_id
) held ON held.participation_id = place.id
LEFT JOIN participants_payoutaccount account ON account.participant_id = place.participant_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
{STANDING_JOINS}
WHERE entitlement.participation_id = ANY(%(participation_ids)s::bigint[])
ORDER BY entitlement.participation_id, entitlement.kind, entitlement.instalment
"""
ATTEMPTS_SQL = f"""
SELECT payout.entitlement_id, payout.id, payout.attempt, payout.reference, payout.partner, payout.masked_account,
       run.id, run.planned_for, run.planned_at, run.approved_at, run.paused_at, run.cancelled_at,
       payout.account_hash IS NOT NULL
           AND (account.verified_at IS NULL OR directory.account_hash IS DISTINCT FROM payout.account_hash),
       file.form, coalesce(file.message_id, '') <> '',
       (SELECT outcome FROM incentives_payoutsending sending WHERE sending.file_id = file.id ORDER BY id DESC LIMIT 1),
       (SELECT {HEARD_SQL} FROM incentives_payoutcall call WHERE call.payout_id = payout.id ORDER BY id DESC LIMIT 1)
FROM incentives_payout payout
JOIN incentives_payoutrun run ON run.id = payout.run_id
JOIN participants_payoutaccount account ON account.id = payout.account_id
LEFT JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
LEFT JOIN incentives_payoutstatus sent ON sent.payout_id = payout.id AND sent.state = 'sent'
LEFT JOIN incentives_payoutfile file ON file.id = sent.file_id
WHERE payout.entitlement_id = ANY(%(entitlement_ids)s::bigint[])
ORDER BY payout.entitlement_id, payout.attempt
"""
# What was said, and what could not be taken, of each attempt in the order in which it came.
SAID_SQL = """
SELECT payout_id, false AS is_question, state, reason_code, recorded_at, NULL::timestamptz, id
FROM incentives_payoutstatus WHERE payout_id = ANY(%(payout_ids)s::bigint[])
UNION ALL
SELECT payout_id, true, kind, owner, opened_at, resolved_at, id
FROM incentives_payoutexception WHERE payout_id = ANY(%(payout_ids)s::bigint[])
ORDER BY 1, 2, 7
"""


def earned_rows(participation_ids: Collection[int]) -> dict[int, dict[tuple[str, int], EarnedRow]]:
    """Of each of these participations its entitlements, by kind and number of the instalment."""
    with connection.cursor() as cursor:
        cursor.execute(EARNED_SQL, {"participation_ids": id_array(participation_ids)})
        earned = cursor.fetchall()
        attempts = _attempts([number for number, *_ in earned]) if earned else {}
    found: dict[int, dict[tuple[str, int], EarnedRow]] = {}
    for number, *columns in earned:
        row = replace(EarnedRow(*columns), attempts=tuple(attempts.get(number, ())))
        found.setdefault(row.participation_id, {})[row.kind, row.instalment] = row
    return found


def _attempts(entitlement_ids: Collection[int]) -> dict[int, list[Attempt]]:
    words: dict[int, list[Word]] = {}
    questions: dict[int, list[Question]] = {}
    with connection.cursor() as cursor:
        cursor.execute(ATTEMPTS_SQL, {"entitlement_ids": id_array(entitlement_ids)})
        rows = cursor.fetchall()
        if rows:
            cursor.execute(SAID_SQL, {"payout_ids": id_array([payout_id for _, payout_id, *_ in rows])})
            for payout_id, is_question, what, detail, at, ended_at, _ in cursor.fetchall():
                if is_question:
                    kind, owner = PayoutException.Kind(what), PayoutException.Owner(detail)
                    questions.setdefault(payout_id, []).append(Question(kind, owner, at, ended_at))
                else:
                    words.setdefault(payout_id, []).append(Word(PayoutStatus.State(what), detail, at))
    found: dict[int, list[Attempt]] = {}
    for entitlement_id, payout_id, *columns in rows:
        said, asked = tuple(words.get(payout_id, ())), tuple(questions.get(payout_id, ()))
        attempt = replace(Attempt(*columns), words=said, questions=asked)
        found.setdefault(entitlement_id, []).append(attempt)
    return found
