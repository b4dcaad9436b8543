"""The file of participants: people, their place in a wave, and the money committed to them, set by set.

No verb takes years of history at once, so this loads by sets what `register` and `accept` would have written one day
after another, by the same rules: their own checks, the scheme of the day of acceptance, the places of the wave.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from bekal.accounts.privacy import encrypt
from bekal.core.entitlement import refusal_to_accept
from bekal.core.money import format_rupiah
from bekal.core.refusal import Refusal
from bekal.core.rules import RULES, RuleError, Scheme
from bekal.core.text import tidy
from bekal.exchange import participants_sql as sql
from bekal.exchange.choices import EDUCATIONS, EMPLOYMENTS, SEXES
from bekal.exchange.districts import province
from bekal.exchange.kind import Kind, Loaded
from bekal.exchange.people import NIK, hash_of_nik, mend_of
from bekal.exchange.progress import Progress
from bekal.exchange.staging import RowError, staged_file
from bekal.exchange.table_fields import ColumnMap, Field, birth_date, instant, one_of, rupiah, text_field, whole_number
from bekal.ledger.clock import programme_day
from bekal.participants.models import District, Wave
from bekal.participants.open_wave import MAX_COUNT
from bekal.participants.refusals import ParticipantRefusal
from bekal.participants.register import NAME_LIMIT_COUNT, refusal_of_district, refusal_of_name, refusal_of_nik

MAX_ROWS = 30_000_000
FIELDS: tuple[Field, ...] = (
    NIK,
    Field(
        "full_name",
        text_field,
        required=True,
        max_characters=NAME_LIMIT_COUNT,
        about="As on the identity card.",
        exact=True,
    ),
    Field("sex", one_of(SEXES), required=True, about="As on the identity card; never changed by a later file."),
    Field("born_on", birth_date, required=True, about="The day of birth; never changed by a later file."),
    Field("education", one_of(EDUCATIONS), required=True, about="The highest school finished."),
    Field("employment", one_of(EMPLOYMENTS), required=True, about="At registration."),
    Field("province", province, required=True, about="Where the person lives."),
    Field("district", text_field, max_characters=100, about="Regency or city: its number, or its name there."),
    Field("registered_at", instant, about="Without it the instant of acceptance, of an applicant that of the import."),
    Field("wave", whole_number(1, MAX_COUNT), about="The number of the wave of acceptance; blank: an applicant."),
    Field("accepted_at", instant, about="Decides by whose rules the person lives; blank: an applicant."),
    Field(
        "training_balance_rupiah",
        rupiah,
        about="What is left of the training balance of somebody whose purchases and payments are not imported. This "
        "and the next two stand together; blank, the whole envelope of the rules is committed at acceptance.",
    ),
    Field("incentives_left_count", whole_number(0, 100), about="How many incentive instalments are still to be paid."),
    Field("surveys_left_count", whole_number(0, 100), about="How many paid surveys are still to be paid."),
    Field("opened_at", instant, about="When those three held; without it the instant of the import."),
)
COLUMNS: Mapping[str, str] = {
    "nik_hash": "bytea NOT NULL",
    "nik_encrypted": "bytea",
    "full_name": "text",
    "sex": "text",
    "born_on": "date",
    "education": "smallint",
    "employment": "smallint",
    "province": "smallint",
    "district_id": "integer",
    "registered_at": "timestamptz",
    "wave": "integer",
    "accepted_at": "timestamptz",
    "accepted_on": "date",
    "first_purchase_due_on": "date",
    "balance_ends_on": "date",
    "opened_at": "timestamptz",
    "opened_at_given": "boolean",
    "bought_before": "boolean",
    "incentives_paid_before_count": "smallint",
    "surveys_paid_before_count": "smallint",
    "training_rupiah": "bigint",
    "incentive_rupiah": "bigint",
    "survey_rupiah": "bigint",
    "participant_id": "bigint",
    "participation_id": "bigint",
    "is_new": "boolean NOT NULL",
    "is_accepted_now": "boolean NOT NULL",
}
OPENING = ("training_balance_rupiah", "incentives_left_count", "surveys_left_count")


def load(path: Path, column_map: ColumnMap, *, at: datetime, dry_run: bool, progress: Progress) -> Loaded:
    """Add people who are new, change what may change of those who are known, accept who was accepted."""
    rows = _Rows(at)
    with staged_file(
        path,
        FIELDS,
        column_map,
        columns=COLUMNS,
        row_of=rows.staged,
        max_rows=MAX_ROWS,
        dry_run=dry_run,
        progress=progress,
    ) as staged:
        sql.check(staged)
        if staged.is_sound:
            staged.counts = sql.write(staged, at, progress)
            sql.note_unreachable(staged)
    return Loaded(staged.counts, staged.findings)


KIND = Kind(
    "participants",
    "People: who they are, when they were accepted into which wave, and what is left for them if their history stays "
    "in another system.",
    FIELDS,
    MAX_ROWS,
    load,
)


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What is committed to one person, in rupiah, and what had happened before it was taken over."""

    training_rupiah: int
    incentive_rupiah: int
    survey_rupiah: int
    opened_at: datetime | None = None
    opened_at_given: bool = False
    bought_before: bool = False
    incentives_paid_before_count: int = 0
    surveys_paid_before_count: int = 0


