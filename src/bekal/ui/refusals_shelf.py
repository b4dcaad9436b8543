"""What the catalogue's life cycle says no to, as sentences."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.catalogue.refusals import SaleRefusal, ShelfRefusal

SALES: Mapping[str, object] = {
    SaleRefusal.SALE_SUSPENDED: _(
        "The programme office has suspended the sale of this training. Choose another one; "
        "what was bought before stays."
    ),
    SaleRefusal.INSTITUTION_NOT_ACCREDITED: _(
        "The institution of this training is not accredited, so it cannot be bought. Choose another one."
    ),
    SaleRefusal.INSTITUTION_EXPIRED: _(
        "The accreditation of the institution ended on %(until_on)s, so the training cannot be bought any more. "
        "Choose another one."
    ),
    SaleRefusal.PLATFORM_NOT_REGISTERED: _(
        "The platform that sells this training is not registered, so it cannot be bought. Choose another one."
    ),
    SaleRefusal.PLATFORM_EXPIRED: _(
        "The registration of the platform ended on %(until_on)s, so the training cannot be bought any more. "
        "Choose another one."
    ),
}
SHELF: Mapping[str, object] = {
    ShelfRefusal.SUBJECT_UNKNOWN: _("Nothing in the catalogue has the number %(value)s. Check it."),
    ShelfRefusal.REASON_EMPTY: _("The reason is empty. Say in a sentence why; those whom it concerns read it."),
    ShelfRefusal.REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    ShelfRefusal.REASON_UNREADABLE: _("The reason has characters that cannot be shown. Type it again, on one line."),
    ShelfRefusal.NOT_AN_OFFICER: _("Only an officer of the programme decides this."),
    ShelfRefusal.NUMBER_MISSING: _("The number is empty. Write the number on the letter of accreditation."),
    ShelfRefusal.NUMBER_UNREADABLE: _(
        "The number has more than %(limit_count)s characters, or some that cannot be shown. Copy it from the letter."
    ),
    ShelfRefusal.DAYS_REVERSED: _("The last day, %(until_on)s, lies before the first, %(from_on)s. Check both."),
    ShelfRefusal.ALREADY_SUSPENDED: _(
        "It is suspended since %(suspended_on)s: %(reason)s. Lift that first to suspend it for another reason."
    ),
    ShelfRefusal.NOT_SUSPENDED: _("This suspension is lifted already, or there is none. Open the list again."),
    ShelfRefusal.LIFTED_BY_ANOTHER: _("You suspended this yourself, so another officer must lift it."),
    ShelfRefusal.OWNER_NAME_UNREADABLE: _(
        "The owner's name is empty, has more than %(limit_count)s characters, or some that cannot be shown. "
        "Write it as in the register."
    ),
    ShelfRefusal.SHARE_OUT_OF_RANGE: _(
        "“%(value)s” is not a share. Write a percentage above 0 and up to 100, for example 51 or 33.5."
    ),
    ShelfRefusal.SHARES_ABOVE_WHOLE: _(
        "Others hold %(value)s percent already, so all shares together would be more than 100. "
        "End a share that has passed on first."
    ),
    ShelfRefusal.OWNS_ITSELF: _("Nobody owns itself. Choose another owner."),
    ShelfRefusal.OWNERSHIP_ENDED: _("This share ended on %(until_on)s already."),
    ShelfRefusal.OWNERSHIP_DAYS_REVERSED: _(
        "The last day, %(until_on)s, lies before the first, %(since_on)s. Check it."
    ),
    ShelfRefusal.INTEREST_OWN: _("Your own interest is declared over by another officer."),
    ShelfRefusal.INTEREST_KNOWN: _("This interest is declared already, or over already."),
    ShelfRefusal.TITLE_UNREADABLE: _(
        "The title is empty, has more than %(limit_count)s characters, or some that cannot be shown. Shorten it."
    ),
    ShelfRefusal.DESCRIPTION_UNREADABLE: _(
        "The description has more than %(limit_count)s characters, or some that cannot be shown. Shorten it."
    ),
    ShelfRefusal.PRICE_OUT_OF_RANGE: _(
        "The price is %(value_rupiah)s; whole rupiah between Rp0 and %(limit_rupiah)s are possible."
    ),
    ShelfRefusal.FIELD_OUT_OF_RANGE: _(
        "%(field)s is %(value)s; whole numbers from %(lowest)s to %(highest)s are possible."
    ),
    ShelfRefusal.CHOICE_UNKNOWN: _("The value “%(value)s” for %(field)s is not on the list. Choose one from the list."),
    ShelfRefusal.PROVINCE_MISSING: _("A training on site takes place in a province. Choose it."),
    ShelfRefusal.CODE_MALFORMED: _(
        "“%(value)s” is no code of a training. Use up to 60 letters, digits and . - / _ without spaces."
    ),
    ShelfRefusal.CODE_TAKEN: _(
        "The code “%(value)s” belongs to a training of another institution. Choose another code."
    ),
    ShelfRefusal.SEATS_SOLD: _("%(sold_count)s seats are sold. Write that many or more, or leave it blank."),
    ShelfRefusal.SESSIONS_DATED: _("Session %(dated_count)s has a date. Write that many sessions or more."),
    ShelfRefusal.SUBMISSION_UNKNOWN: _("This submission does not exist. Open the list again."),
    ShelfRefusal.NOT_WAITING: _("This submission does not wait for a decision any more. Open it again."),
    ShelfRefusal.SUBMISSION_CHANGED: _("The submission is not the one you saw. Read it again, then decide."),
    ShelfRefusal.VERDICT_UNKNOWN: _("“%(value)s” is no decision. Approve it, or return it."),
    ShelfRefusal.CRITERIA_MISSING: _(
        "%(met_count)s of %(all_count)s criteria are met. A training is approved with all of them; else return it."
    ),
    ShelfRefusal.OWN_INTEREST: _(
        "You are bound to this training's institution or platform (%(via)s), so another officer must decide."
    ),
    ShelfRefusal.SESSION_UNKNOWN: _("This training has sessions 1 to %(session_count)s. Choose one of them."),
    ShelfRefusal.SESSION_UNDATED: _("This session has no date, so there is nothing to call off."),
    ShelfRefusal.SESSION_OVER: _("This session took place on %(session_on)s, so it cannot be moved any more."),
    ShelfRefusal.SESSION_IN_PAST: _("The new date has passed. Choose a later one."),
    ShelfRefusal.SESSION_ENDS_EARLY: _("A session ends after it starts. Write a later end, or leave it blank."),
    ShelfRefusal.SESSION_ORDER: _(
        "Session %(sequence)s is on %(other_on)s; sessions follow each other. "
        "Move that one first, or choose another day."
    ),
    ShelfRefusal.PLACE_UNREADABLE: _(
        "The place has more than %(limit_count)s characters, or some that cannot be shown. Shorten it."
    ),
    ShelfRefusal.NOT_YET_APPROVED: _(
        "This training is not yours, or was not approved yet. Send it for curation first."
    ),
}
