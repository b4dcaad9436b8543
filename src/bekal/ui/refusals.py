"""Every refusal of the house as a sentence in the reader's language: what, which value, how to mend it.

A code without a sentence is a programming error; a test asks for every code of every room.
"""

from collections.abc import Mapping
from datetime import date

from django.utils.translation import gettext_lazy as _

from bekal.catalogue.refusals import SearchRefusal, SettlementStopRefusal
from bekal.core.entitlement import RefusalCode
from bekal.core.refusal import Refusal
from bekal.engagement.refusals import SurveyRefusal
from bekal.messaging.refusals import CodeRefusal
from bekal.participants.refusals import ParticipantRefusal
from bekal.purchases.refusals import PurchaseRefusal
from bekal.recommender.refusals import ModelRefusal
from bekal.ui.display import count, day, rupiah
from bekal.ui.refusals_cases import CASES
from bekal.ui.refusals_certificates import CERTIFICATES
from bekal.ui.refusals_complaints import COMPLAINTS
from bekal.ui.refusals_holds import HOLDS
from bekal.ui.refusals_institution_accounts import INSTITUTION_ACCOUNTS
from bekal.ui.refusals_lifecycle import LIFECYCLE, MASS_RUNS
from bekal.ui.refusals_partners import PARTNERS
from bekal.ui.refusals_payout_accounts import PAYOUT_ACCOUNTS
from bekal.ui.refusals_payouts import PAYOUTS
from bekal.ui.refusals_platforms import PLATFORMS
from bekal.ui.refusals_reviews import REVIEWS
from bekal.ui.refusals_sandbox import SANDBOX
from bekal.ui.refusals_shelf import SALES, SHELF
from bekal.ui.refusals_xapi import XAPI

