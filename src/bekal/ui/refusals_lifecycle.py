"""The sentences of refusals about clawbacks, repayments and runs over many people."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.lifecycle.refusals import LifecycleRefusal, MassRefusal

LIFECYCLE: Mapping[str, object] = {
    LifecycleRefusal.PARTICIPATION_UNKNOWN: _("Participation %(participation_id)s does not exist. Check the number."),
    LifecycleRefusal.CAUSE_UNKNOWN: _("“%(value)s” is no cause of a clawback. Choose one from the list."),
    LifecycleRefusal.EXPLANATION_EMPTY: _("The explanation is empty. Say what was found, in plain words."),
    LifecycleRefusal.EXPLANATION_TOO_LONG: _(
        "The explanation has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    LifecycleRefusal.EXPLANATION_UNREADABLE: _("The explanation has characters that cannot be shown. Type it again."),
    LifecycleRefusal.CLAWBACK_STANDING: _(
        "Clawback %(clawback_id)s of this participation is standing already. Withdraw it before you decide another one."
    ),
    LifecycleRefusal.NOTHING_RECEIVED: _(
        "Participation %(participation_id)s has received nothing and holds nothing, so nothing can be taken back. "
        "Check the number."
    ),
    LifecycleRefusal.CLAWBACK_NOT_FOUND: _("Clawback %(clawback_id)s does not exist. Check the number."),
    LifecycleRefusal.CLAWBACK_APPROVED: _("Clawback %(clawback_id)s is approved already."),
    LifecycleRefusal.CLAWBACK_WITHDRAWN: _(
        "Clawback %(clawback_id)s was withdrawn. Decide a new one, if it is needed."
    ),
    LifecycleRefusal.CLAWBACK_SAME_PERSON: _(
        "You decided clawback %(clawback_id)s, so another officer must approve it."
    ),
    LifecycleRefusal.AMOUNTS_CHANGED: _(
        "%(decided_rupiah)s was decided, and by now it would be %(now_rupiah)s: money has moved since. "
        "Withdraw this clawback and decide it anew."
    ),
    LifecycleRefusal.PAYOUT_UNDER_WAY: _(
        "A payout of this person is under way in payout run %(run_id)s. Wait until the partner has answered it, "
        "or cancel the run if it was not sent."
    ),
    LifecycleRefusal.WITHDRAWAL_NOT_ASKED: _(
        "Nobody asks any more to withdraw clawback %(clawback_id)s. Open it again, and ask if it is needed."
    ),
    LifecycleRefusal.WITHDRAWAL_CHANGED: _(
        "The reason or the amounts of the withdrawal of clawback %(clawback_id)s are not the ones you saw. "
        "Open it again, then decide."
    ),
    LifecycleRefusal.WITHDRAWAL_SAME_PERSON: _(
        "You asked for clawback %(clawback_id)s to be withdrawn, so another officer must agree."
    ),
    LifecycleRefusal.CLAWBACK_NOT_APPROVED: _(
        "Clawback %(clawback_id)s is not approved, so nothing is owed yet. A second officer must approve it first."
    ),
    LifecycleRefusal.REFERENCE_MALFORMED: _(
        "“%(value)s” is not the number of a receipt. Write its letters and digits, at most %(limit_count)s characters."
    ),
    LifecycleRefusal.REFERENCE_USED: _(
        "Receipt %(reference)s is recorded with %(received_rupiah)s received on %(received_on)s. "
        "Check the number, the amount and the day."
    ),
    LifecycleRefusal.REFERENCE_OF_ANOTHER: _(
        "Receipt %(reference)s is recorded for clawback %(clawback_id)s. "
        "One receipt is one repayment: check the number."
    ),
    LifecycleRefusal.REPAYMENT_NOT_POSITIVE: _("%(amount_rupiah)s cannot be paid back. Write whole rupiah above 0."),
    LifecycleRefusal.ABOVE_OUTSTANDING: _(
        "%(amount_rupiah)s is more than what is outstanding, %(outstanding_rupiah)s. "
        "Record what was owed; the treasury gives the rest back."
    ),
    LifecycleRefusal.RECEIVED_IN_FUTURE: _("%(received_on)s is still to come. Write the day on the receipt."),
    LifecycleRefusal.RECEIVED_TOO_EARLY: _(
        "%(received_on)s is before the clawback was approved on %(approved_on)s. Check the day on the receipt."
    ),
    LifecycleRefusal.YEAR_CLOSED: _(
        "Your year in the programme was closed on %(closed_on)s, so nothing more can be earned. "
        "What you had earned before is still paid to you."
    ),
}
MASS_RUNS: Mapping[str, object] = {
    MassRefusal.NOTHING_DUE: _(
        "Nobody is due for this now, so nothing was planned. Look again when a deadline has passed."
    ),
    MassRefusal.RUN_OPEN: _(
        "Mass run %(run_id)s of the same kind is open. Let it finish, cancel it or have it stopped, then plan anew."
    ),
    MassRefusal.RUN_NOT_FOUND: _("Mass run %(run_id)s does not exist. Check the number."),
    MassRefusal.RUN_CANCELLED: _("Mass run %(run_id)s was cancelled. Plan a new one."),
    MassRefusal.RUN_FINISHED: _("Mass run %(run_id)s is done, so nothing is left to cancel or to stop."),
    MassRefusal.ALREADY_APPROVED: _(
        "Mass run %(run_id)s is approved already. It is worked off and cannot be cancelled; two officers can stop it."
    ),
    MassRefusal.NO_APPROVAL_NEEDED: _("Mass run %(run_id)s needs no approval. It is worked off by itself."),
    MassRefusal.SAME_PERSON: _("You planned mass run %(run_id)s, so another officer must approve it."),
    MassRefusal.LIST_CHANGED: _("The list of mass run %(run_id)s is not the one you saw. Open it again, then decide."),
    MassRefusal.LEDGER_NOT_PROVED: _(
        "The ledger was not proved within the last %(hours_count)s hours, so mass run %(run_id)s pays nobody. "
        "Press “Prove now” on the ledger page, wait for its result, then approve."
    ),
    MassRefusal.LEDGER_DIFFERENCE: _(
        "The last proof of the ledger found a difference, so mass run %(run_id)s pays nobody. "
        "Clear it up, prove again, then approve."
    ),
    MassRefusal.RUN_STOPPED: _("Mass run %(run_id)s was stopped. Plan a new one for whoever is left."),
    MassRefusal.NOT_APPROVED: _("Nobody has approved mass run %(run_id)s, so it is not stopped. Cancel it instead."),
    MassRefusal.STOP_REASON_EMPTY: _("The reason is empty. Say why the run has to be stopped."),
    MassRefusal.STOP_REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    MassRefusal.STOP_REASON_UNREADABLE: _("The reason has characters that cannot be shown. Type it again."),
    MassRefusal.STOP_NOT_ASKED: _(
        "Nobody asks any more to stop mass run %(run_id)s. Open it again, and ask if it is needed."
    ),
    MassRefusal.STOP_CHANGED: _(
        "The reason to stop mass run %(run_id)s is not the one you saw. Open it again, then decide."
    ),
    MassRefusal.STOP_SAME_PERSON: _("You asked for mass run %(run_id)s to be stopped, so another officer must agree."),
    MassRefusal.WAVE_MISSING: _("No wave was named. Choose the wave that is to be accepted."),
    MassRefusal.YEAR_UNKNOWN: _("No year of the programme was named. Choose one from %(first_year)s to %(last_year)s."),
}
