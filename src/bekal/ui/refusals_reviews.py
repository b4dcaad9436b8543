"""Sentences of refusals about reviews: editing, reporting, deciding, replying."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.purchases.refusals import PurchaseRefusal

REVIEWS: Mapping[str, object] = {
    PurchaseRefusal.UNKNOWN_REVIEW: _("This review does not exist or is not shown any more."),
    PurchaseRefusal.REVIEW_EDIT_CLOSED: _("This review could be changed until %(closed_on)s. It stays as it is."),
    PurchaseRefusal.TOO_MANY_EDITS: _("This text was written %(limit_count)s times. It stays as it is."),
    PurchaseRefusal.OWN_REVIEW: _("This is your own review. You can change it under My trainings."),
    PurchaseRefusal.REVIEW_NOT_HIDDEN: _("This review is shown, so there is nothing to appeal against."),
    PurchaseRefusal.ALREADY_APPEALED: _("You have appealed already. An officer reads it and decides."),
    PurchaseRefusal.NOTE_EMPTY: _("The text is empty. Write at least one sentence."),
    PurchaseRefusal.NOTE_TOO_LONG: _(
        "The text has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PurchaseRefusal.NOTE_UNREADABLE: _("The text has characters that cannot be shown. Type it again."),
    PurchaseRefusal.UNKNOWN_REASON: _("No reason is chosen. Choose one from the list."),
    PurchaseRefusal.REVIEW_CHANGED: _(
        "The review was changed or reported since you opened this page. Read it again, then decide."
    ),
    PurchaseRefusal.ANOTHER_OFFICER: _(
        "You decided about this review before. Only another officer can turn that round or answer the appeal."
    ),
}
