"""What is installed is pinned by hash, and says nothing about where it was locked."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from launcher import environment

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
PIN = re.compile(r"^([a-z0-9-]+)==(\S+)( ; .+)? \\$")


def pins(lock: Path) -> set[tuple[str, str]]:
    return {(m[1], m[2]) for text in lock.read_text().splitlines() if (m := PIN.match(text))}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_line_is_a_pin_or_a_hash(lock: Path):
    for text in lock.read_text().splitlines():
        assert PIN.match(text) or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", text), text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_each_source_has_its_lock_and_its_names_are_in_it(lock: Path):
    named = re.findall(r"^([A-Za-z][A-Za-z0-9_-]*)", lock.with_suffix(".in").read_text(), re.MULTILINE)
    locked = {name for name, _ in pins(lock)}
    assert named
    assert {name.lower().replace("_", "-") for name in named} <= locked


@pytest.mark.parametrize(("smaller", "larger"), list(pairwise(environment.LOCKS)))
def test_larger_sets_hold_the_smaller_at_the_same_versions(smaller: str, larger: str):
    assert pins(REQUIREMENTS / f"{smaller}.txt") <= pins(REQUIREMENTS / f"{larger}.txt")
