"""What is read without a look at each tag is what the reader finds tag by tag, or it is not read so."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bekal.incentives.partners.iso20022 import _read_each_tag, _read_plain
from bekal.incentives.partners.plain_records import MARK
from tests.incentives.partners.test_iso20022 import FORMS

# What XML, or this very reader, could take for something else.
PIECES = [
    "<!-- x -->",
    "<![CDATA[x]]>",
    "<?x?>",
    "&amp;",
    "&#65;",
    ">",
    "<",
    "]]>",
    "\r\n",
    "\r",
    "\t",
    "\x00",
    "\ufffe",
    "\ue0000",
    f"<{MARK}/>",
    "<TxDtls>",
    "</TxDtls>",
    "<TxInfAndSts>",
    "</TxInfAndSts>",
    "<TxDtls/>",
    "<Ntry>",
    "<Bal/>",
    "<Nm>Siti</Nm>",
    "<EndToEndId>BKL9</EndToEndId>",
    "<a b='c>d'/>",
    "<x:a/>",
    " ",
    "x" * 4_001,
    "<a>" * 45 + "</a>" * 45,
    "<a>" * 20 + "</a>" * 20,
    "1",
    "-",
    "RJCT",
    "<Amt Ccy='USD'>1</Amt>",
    "</Document>",
]


@pytest.mark.parametrize("form", FORMS)
def test_what_the_bank_writes_is_plain(form: str) -> None:
    read = _read_plain(FORMS[form]())
    assert read is not None and read.lines
    assert read == _read_each_tag(FORMS[form]())


@given(
    st.sampled_from(sorted(FORMS)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(["", *PIECES])), min_size=1, max_size=4),
)
@example("camt.054.001.08", [(0.0, 3_000, "")])
def test_a_file_that_was_changed_is_read_as_tag_by_tag_or_left_to_that(
    form: str, edits: list[tuple[float, int, str]]
) -> None:
    content = FORMS[form]().decode()
    for place, length, piece in edits:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + length :]
    read = _read_plain(content.encode("utf-8", "surrogatepass"))
    assert read is None or read == _read_each_tag(content.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("piece", [piece for piece in PIECES if piece not in ("\x00", "<", "\ufffe", "</Document>")])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_between_two_tags_of_a_payment(form: str, piece: str) -> None:
    """Where a payment is the likeliest to be taken for another."""
    whole = FORMS[form]().decode()
    for tag in ("</EndToEndId>", "</OrgnlEndToEndId>", "<TxSts>", "<Refs>", "</Amt>", "<CdtDbtInd>"):
        for content in (whole.replace(tag, f"{tag}{piece}"), whole.replace(tag, f"{piece}{tag}", 1)):
            read = _read_plain(content.encode())
            assert read is None or read == _read_each_tag(content.encode())
