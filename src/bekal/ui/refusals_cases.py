"""Why contested evidence is not decided, as sentences for officers."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.purchases.refusals import CaseRefusal

CASES: Mapping[str, object] = {
    CaseRefusal.VERDICT_UNKNOWN: _("Say which side is right: choose one of the two."),
    CaseRefusal.DECISION_REASON_EMPTY: _("Say why. Both sides read it; write nothing personal."),
    CaseRefusal.DECISION_REASON_UNREADABLE: _("The reason has characters that cannot be shown. Type it again."),
    CaseRefusal.DECISION_REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    CaseRefusal.CASES_NONE: _("No open case is left to decide. Open the list again."),
    CaseRefusal.CASES_TOO_MANY: _("At most %(limit_count)s cases are decided at once. Choose fewer."),
    CaseRefusal.CASES_CHANGED: _("The cases are not those you saw. Look at the new list, then propose again."),
    CaseRefusal.CASE_CLOSED: _("This case is closed already."),
    CaseRefusal.CASE_CHANGED: _("Something new was said since the decision was proposed. Look at the case again."),
    CaseRefusal.RULING_NOT_FOUND: _("There is no decision %(ruling_id)s. Check the number."),
    CaseRefusal.RULING_CLOSED: _("Decision %(ruling_id)s was confirmed or dropped before. Nothing is left to do."),
    CaseRefusal.RULING_CHANGED: _("Decision %(ruling_id)s is not the one you saw. Open it again, then decide."),
    CaseRefusal.RULING_SAME_PERSON: _("You proposed this decision, so another officer must confirm it."),
}
