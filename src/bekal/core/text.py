"""Text that people type: what the database and every screen can hold, and nothing else."""

import unicodedata

# Unicode categories that no sentence of a person needs: controls (NUL among them) and half characters (surrogates).
_UNREADABLE = {"Cc", "Cs"}
# What makes a spreadsheet take a cell for a formula. It drops a tab or a line end and looks at what follows.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def tidy(text: str) -> str:
    """The text without blanks around it and with one kind of line end: browsers send CRLF for every new line."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def is_readable(text: str, *, multiline: bool = False) -> bool:
    """Whether the text has only characters that can be stored and shown: no NUL, no control, no half character.

    Line breaks and tabs are readable in a `multiline` text only.
    """
    if text.isprintable():
        return True  # a stricter question with a faster answer, and the usual one
    allowed = "\n\t" if multiline else ""
    return all(character in allowed or unicodedata.category(character) not in _UNREADABLE for character in text)


def shown(text: str, *, limit: int = 40) -> str:
    """What a sentence about a refused value may quote of it: short, and readable in any case."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(character if is_readable(character) else "\ufffd" for character in cut)


def no_formula(text: str) -> str:
    """A text that a spreadsheet would run gets an apostrophe before it."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
