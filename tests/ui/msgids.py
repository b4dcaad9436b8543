"""What can be translated: every msgid of the templates and the Python of a room, found without gettext's tools."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.template.base import Lexer, TokenType

SOURCE = Path(__file__).resolve().parents[2] / "src" / "bekal"
_QUOTED = r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'"
_TRANSLATE = re.compile(rf"^translate\s+(?:{_QUOTED})")
_UNDERSCORE = re.compile(rf"(?<![\w])_\((?:{_QUOTED})\)")
_CALLS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1, "ngettext": 2, "ngettext_lazy": 2}


def room_msgids(room: str) -> set[str]:
    """Every msgid (plural forms, too) in the templates and the Python of one room."""
    found: set[str] = set()
    for path in sorted((SOURCE / room).rglob("*.py")):
        if "migrations" not in path.parts:
            found.update(python_msgids(path.read_text()))
    for path in sorted((SOURCE / room).glob("templates/**/*.*")):
        found.update(template_msgids(path.read_text()))
    return found


def python_msgids(source: str) -> Iterator[str]:
    """The literal arguments of gettext and its relatives; AssertionError for another: nobody could find its text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            for argument in node.args[: _CALLS.get(name, 0)]:
                assert isinstance(argument, ast.Constant), f"line {node.lineno}: {name}() takes a literal text"
                yield str(argument.value)


def template_msgids(source: str) -> Iterator[str]:
    """{% translate %}, {% blocktranslate %} with its plural, and _("…") as an argument of a tag."""
    parts: list[str] | None = None
    for token in Lexer(source).tokenize():
        if token.token_type is TokenType.BLOCK:
            name = token.contents.split()[0]
            if name == "blocktranslate":
                assert "trimmed" not in token.contents, "write it on one line"
                parts = [""]
            elif name == "plural" and parts is not None:
                parts.append("")
            elif name == "endblocktranslate" and parts is not None:
                yield from parts
                parts = None
            elif match := _TRANSLATE.match(token.contents):
                yield match[1] or match[2]
            yield from (match[1] or match[2] for match in _UNDERSCORE.finditer(token.contents))
        elif parts is not None and token.token_type is TokenType.VAR:
            parts[-1] += f"%({token.contents.split('|')[0]})s"
        elif parts is not None and token.token_type is TokenType.TEXT:
            parts[-1] += token.contents.replace("%", "%%")