_RULES: Mapping[str, object] = {
    RefusalCode.TOO_YOUNG: _(
        "The applicant is %(age_years)s years old; at least %(limit_years)s is needed. Apply again after that birthday."
    ),
    RefusalCode.TOO_OLD: _(
        "The applicant is %(age_years)s years old; at most %(limit_years)s is allowed. Check the date of birth."
    ),
    RefusalCode.NOT_PARTICIPATING: _(
        "You are not a participant yet. Only accepted participants can do this; apply in an open wave."
    ),
    RefusalCode.REVOKED: _(
        "Your place in the programme was taken back, so nothing can be bought or earned any more. "
        "The programme office answers questions."
    ),
    RefusalCode.NOT_ON_SALE: _("This training is not on sale. Choose another one."),
    RefusalCode.ALREADY_BOUGHT: _("You have bought this training already. You find it under My trainings."),
    RefusalCode.FIRST_PURCHASE_DEADLINE_PASSED: _(
        "The first training had to be bought by %(deadline_on)s. Nothing can be bought any more."
    ),
    RefusalCode.BALANCE_ENDED: _(
        "The training balance could be used until %(deadline_on)s. What was left has returned to the state treasury."
    ),
    RefusalCode.ABOVE_BALANCE: _(
        "This training costs %(price_rupiah)s and your balance is %(balance_rupiah)s. "
        "Choose a training for %(balance_rupiah)s or less."
    ),
    RefusalCode.HAS_BOUGHT: _("A first training was bought, so the place cannot be taken back for not buying."),
    RefusalCode.DEADLINE_NOT_PASSED: _(
        "The first training can still be bought until %(deadline_on)s. The place can be taken back from the day after."
    ),
}
# “Choose a training for Rp0 or less” would be no help.
_NOTHING_LEFT = _("This training costs %(price_rupiah)s and your balance is used up. Only free trainings fit it.")
_CODES: Mapping[str, object] = {
    CodeRefusal.TOO_MANY_CODES: _(
        "You have asked for %(limit_count)s codes within an hour. "
        "Wait %(wait_minutes)s minutes, then ask for a new one."
    ),
    CodeRefusal.CODE_MALFORMED: _("The code has 6 digits. Type only the digits from the message."),
    CodeRefusal.CODE_NOT_ISSUED: _("There is no code for this purchase. Ask for a new code."),
    CodeRefusal.CODE_WRONG: _(
        "This code is not right. Look at the newest message and type its 6 digits. Tries left: %(attempts_left_count)s."
    ),
    CodeRefusal.CODE_EXPIRED: _("This code is too old: a code works for 10 minutes. Ask for a new code."),
    CodeRefusal.CODE_USED: _("This code has been used. Ask for a new code."),
    CodeRefusal.CODE_BLOCKED: _("A wrong code was typed too often, so this code no longer works. Ask for a new code."),
    CodeRefusal.CODES_PAUSED: _(
        "Too many wrong codes were typed in the whole programme. Try again in %(wait_minutes)s minutes. "
        "Your balance is safe."
    ),
}
_PEOPLE: Mapping[str, object] = {
    ParticipantRefusal.NAME_MISSING: _("The name is empty. Write the full name as on the identity card."),
    ParticipantRefusal.NAME_TOO_LONG: _(
        "The name has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    ParticipantRefusal.NAME_UNREADABLE: _("The name has characters that cannot be shown. Type it again."),
    ParticipantRefusal.NIK_MALFORMED: _("A NIK has exactly 16 digits. Copy it from the identity card."),
    ParticipantRefusal.NIK_BIRTH_DATE_IMPOSSIBLE: _(
        "The digits %(digits)s in the NIK should be a date of birth and are not. Check the NIK."
    ),
    ParticipantRefusal.NIK_TAKEN: _("This NIK is registered already. One person registers once."),
    ParticipantRefusal.BORN_ON_IN_FUTURE: _("The date of birth %(born_on)s is in the future. Check it."),
    ParticipantRefusal.PROFILE_VALUE_UNKNOWN: _(
        "The value “%(value)s” for %(field)s is not on the list. Choose one from the list."
    ),
    ParticipantRefusal.DISTRICT_UNKNOWN: _("No district has the number %(value)s. Choose one from the list."),
    ParticipantRefusal.DISTRICT_ELSEWHERE: _(
        "%(district)s does not lie in %(province)s. Choose the province again, then the district."
    ),
    ParticipantRefusal.PHONE_MALFORMED: _("This is not an Indonesian mobile number. Write it like 0812 3456 7890."),
    ParticipantRefusal.EMAIL_MALFORMED: _("This is not an e-mail address. Write it like nama@contoh.id."),
    ParticipantRefusal.UNKNOWN_PARTICIPANT: _("This participant does not exist. Check the number."),
    ParticipantRefusal.PARTNER_UNKNOWN: _("“%(value)s” is not a payment partner. Choose one from the list."),
    ParticipantRefusal.UNREACHABLE: _(
        "No phone number or e-mail address of yours can receive a code. Ask the programme office to correct it."
    ),
    ParticipantRefusal.UNKNOWN_WAVE: _("This wave does not exist. Check the number."),
    ParticipantRefusal.WAVE_NOT_OPEN_YET: _("The wave opens on %(opens_on)s. Accept people from that day."),
    ParticipantRefusal.WAVE_FULL: _("All %(quota_count)s places of the wave are taken. Open another wave."),
    ParticipantRefusal.ALREADY_ACCEPTED: _("This person was accepted on %(accepted_on)s. One person takes part once."),
    ParticipantRefusal.LOGIN_NAME_MALFORMED: _(
        "A user name has 3 to 150 letters, digits or . _ - characters. Choose another one."
    ),
    ParticipantRefusal.LOGIN_NAME_TAKEN: _("The user name “%(login_name)s” is taken. Choose another one."),
    ParticipantRefusal.HAS_SIGN_IN: _("This person can sign in already."),
    ParticipantRefusal.PASSWORD_UNREADABLE: _(
        "The password has characters that cannot be typed again. Choose another."
    ),
    ParticipantRefusal.PASSWORD_WEAK: _("The password is too easy to guess. %(reason)s"),
}
_PURCHASES: Mapping[str, object] = {
    PurchaseRefusal.UNKNOWN_TRAINING: _("This training does not exist. Choose another one."),
    PurchaseRefusal.PRICE_CHANGED: _(
        "The price has changed from %(seen_rupiah)s to %(price_rupiah)s. Nothing was bought. "
        "Look at the new price, then decide again."
    ),
    PurchaseRefusal.SOLD_OUT: _("Every seat of this training is taken. Choose another one."),
    PurchaseRefusal.UNREACHABLE: _(
        "No phone number or e-mail address of yours can receive a code. Ask the programme office to correct it."
    ),
    PurchaseRefusal.REDEEM_CODE_UNKNOWN: _("This redeem code does not exist. Check each character."),
    PurchaseRefusal.OTHER_INSTITUTION: _("This redeem code is for a training of another institution."),
    PurchaseRefusal.ALREADY_REDEEMED: _("This redeem code was used on %(redeemed_on)s."),
    PurchaseRefusal.UNKNOWN_PURCHASE: _("This purchase does not exist. Check the number."),
    PurchaseRefusal.NOT_REDEEMED: _("The redeem code has not been used yet. Redeem it first."),
    PurchaseRefusal.PURCHASE_ENDED: _(
        "This purchase ended on %(ended_on)s, so nothing more can be recorded of it. "
        "The programme office answers questions."
    ),
    PurchaseRefusal.ALREADY_PROVEN: _(
        "The evidence of this purchase is complete since %(proven_on)s, so it does not end early "
        "and nothing is refunded."
    ),
    PurchaseRefusal.SESSION_OUT_OF_RANGE: _(
        "Session %(sequence)s does not exist: this training has sessions 1 to %(session_count)s."
    ),
    PurchaseRefusal.ATTENDANCE_MISSING: _(
        "%(attended_count)s of %(session_count)s sessions are attended. Record the others first."
    ),
    PurchaseRefusal.PIECE_OF_ANOTHER: _(
        "Evidence of the kind “%(piece)s” cannot come from “%(source)s”. Leave this message out."
    ),
    PurchaseRefusal.NOT_REVIEWED: _("No review has been written for this purchase. Write it first."),
    PurchaseRefusal.PERCENT_MISSING: _("Progress needs a percentage. Add percent, from 0 to 100."),
    PurchaseRefusal.PERCENT_WITHOUT_MEANING: _(
        "Evidence of the kind “%(piece)s” has no percentage. Leave percent out; progress and completion have one."
    ),
    PurchaseRefusal.PERCENT_OUT_OF_RANGE: _("The percentage is %(percent)s; it goes from 0 to 100. Correct it."),
    PurchaseRefusal.REVISION_OUT_OF_RANGE: _(
        "The revision is %(revision)s; revisions go from 1 to %(limit_count)s. Correct it."
    ),
    PurchaseRefusal.REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PurchaseRefusal.REASON_UNREADABLE: _("The reason has characters that cannot be shown. Type it again."),
    PurchaseRefusal.HAPPENED_IN_FUTURE: _("It happened on %(happened_on)s, which is in the future. Correct the time."),
    PurchaseRefusal.HAPPENED_BEFORE_PURCHASE: _(
        "It happened on %(happened_on)s, before the purchase of %(bought_on)s. Correct the time."
    ),
    PurchaseRefusal.NOT_COMPLETED: _("This training is not completed yet. A review can be written after completion."),
    PurchaseRefusal.ALREADY_REVIEWED: _("You have reviewed this training already. A review is written once."),
    PurchaseRefusal.RATING_OUT_OF_RANGE: _("The rating is %(rating)s; choose 1, 2, 3, 4 or 5 stars."),
    PurchaseRefusal.REVIEW_EMPTY: _("The review is empty. Write at least one sentence."),
    PurchaseRefusal.REVIEW_TOO_LONG: _(
        "The review has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PurchaseRefusal.REVIEW_UNREADABLE: _("The review has characters that cannot be shown. Type it again."),
}
_SURVEYS: Mapping[str, object] = {
    SurveyRefusal.SURVEY_UNKNOWN: _("There is no survey %(survey_number)s for you. Choose one from the list."),
    SurveyRefusal.SURVEY_NOT_OPEN: _("Survey %(survey_number)s opens on %(opens_on)s. Answer it from that day."),
    SurveyRefusal.ALREADY_ANSWERED: _(
        "You answered survey %(survey_number)s on %(answered_on)s. A survey is answered once."
    ),
    SurveyRefusal.ANSWER_MISSING: _("The question “%(question)s” has no answer. Choose one."),
    SurveyRefusal.ANSWER_UNKNOWN: _(
        "“%(value)s” is no answer to the question “%(question)s”. Choose one from its list."
    ),
    SurveyRefusal.ANSWER_NOT_ASKED: _(
        "The question “%(question)s” is not asked after these answers. Leave its answer out."
    ),
}
_SURVEY_DAY_UNKNOWN = _(
    "Survey %(survey_number)s is not open yet, and its day is not known yet. The list says what it waits for."
)
_SEARCH: Mapping[str, object] = {
    SearchRefusal.SEARCH_TOO_LONG: _(
        "The search has %(length_count)s characters; at most %(limit_count)s fit. Use fewer words."
    ),
    SearchRefusal.SEARCH_NOT_TEXT: _("The search has characters that cannot be read. Type it again."),
}
_INSTITUTIONS: Mapping[str, object] = {
    SettlementStopRefusal.UNKNOWN_INSTITUTION: _("This institution does not exist. Check the number."),
    SettlementStopRefusal.STOP_REASON_EMPTY: _("The reason is empty. Say why the settlement is stopped."),
    SettlementStopRefusal.STOP_REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    SettlementStopRefusal.STOP_REASON_UNREADABLE: _(
        "The reason has characters that cannot be shown. Type it again, on one line."
    ),
    SettlementStopRefusal.ALREADY_STOPPED: _(
        "The settlement is stopped since %(stopped_on)s: %(reason)s. Resume it before you stop it for another reason."
    ),
}
_MODELS: Mapping[str, object] = {
    ModelRefusal.VERSION_NOT_FOUND: _("Model %(version_id)s does not exist. Check the number."),
    ModelRefusal.NOT_READABLE: _(
        "Model %(version_id)s has a format that this version of Bekal cannot read. Fit a new model."
    ),
    ModelRefusal.NOT_EXAMINED: _("Model %(version_id)s was not examined yet. Examine it first."),
    ModelRefusal.NOT_PASSED: _(
        "Model %(version_id)s did not pass its newest examination. Read the report, and fit another model."
    ),
    ModelRefusal.ALREADY_PROPOSED: _("You have proposed model %(version_id)s already. Another officer has to agree."),
    ModelRefusal.NOT_PROPOSED: _("Nobody has proposed model %(version_id)s. Propose it; another officer has to agree."),
    ModelRefusal.SAME_PERSON: _("You have proposed model %(version_id)s yourself. Another officer has to agree."),
    ModelRefusal.ALREADY_SERVES: _("Model %(version_id)s serves already."),
    ModelRefusal.NEVER_SERVED: _(
        "Model %(version_id)s has never served, so there is no way back to it. Propose it instead."
    ),
    ModelRefusal.NOTHING_SERVES: _("No model serves, so there is nothing to roll back."),
    ModelRefusal.NOTHING_BEFORE: _("No model served before this one, so there is nothing to return to."),
}
SENTENCES: Mapping[str, object] = {
    **MASS_RUNS,
    **_MODELS,
    **_INSTITUTIONS,
    **_SEARCH,
    **_RULES,
    **_CODES,
    **_PEOPLE,
    **_PURCHASES,
    **CASES,
    **INSTITUTION_ACCOUNTS,
    **CERTIFICATES,
    **PAYOUTS,
    **_SURVEYS,
    **LIFECYCLE,
    **COMPLAINTS,
    **HOLDS,
    **PAYOUT_ACCOUNTS,
    **REVIEWS,
    **PARTNERS,
    **PLATFORMS,
    **XAPI,
    **SALES,
    **SHELF,
    **SANDBOX,
}


def sentence(refusal: Refusal) -> str:
    """The refusal in the reader's language. Raises KeyError for a code that nobody has given a sentence."""
    if refusal.code == RefusalCode.ABOVE_BALANCE and refusal.values["balance_rupiah"] == 0:
        return str(_NOTHING_LEFT) % {"price_rupiah": _shown("price_rupiah", refusal.values["price_rupiah"])}
    shown = {name: _shown(name, value) for name, value in refusal.values.items()}
    if refusal.code == SurveyRefusal.SURVEY_NOT_OPEN and refusal.values["opens_on"] is None:
        return str(_SURVEY_DAY_UNKNOWN) % shown
    return str(SENTENCES[refusal.code]) % shown


def _shown(name: str, value: int | str | date | None) -> str:
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int) and name.endswith("_rupiah"):
        return rupiah(value)
    if isinstance(value, int) and name.endswith(("_count", "_bytes")):
        return count(value)
    return str(value)
