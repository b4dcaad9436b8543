"""The one thing that Beranda asks for next. One at a time: a list of ten asks for nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext

from bekal.incentives.queries import NextStep
from bekal.ui.display import day, days, rupiah
from bekal.web.calendar import Calendar
from bekal.web.purchases import Bought, Stage
from bekal.web.reader import Reader, Standing
from bekal.web.surveys import SurveyCard


@dataclass(frozen=True, slots=True)
class NextThing:
    """What to do, why, and the button that does it (`label` empty: nothing to press); tone sun, bad, good or info."""

    title: str
    text: str
    label: str
    address: str
    icon: str
    tone: str = "sun"


def next_thing(
    reader: Reader, bought: Sequence[Bought], calendar: Calendar, surveys: Sequence[SurveyCard] = ()
) -> NextThing:
    """By urgency: what is over, what lapses, what holds the incentive back, what else could be done."""
    return (
        _what_is_over(reader)
        or _first_training(reader)
        or _refused_payment(calendar)
        or _own_evidence(bought)
        or _own_sessions(bought)
        or _account(calendar)
        or _code_to_redeem(bought)
        or _balance_to_use(reader)
        or _survey(surveys)
        or _waiting(bought)
    )


def _what_is_over(reader: Reader) -> NextThing | None:
    if reader.participation is not None and reader.participation.clawed_back_at is not None:
        title = gettext("Your place was taken back")
        text = gettext("Above you read why, and whether something has to be paid back. You can object.")
        return NextThing(title, text, gettext("Whom do I ask?"), reverse("web:help") + "#wrong", "info", "bad")
    if reader.standing is Standing.REVOKED:
        title = gettext("Your place was taken back")
        text = gettext(
            "No training was bought in time. The balance and the incentive have returned to the state treasury."
        )
        return NextThing(title, text, gettext("Read what this means"), reverse("web:help") + "#revoked", "info", "bad")
    if reader.standing is Standing.MISSED and reader.participation:
        values = {"due_on": day(reader.participation.first_purchase_due_on)}
        title = gettext("The deadline for your first training has passed")
        text = gettext("It was %(due_on)s. Nothing can be bought any more, and the place will be taken back.") % values
        return NextThing(title, text, gettext("Read what this means"), reverse("web:help") + "#revoked", "info", "bad")
    return None


def _first_training(reader: Reader) -> NextThing | None:
    if reader.standing is not Standing.FIRST or reader.participation is None:
        return None
    due_on = reader.participation.first_purchase_due_on
    left = (due_on - reader.today).days
    title = gettext("Buy your first training by %(due_on)s") % {"due_on": day(due_on)}
    if left == 0:
        text = gettext("Today is the last day. After today you lose your place, the balance and the incentive.")
    else:
        text = gettext("%(days)s left. After that day you lose your place, the balance and the incentive.")
        text %= {"days": days(left)}
    return NextThing(title, text, gettext("Find a training"), reverse("web:trainings"), "clock")


def _refused_payment(calendar: Calendar) -> NextThing | None:
    if calendar.step is not NextStep.CHECK_ACCOUNT:
        return None
    if calendar.has_come_back:
        title = gettext("A payment came back")
        text = gettext("The bank or wallet sent your incentive back to us. Check your account; then we send it again.")
    else:
        title = gettext("A payment was refused")
        text = gettext("The bank or wallet did not take your incentive. Check your account; then we send it again.")
    return NextThing(title, text, gettext("See why"), reverse("web:incentives"), "alert", "bad")


def _own_evidence(bought: Sequence[Bought]) -> NextThing | None:
    each = next((each for each in bought if each.stage is Stage.TO_REVIEW), None)
    if each is None:
        return None
    title = gettext("Rate and review “%(title)s”") % {"title": each.line.title}
    if any(other.stage is Stage.DONE for other in bought):
        text = gettext("You have finished it. Your review helps others to choose.")
    else:
        text = gettext("You have finished it. Your incentive waits for your rating and review.")
    address = reverse("web:purchase", args=[each.line.purchase_id]) + "#review"
    return NextThing(title, text, gettext("Write my review"), address, "star")


def _own_sessions(bought: Sequence[Bought]) -> NextThing | None:
    each = next((each for each in bought if each.asks_for_sessions), None)
    if each is None:
        return None
    title = gettext("Say whether you were there: “%(title)s”") % {"title": each.line.title}
    text = gettext("Your incentive waits for your answer about each session.")
    address = reverse("web:purchase", args=[each.line.purchase_id]) + "#sessions"
    return NextThing(title, text, gettext("Answer now"), address, "check")


def _account(calendar: Calendar) -> NextThing | None:
    if calendar.step is not NextStep.SET_ACCOUNT:
        return None
    title = gettext("Where should we pay your incentive?")
    text = gettext("Your incentive is earned. We need a bank account or a wallet in your own name.")
    return NextThing(title, text, gettext("Add my account"), reverse("web:payout_account"), "cash")


def _code_to_redeem(bought: Sequence[Bought]) -> NextThing | None:
    each = next((each for each in bought if each.stage is Stage.TO_REDEEM), None)
    if each is None:
        return None
    title = gettext("Start “%(title)s”") % {"title": each.line.title}
    text = gettext("Give your redeem code to %(institution)s to begin.") % {"institution": each.line.institution_name}
    address = reverse("web:purchase", args=[each.line.purchase_id])
    return NextThing(title, text, gettext("See my redeem code"), address, "key")


def _balance_to_use(reader: Reader) -> NextThing | None:
    if not reader.may_spend or reader.balance_rupiah == 0 or reader.participation is None:
        return None
    values = {
        "balance": rupiah(reader.balance_rupiah),
        "days": days(reader.days_left),
        "ends_on": day(reader.participation.balance_ends_on),
    }
    title = gettext("Use your %(balance)s for one more training") % values
    if reader.days_left == 0:
        text = gettext("Today is the last day. What is left returns to the state treasury.")
    else:
        text = gettext("%(days)s left. What is left after %(ends_on)s returns to the state treasury.") % values
    return NextThing(title, text, gettext("See spending plans"), "#plans", "bag")


def _survey(surveys: Sequence[SurveyCard]) -> NextThing | None:
    card = next((card for card in surveys if card.is_open), None)
    if card is None:
        return None
    values = {"title": card.title, "pay": rupiah(card.entry.line.amount_rupiah)}
    title = gettext("Answer the survey “%(title)s”") % values
    text = gettext("It has a few short questions. You receive %(pay)s for it.") % values
    return NextThing(title, text, gettext("Answer the survey"), reverse("web:survey", args=[card.number]), "message")


def _waiting(bought: Sequence[Bought]) -> NextThing:
    learning = next((each for each in bought if each.stage is Stage.LEARNING), None)
    if learning is not None:
        title = gettext("Go on with “%(title)s”") % {"title": learning.line.title}
        values = {"attended": learning.line.attended_count, "sessions": learning.line.session_count}
        text = gettext("%(attended)s of %(sessions)s sessions attended.") % values
        address = reverse("web:purchase", args=[learning.line.purchase_id])
        return NextThing(title, text, gettext("See what is missing"), address, "book", "info")
    contested = next((each for each in bought if each.stage is Stage.CONTESTED), None)
    if contested is not None:
        title = gettext("Somebody looks at the proof of “%(title)s”") % {"title": contested.line.title}
        text = gettext("What is said of it does not agree. You need to do nothing; you can still correct your answers.")
        address = reverse("web:purchase", args=[contested.line.purchase_id])
        return NextThing(title, text, gettext("See what is contested"), address, "clock", "info")
    title = gettext("All done for now")
    text = gettext("You need to do nothing. We tell you when there is something new.")
    return NextThing(title, text, "", "", "done", "good")
