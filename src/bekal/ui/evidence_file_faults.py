"""What is wrong with a file of evidence, as sentences: which value, and how to mend it."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.core.evidence_file import Fault, FileFault

FAULTS: Mapping[FileFault, object] = {
    FileFault.EMPTY: _("The file is empty. Write a header, rows and a trailer."),
    FileFault.TOO_LARGE: _("The file is larger than %(value)s bytes. Spread the rows over several files."),
    FileFault.TOO_MANY_ROWS: _("The file has more than %(value)s rows. Spread them over several files."),
    FileFault.BOM: _("The file begins with a byte order mark. Save it as UTF-8 without BOM."),
    FileFault.NOT_UTF8: _("The line is not UTF-8. Save the file as UTF-8."),
    FileFault.NUL: _("The line has a NUL byte. Write the file anew."),
    FileFault.CRLF: _("The line ends with CR LF, or has a CR in it. Let lines end with LF alone."),
    FileFault.LINE_TOO_LONG: _(
        "The line is longer than %(value)s bytes. Is a quotation mark open, or a line end missing?"
    ),
    FileFault.LINE_EMPTY: _("The line is empty. Leave it out."),
    FileFault.LAST_LINE_OPEN: _("The last line does not end with LF: the file was cut. Send the whole file."),
    FileFault.QUOTE_OPEN: _(
        "A quotation mark is not closed on its line: “%(value)s”. Close it; no cell goes over a line end."
    ),
    FileFault.QUOTE_ASTRAY: _(
        "A quotation mark stands in the middle of a cell: “%(value)s”. Put the whole cell into quotation marks "
        "and double those inside."
    ),
    FileFault.DELIMITER: _("The columns are not separated by commas: “%(value)s”. Export the file with commas."),
    FileFault.HEADER: _(
        "The first line is not the header. Write purchase,piece,sequence,percent,happened_at,holds,revision,reason."
    ),
    FileFault.COLUMN_COUNT: _(
        "The row has %(value)s cells; it needs 8. Is a comma too many, or a quotation mark missing?"
    ),
    FileFault.TRAILER_MISSING: _(
        "The file ends without its trailer: it was cut. Send the whole file, with a last line that begins with trailer."
    ),
    FileFault.TRAILER_MALFORMED: _(
        "The trailer is “%(value)s”. Write trailer, the number of rows, the sum of the purchase numbers, the sum "
        "of the percents, and the SHA-256."
    ),
    FileFault.AFTER_TRAILER: _("The file goes on after its trailer. End it there."),
    FileFault.ROW_COUNT: _(
        "The trailer says %(value)s rows, which is not how many there are. A row was lost or added: write the "
        "file anew."
    ),
    FileFault.PURCHASE_SUM: _(
        "The purchase numbers do not add up to %(value)s. A number was changed: write the file anew."
    ),
    FileFault.PERCENT_SUM: _("The percents do not add up to %(value)s. A figure was changed: write the file anew."),
    FileFault.SHA256: _(
        "The SHA-256 of the lines before the trailer is not %(value)s. Something was changed on the way: write "
        "and send the file anew."
    ),
    FileFault.TWICE: _(
        "The same purchase, piece, sequence and revision stand on line %(value)s already. Leave one out, or raise "
        "the revision."
    ),
    FileFault.FORMULA: _("The cell “%(value)s” begins as a formula does. Leave out the sign at its beginning."),
    FileFault.PIECE: _("The piece is “%(value)s”. Write attendance, progress or completion."),
    FileFault.NUMBER: _("The number is “%(value)s”. Write digits only, within the limits of the column."),
    FileFault.PERCENT_MISSING: _("Progress has a percentage. Write 0 to 100."),
    FileFault.PERCENT_OF_ATTENDANCE: _(
        "Attendance has no percentage, but “%(value)s” stands there. Leave the cell empty."
    ),
    FileFault.SEQUENCE_WITHOUT_MEANING: _(
        "Only attendance has a session, but “%(value)s” stands there. Leave the cell empty or write 1."
    ),
    FileFault.INSTANT: _(
        "The instant is “%(value)s”. Write one with its time zone, for example 2020-11-19T10:00:00+07:00, or "
        "leave the cell empty."
    ),
    FileFault.HOLDS: _("The cell says “%(value)s”. Write true or false."),
    FileFault.REASON_MISSING: _("A completion below 100 percent, or one that is denied, needs a reason. Write one."),
    FileFault.REASON: _(
        "The reason is longer than 300 characters or has characters that cannot be shown. Write it again."
    ),
}


def fault_sentence(fault: Fault) -> str:
    """The fault in the reader's language."""
    return str(FAULTS[fault.code]) % {"value": fault.value}
