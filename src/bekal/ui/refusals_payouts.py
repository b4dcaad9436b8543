"""Sentences for what payouts, the files of their partners and the closing of a day refuse."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.incentives.refusals import PayoutRefusal

PAYOUTS: Mapping[str, object] = {
    PayoutRefusal.NOTHING_DUE: _(
        "Nothing can be paid on %(on)s. Left out for a reason: %(left_out_count)s. "
        "Choose a later day or mend the reasons."
    ),
    PayoutRefusal.TOO_FAR_AHEAD: _("%(on)s is too far ahead. Plan a run for %(latest_on)s or earlier."),
    PayoutRefusal.CALENDAR_NOT_PUBLISHED: _(
        "The holidays of %(year)s are not published, so the payment day cannot be trusted. Add them to the rules first."
    ),
    PayoutRefusal.RUN_NOT_FOUND: _("Payout run %(run_id)s does not exist. Check the number."),
    PayoutRefusal.RUN_CANCELLED: _("Payout run %(run_id)s was cancelled. Plan a new one."),
    PayoutRefusal.RUN_EXPORTED: _("Payout run %(run_id)s was exported and cannot be cancelled any more."),
    PayoutRefusal.NOT_APPROVED: _("Payout run %(run_id)s is not approved. A second person must approve it first."),
    PayoutRefusal.ALREADY_APPROVED: _("Payout run %(run_id)s is approved already."),
    PayoutRefusal.SAME_PERSON: _("You planned payout run %(run_id)s, so another officer must approve it."),
    PayoutRefusal.LEDGER_DIFFERENCE: _(
        "The last proof of the ledger found a difference, so payout run %(run_id)s cannot be sent. "
        "Clear it up, prove again, then export."
    ),
    PayoutRefusal.LEDGER_NOT_PROVED: _(
        "The ledger was not proved within the last %(hours_count)s hours, so payout run %(run_id)s cannot be sent. "
        "Press “Prove now” on the ledger page, wait for its result, then export."
    ),
    PayoutRefusal.LIST_CHANGED: _(
        "The list of payout run %(run_id)s is not the one you saw. Open it again, then decide."
    ),
    PayoutRefusal.FILE_TOO_LARGE: _(
        "The file has %(size_bytes)s bytes; at most %(limit_bytes)s are taken. Split it by partner."
    ),
    PayoutRefusal.FILE_NOT_UTF8: _("Line %(line)s: the text is not UTF-8. Save the file as UTF-8."),
    PayoutRefusal.FILE_BYTE_ORDER_MARK: _(
        "Line %(line)s: the file starts with a byte order mark. Save it without one."
    ),
    PayoutRefusal.FILE_HEADER: _("Line %(line)s: the header is “%(value)s”, it must be “%(expected)s”."),
    PayoutRefusal.FILE_FIELD_COUNT: _(
        "Line %(line)s: %(value)s fields where %(expected)s belong. Ask the partner for a new file."
    ),
    PayoutRefusal.FILE_XML: _(
        "Line %(line)s: the XML cannot be read (%(value)s), so the file was cut short or changed. "
        "Ask the partner for the complete file."
    ),
    PayoutRefusal.FILE_DTD: _(
        "Line %(line)s: the file declares a document type, which no bank file may. "
        "Ask the partner for a file without one."
    ),
    PayoutRefusal.FILE_KIND: _("“%(value)s” is no kind of file that is taken; these are: %(expected)s."),
    PayoutRefusal.FILE_CURRENCY: _(
        "Payment %(line)s, %(column)s: “%(value)s” is not the currency IDR. Ask the partner for a new file."
    ),
    PayoutRefusal.FILE_TOTAL: _(
        "Payment %(line)s, %(column)s: “%(value)s” is said, the entries give “%(expected)s”. "
        "Ask the partner for the complete file."
    ),
    PayoutRefusal.FILE_PAGES: _("Page “%(value)s” is one of several. Ask the partner for the whole day in one file."),
    PayoutRefusal.FILE_DAY: _(
        "Line %(line)s, %(column)s: “%(value)s” is no day that a statement can have. Ask the partner for a new file."
    ),
    PayoutRefusal.STATEMENT_GAP: _(
        "The statement of %(on)s begins with %(found_rupiah)s where %(expected_rupiah)s would go on. "
        "Ask the partner for the right one; it is an exception now."
    ),
    PayoutRefusal.STATEMENT_OVERLAP: _(
        "There is a statement of %(on)s already, and it says something else, or the day is closed. Ask the partner "
        "which of them holds; it is an exception now."
    ),
    PayoutRefusal.NOTHING_TO_CLOSE: _("No day waits to be closed: no newer statement has come."),
    PayoutRefusal.DAY_WAITS: _("It waits for the statement of %(on)s."),
    PayoutRefusal.DAY_UNEXPLAINED: _(
        "%(on)s is not closed: %(difference_rupiah)s between our ledger and the statement have no name. "
        "Have the programme's technicians look at it."
    ),
    PayoutRefusal.FILE_REFERENCE: _("Line %(line)s, %(column)s: “%(value)s” is not a payout reference."),
    PayoutRefusal.FILE_AMOUNT: _("Line %(line)s, %(column)s: “%(value)s” is not a whole amount in digits."),
    PayoutRefusal.FILE_STATE: _("Line %(line)s, %(column)s: “%(value)s” is not settled, rejected or returned."),
    PayoutRefusal.FILE_REASON: _(
        "Line %(line)s, %(column)s: “%(value)s” does not fit. "
        "A rejected or returned line names its reason code, a settled line none."
    ),
    PayoutRefusal.FILE_DUPLICATE: _(
        "Line %(line)s, %(column)s: “%(value)s” stands on line %(first_line)s, too. Each reference comes once."
    ),
    PayoutRefusal.FILE_NO_LINES: _("The file has no payouts. Ask the partner for the complete file."),
    PayoutRefusal.FILE_NO_TRAILER: _(
        "The file ends at line %(line)s without its trailer, so it was cut short. "
        "Ask the partner for the complete file."
    ),
    PayoutRefusal.FILE_TRAILER: _(
        "Line %(line)s, trailer: %(column)s is “%(value)s”, the lines before give “%(expected)s”. "
        "Ask the partner for a new file."
    ),
    PayoutRefusal.FILE_AFTER_TRAILER: _(
        "Line %(line)s: “%(value)s” comes after the trailer. Ask the partner for a new file."
    ),
    PayoutRefusal.EXCEPTION_NOT_FOUND: _("There is no such exception. Open the list again."),
    PayoutRefusal.NOTE_MISSING: _("Write what came of it: another officer has to understand it."),
    PayoutRefusal.NOTE_TOO_LONG: _("The note has %(length_count)s characters; %(limit_count)s are the most."),
    PayoutRefusal.REVERSAL_ASKED: _(
        "Somebody asks already to take the payout %(reference)s back, for the reason %(known)s. "
        "Agree to that, or drop it first."
    ),
    PayoutRefusal.REVERSAL_NOT_ASKED: _(
        "Nobody asks to take the payout %(reference)s back. Open the run again, and ask if it is needed."
    ),
    PayoutRefusal.REVERSAL_CHANGED: _(
        "The reason to take the payout %(reference)s back is %(known)s now, not the one you saw. Open the run again."
    ),
    PayoutRefusal.REVERSAL_SAME_PERSON: _(
        "You asked to take the payout %(reference)s back, so another officer must agree."
    ),
    PayoutRefusal.REVERSAL_REASON: _(
        "The reason code “%(value)s” is not 1 to 8 capital letters and digits. Write it like AM05."
    ),
    PayoutRefusal.PAYOUT_NOT_FOUND: _("There is no payout with the reference “%(reference)s”. Check it."),
    PayoutRefusal.PAYOUT_NOT_PAID: _(
        "The payout %(reference)s has not been paid, so it cannot be taken back. Wait for the partner's answer."
    ),
    PayoutRefusal.PAYOUT_BACK_ALREADY: _(
        "The payout %(reference)s came back already (%(known)s). It is due again with its next attempt."
    ),
    PayoutRefusal.PAYOUT_CLAWED_BACK: _(
        "The money of the payout %(reference)s was clawed back or paid back. Record what comes back as a repayment."
    ),
}
