"""`check_accounts`: whether an account can be paid to is asked of its bank or wallet before money goes there.

Asked for are the accounts to which money is due within two weeks: before the first payment, after one that was rejected
or came back for a reason of the account, and when its owner says that it is mended. Every look is written as begun and
committed before the partner is called, and what was heard afterwards; a partner that gave no answer is asked again
later, each time after a longer while.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from bekal.accounts.privacy import decrypt
from bekal.incentives.account_standing import STANDING_JOINS, STANDING_SQL
from bekal.incentives.call_desk import CallDesk
from bekal.incentives.hand_over_files import alone_at
from bekal.incentives.models import AccountCheck
from bekal.incentives.partners.rails import Rail
from bekal.incentives.partners.snap_bi import AccountHeard, SnapClient
from bekal.incentives.plan_payout_run import MAX_DAYS_AHEAD
from bekal.incentives.reasons import NOT_THE_ACCOUNT, sentence_of
from bekal.incentives.turn_to_second_accounts import turn_to_second_accounts
from bekal.ledger.clock import programme_day
from bekal.ledger.copy_rows import copy_rows
from bekal.participants.models import PaymentPartner
from bekal.participants.notify import Notice, notify
from bekal.participants.set_payout_account import is_same_name

THREADS = 8
BATCH_COUNT = 200
Outcome = AccountCheck.Outcome
TEMPLATE = "payout_account_failed"
SENTENCE = _(
    "%(partner)s cannot pay to your account %(masked)s. %(reason)s Then open “Account” and press “Ask again”. "
    "Nothing is lost: it is paid once the account is in order."
)


@dataclass(slots=True)
class Checked:
    """What one round brought: accounts by what was heard (`passed`, `failed`, `unknown`), and messages written."""

    outcomes: dict[str, int] = field(default_factory=dict)
    told_count: int = 0

    @property
    def did_anything(self) -> bool:
        return bool(self.outcomes)


@dataclass(frozen=True, slots=True)
class _Due:
    """One account to ask for. `needed_rupiah`: what has to fit; `told_reason`: what its owner was told last."""

    account_id: int
    account_hash: bytes
    participant_id: int
    number: str = field(repr=False)
    full_name: str = field(repr=False)
    nik: str = field(repr=False)
    masked: str
    needed_rupiah: int
    told_reason: str


# The whole of what is due soon has to fit. An answer that failed is asked for once more after a day, whether or not its
# owner says so; one that did not come after 1, 4, 16, 64 minutes, then every six hours.
DUE_SQL = f"""
SELECT account.id, directory.account_hash, person.id, account.number_encrypted, person.full_name, person.nik_encrypted,
       account.masked, due.needed_rupiah,
       CASE WHEN verdict.outcome = 'failed' AND (said.state IS NULL OR said.recorded_at < verdict.recorded_at)
                THEN verdict.reason_code
            WHEN verdict.outcome = 'wanted' OR said.state IS NULL THEN '' ELSE said.reason_code END
FROM (
    SELECT participation.participant_id, sum(entitlement.amount_rupiah)::bigint AS needed_rupiah
    FROM incentives_entitlement entitlement
    JOIN participants_participation participation ON participation.id = entitlement.participation_id
    WHERE entitlement.payment_on <= %(until)s AND entitlement.lapsed_at IS NULL
      AND (participation.revoked_at IS NULL OR participation.revoked_at >= entitlement.entitled_at)
      AND NOT EXISTS (SELECT 1 FROM incentives_payout live
                      WHERE live.entitlement_id = entitlement.id AND live.ended_at IS NULL)
    GROUP BY participation.participant_id
) due
JOIN participants_payoutaccount account ON account.participant_id = due.participant_id
    AND account.partner = %(partner)s AND account.verified_at IS NOT NULL
JOIN participants_payoutaccountdirectory directory ON directory.account_id = account.id
JOIN participants_participant person ON person.id = account.participant_id
{STANDING_JOINS}
CROSS JOIN LATERAL (
    SELECT count(*) AS count, max(noted_at) AS noted_at FROM incentives_accountcheck begun
    WHERE begun.account_id = account.id AND begun.account_hash = directory.account_hash AND begun.outcome = 'begun'
      AND begun.id > coalesce(verdict.id, 0)) tries
WHERE CASE {STANDING_SQL} WHEN 'unchecked' THEN verdict.outcome IS DISTINCT FROM 'passed'
                                                OR verdict.noted_at <= %(now)s - interval '1 minute'
                          WHEN 'failed' THEN verdict.noted_at <= %(now)s - interval '1 day' ELSE false END
  AND (tries.count = 0 OR tries.noted_at <= %(now)s - interval '1 minute' * least(power(4, tries.count - 1), 360))
