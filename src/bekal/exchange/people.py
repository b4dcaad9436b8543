"""What the files about people have in common: how a person is named, and what a refusal of `participants` says here."""

from bekal.accounts.privacy import blind
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.exchange.staging import Staged
from bekal.exchange.table_fields import MAX_PROBLEMS, Field, FieldError, Value
from bekal.participants.refusals import ParticipantRefusal

# Everybody with a place; `id` of the participation owns the money. And one participant's own rows.
PLACES = "participants_participation place JOIN participants_participant person ON person.id = place.participant_id"
IS_PERSON = "person.id = %(person)s"
# Of what is nobody's own, and the trainings a participant took.
NOBODY = "false"
BOUGHT = """(SELECT purchase.training_id FROM purchases_purchase purchase
    JOIN participants_participation place ON place.id = purchase.participation_id
    WHERE place.participant_id = %(person)s)"""
# Every purchase with its training and whose it is.
PURCHASES = f"""purchases_purchase purchase JOIN catalogue_training training ON training.id = purchase.training_id
    JOIN ({PLACES}) ON place.id = purchase.participation_id"""
_MENDS: dict[str, str] = {
    ParticipantRefusal.NAME_MISSING: "a name is needed",
    ParticipantRefusal.NAME_TOO_LONG: "the name has {length_count} characters, at most {limit_count}: shorten it",
    ParticipantRefusal.NAME_UNREADABLE: "the name holds a character that is no text: remove it",
    ParticipantRefusal.NIK_MALFORMED: "a NIK has 16 digits and begins with the code of a province: correct it",
    ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE: "the digits {digits} of this NIK are no birth date: correct it",
    ParticipantRefusal.BORN_ON_IN_FUTURE: "the person was born before registering: correct this day or registered_at",
    ParticipantRefusal.DISTRICT_UNKNOWN: "no district has this number: import the districts first, or correct it",
    ParticipantRefusal.DISTRICT_ELSEWHERE: "{district} does not lie in {province}: correct one of them",
    ParticipantRefusal.PHONE_MALFORMED: "write an Indonesian mobile number, as 081234567890 or +6281234567890",
    ParticipantRefusal.EMAIL_MALFORMED: "write an e-mail address, as nama@contoh.id",
    ParticipantRefusal.ACCOUNT_NUMBER_MALFORMED: (
        "this is no account number at this partner: BNI has ten digits, the wallets the mobile number from 08"
    ),
    RefusalCode.TOO_YOUNG: "{age_years} years old when accepted, the rules begin at {limit_years}: correct it",
    RefusalCode.TOO_OLD: "{age_years} years old when accepted, the rules end at {limit_years}: correct it",
}


def mend_of(refusal: Refusal) -> str:
    """What to do about a refusal, in the words of a file's author."""
    return _MENDS[refusal.code].format(**refusal.values)


def _nik_of(text: str) -> str:
    bare = text.replace(" ", "").replace(".", "")
    if not (bare.isascii() and bare.isdigit() and len(bare) == 16):
        raise FieldError("a NIK has 16 digits: correct it (a spreadsheet must keep the column as text)")
    return bare


nik = Value(_nik_of, "16 digits")
NIK = Field("nik", nik, required=True, about="Names the person; kept encrypted, found by a keyed hash.")


def hash_of_nik(text: str) -> bytes:
    """By what a person is found in the directory."""
    return blind("nik", text)


def find_people(staged: Staged) -> None:
    """Fill the staged `participant_id` of everyone whose `nik_hash` is known; refuse the lines of the others."""
    staged.write(
        f"""
        UPDATE {staged.table} staged SET participant_id = directory.participant_id
        FROM participants_nikdirectory directory WHERE directory.nik_hash = staged.nik_hash
        """
    )
    staged.refuse(
        "nik",
        "no participant has this NIK: import the participants first, or correct it",
        f"SELECT line FROM {staged.table} WHERE participant_id IS NULL ORDER BY line LIMIT {MAX_PROBLEMS + 1}",
    )
    staged.analyze()