@lru_cache(maxsize=4096)
def _scheme(accepted_on: date) -> Scheme:
    return RULES.scheme(accepted_on)


class _Rows:
    """Judges one row alone, against the waves and districts there are."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._waves = {wave.number: wave for wave in Wave.objects.order_by("number")}
        self._districts = District.objects.in_bulk()
        self._district_ids: dict[str, list[District]] = {}
        for district in self._districts.values():
            self._district_ids.setdefault(district.name.casefold(), []).append(district)

    def staged(self, values: Mapping[str, Any]) -> tuple[object, ...]:
        """The row in the order of COLUMNS. Raises RowError with all that is wrong."""
        wrong: list[tuple[str, str]] = []
        registered_at, accepted_at = values.get("registered_at"), values.get("accepted_at")
        today = programme_day(registered_at or accepted_at or self._at)
        for column, refusal in (
            ("nik", refusal_of_nik(values["nik"], today)),
            ("full_name", refusal_of_name(values["full_name"])),
        ):
            if refusal is not None:
                wrong.append((column, mend_of(refusal)))
        if values["born_on"] >= today:
            wrong.append(("born_on", mend_of(Refusal(ParticipantRefusal.BORN_ON_IN_FUTURE))))
        district_id = self._district(values, wrong)
        for column in ("registered_at", "accepted_at", "opened_at"):
            if values.get(column) and values[column] > self._at:
                wrong.append((column, "this instant has not come yet: correct it"))
        scheme = self._scheme_of(values, wrong)
        envelope = self._envelope(values, scheme, wrong)
        if wrong:
            raise RowError(wrong)
        return (
            hash_of_nik(values["nik"]),
            encrypt(values["nik"]),
            tidy(values["full_name"]),
            values["sex"],
            values["born_on"],
            values["education"],
            values["employment"],
            values["province"],
            district_id,
            registered_at,
            values.get("wave"),
            accepted_at,
            scheme.accepted_on if scheme else None,
            scheme.first_purchase_due_on if scheme else None,
            scheme.balance_ends_on if scheme else None,
            envelope.opened_at if envelope else None,
            envelope.opened_at_given if envelope else None,
            envelope.bought_before if envelope else None,
            envelope.incentives_paid_before_count if envelope else None,
            envelope.surveys_paid_before_count if envelope else None,
            envelope.training_rupiah if envelope else None,
            envelope.incentive_rupiah if envelope else None,
            envelope.survey_rupiah if envelope else None,
            None,
            None,
            False,
            False,
        )

    def _district(self, values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> int | None:
        """The number of the district, given by number or by name."""
        text = values.get("district")
        if text is None:
            return None
        if text.isascii() and text.isdigit():
            number = int(text) if len(text) < 10 else 0
        else:
            named = self._district_ids.get(text.casefold(), [])
            near = [d for d in named if refusal_of_district(d.pk, values["province"], self._districts) is None]
            number = (near or named or [District(pk=0)])[0].pk
        refusal = refusal_of_district(number, values["province"], self._districts)
        if refusal is not None:
            wrong.append(("district", mend_of(refusal)))
        return number

    def _scheme_of(self, values: Mapping[str, Any], wrong: list[tuple[str, str]]) -> Scheme | None:
        """The rules of the day of acceptance, if the person was accepted."""
        number, accepted_at = values.get("wave"), values.get("accepted_at")
        if number is None and accepted_at is None:
            return None
        if number is None or accepted_at is None:
            column = "wave" if number is None else "accepted_at"
            wrong.append((column, "wave and accepted_at stand together: write both, or neither for an applicant"))
            return None
        wave, accepted_on = self._waves.get(number), programme_day(accepted_at)
        if wave is None:
            wrong.append(("wave", "no wave has this number: import the waves first, or correct it"))
        elif accepted_on < wave.opens_on:
            wrong.append(("accepted_at", f"wave {number} opened on {wave.opens_on}: correct the day or the wave"))
        if values.get("registered_at") and values["registered_at"] > accepted_at:
            wrong.append(("accepted_at", "this is before registered_at: correct one of them"))
        try:
            scheme = _scheme(accepted_on)
        except RuleError:
            wrong.append(("accepted_at", "there are no rules for this day: correct it"))
            return None
        refusal = refusal_to_accept(born_on=values["born_on"], scheme=scheme)
        if refusal is not None and "born_on" not in dict(wrong):
            wrong.append(("born_on", mend_of(refusal)))
        return scheme

    def _envelope(
        self, values: Mapping[str, Any], scheme: Scheme | None, wrong: list[tuple[str, str]]
    ) -> _Envelope | None:
        """All that the rules give, or what is left of it."""
        given = [name for name in OPENING if values.get(name) is not None]
        if scheme is None:
            if given and values.get("accepted_at") is None:
                wrong.append((given[0], "only who was accepted has something left: write wave and accepted_at, too"))
            return None
        if not given:
            if values.get("opened_at") is not None:
                wrong.append(("opened_at", f"this goes with {', '.join(OPENING)}: write them, or leave it blank"))
            return _Envelope(scheme.training_balance_rupiah, scheme.incentives_rupiah, scheme.surveys_rupiah)
        if len(given) < len(OPENING):
            missing = next(name for name in OPENING if name not in given)
            wrong.append(
                (missing, f"{', '.join(OPENING)} stand together: write this one, too (0 where nothing is left)")
            )
            return None
        balance_rupiah, incentives_left_count, surveys_left_count = (values[name] for name in OPENING)
        limits = (scheme.training_balance_rupiah, scheme.instalment_count, scheme.survey_count)
        for name, limit in zip(OPENING, limits, strict=True):
            if values[name] > limit:
                most = format_rupiah(limit) if name.endswith("_rupiah") else limit
                wrong.append((name, f"the rules of the day of acceptance give at most {most}: correct it"))
        opened_at = values.get("opened_at")
        if opened_at is not None and opened_at < values["accepted_at"]:
            wrong.append(("opened_at", "this is before accepted_at: correct one of them"))
        paid_count = scheme.instalment_count - incentives_left_count
        return _Envelope(
            training_rupiah=balance_rupiah,
            incentive_rupiah=incentives_left_count * scheme.incentive_rupiah,
            survey_rupiah=surveys_left_count * scheme.survey_rupiah,
            opened_at=opened_at or self._at,
            opened_at_given=opened_at is not None,
            bought_before=balance_rupiah < scheme.training_balance_rupiah or paid_count > 0,
            incentives_paid_before_count=paid_count,
            surveys_paid_before_count=scheme.survey_count - surveys_left_count,
        )