ORDER BY account.id LIMIT %(limit)s
"""


def check_accounts(
    *,
    rails: Mapping[str, Rail],
    at: datetime,
    now: Callable[[], datetime],
    limit: int = BATCH_COUNT,
    desk: CallDesk | None = None,
) -> Checked:
    """Ask every partner that can be asked for the accounts that are due, at most `limit` each. `at` is the programme's
    instant, `now` the machine's clock; `desk` keeps tokens as in `make_calls`. Not in a transaction.

    An account passes where it is active, its holder is known to the partner, name and (where the partner compares it)
    NIK are the participant's own, and what is due within two weeks fits under its ceiling. Whose account failed is told
    once, why and what helps.
    """
    if connection.in_atomic_block:
        raise RuntimeError("a partner is never called within a transaction")
    checked, desk = Checked(), desk or CallDesk()
    for partner, rail in sorted(rails.items()):
        if rail.snap is None:
            continue
        with alone_at(partner) as alone:
            due = _due(partner, programme_day(at), now(), limit) if alone else []
            if not due:
                continue
            client = SnapClient(rail.snap, now=now, token=desk.token(partner))
            try:
                _round(partner, client, due, at, now, checked)
            finally:
                client.close()
    return checked


def _due(partner: str, on: date, now: datetime, limit: int) -> list[_Due]:
    values: dict[str, str | date | datetime | int] = {
        "partner": partner,
        "until": on + timedelta(days=MAX_DAYS_AHEAD),
        "now": now,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(DUE_SQL, values)
        rows = cursor.fetchall()
    return [
        _Due(account_id, bytes(account_hash), person_id, decrypt(number), full_name, decrypt(nik), *rest)
        for account_id, account_hash, person_id, number, full_name, nik, *rest in rows
    ]


def _round(
    partner: str,
    client: SnapClient,
    due: Sequence[_Due],
    at: datetime,
    now: Callable[[], datetime],
    checked: Checked,
) -> None:
    _note([(one, Outcome.BEGUN, "", "") for one in due], at, now())
    with ThreadPoolExecutor(THREADS) as threads:
        heard = list(threads.map(lambda one: _ask(client, one), due))
    verdicts = [(one, *_verdict(one, said), said.partner_code) for one, said in zip(due, heard, strict=True)]
    with transaction.atomic():
        _note(verdicts, at, now())
        failed = [one.participant_id for one, outcome, *_ in verdicts if outcome is Outcome.FAILED]
        # Who has a second account is told of that instead; it is asked for in the next round.
        turned = turn_to_second_accounts(at=at, participant_ids=failed)
        checked.told_count += _tell(partner, [row for row in verdicts if row[0].participant_id not in turned], at)
    for _one, outcome, *_rest in verdicts:
        checked.outcomes[outcome.value] = checked.outcomes.get(outcome.value, 0) + 1


def _ask(client: SnapClient, one: _Due) -> AccountHeard:
    return client.ask_account(one.number, holder_name=one.full_name, identity=one.nik)


def _verdict(one: _Due, heard: AccountHeard) -> tuple[AccountCheck.Outcome, str]:
    """What was heard, against what we know of the person. What is no clear answer is none."""
    if not heard.is_answered or heard.reason_code in NOT_THE_ACCOUNT:
        return Outcome.UNKNOWN, ""
    if heard.reason_code:
        return Outcome.FAILED, heard.reason_code
    if not is_same_name(heard.holder_name, one.full_name):
        return Outcome.FAILED, "BE01"
    if heard.room_rupiah is not None and heard.room_rupiah < one.needed_rupiah:
        return Outcome.FAILED, "AM14"
    return Outcome.PASSED, ""


def _note(rows: Sequence[tuple[_Due, AccountCheck.Outcome, str, str]], at: datetime, now: datetime) -> None:
    columns = ("account_id", "account_hash", "outcome", "reason_code", "partner_code", "needed_rupiah")
    copy_rows(
        AccountCheck,
        (*columns, "recorded_at", "noted_at"),
        (
            (one.account_id, one.account_hash, outcome.value, reason, code[:40], one.needed_rupiah, at, now)
            for one, outcome, reason, code in rows
        ),
    )


def _tell(partner: str, verdicts: Sequence[tuple[_Due, AccountCheck.Outcome, str, str]], at: datetime) -> int:
    notices = [
        Notice(
            one.participant_id,
            TEMPLATE,
            SENTENCE,
            {"partner": PaymentPartner(partner).label, "masked": one.masked, "reason": sentence_of(reason)},
        )
        for one, outcome, reason, _code in verdicts
        if outcome is Outcome.FAILED and reason != one.told_reason
    ]
    return notify(notices=notices, at=at) if notices else 0
