"""What every harness takes on the command line: its seed, its sizes, and the files it writes."""

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from pathlib import Path
from random import SystemRandom
from typing import Any


def add_common_arguments(parser: ArgumentParser, *, resume: bool = True) -> None:
    """Seed and result, and where a long run can go on where it ended, the file that says how far it has come."""
    parser.add_argument("--seed", type=int, help="the same seed tries the same (default: a new one, which is printed)")
    parser.add_argument("--result", type=Path, metavar="FILE", help="write the figures to this JSON file")
    if resume:
        parser.add_argument(
            "--resume",
            type=Path,
            metavar="FILE",
            help="keep in this file how far it has come, and go on from there",
        )


def whole_number(least: int) -> Callable[[str], int]:
    """For `type=`: a whole number of at least so many; another is refused with a sentence."""

    def read(text: str) -> int:
        number = int(text) if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() else None
        if number is None or number < least:
            raise ArgumentTypeError(f"{text[:80]!r} is no whole number from {least} up")
        return number

    return read


def seed_of(options: Mapping[str, Any]) -> int:
    """The seed asked for, or a new one."""
    given = options.get("seed")
    return SystemRandom().randrange(1, 10**6) if given is None else int(given)
