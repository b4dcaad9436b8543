"""The list of planted bugs keeps fitting the code; `python3 dev planted` shows that each is caught."""

import pytest

from tests.databases import ROOT
from tests.planted.run import CHECKERS, Bug, bugs

BUGS = bugs([])


def test_there_are_enough() -> None:
    assert len(BUGS) >= 25


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_bug_fits_the_code_and_names_tests_that_are_there(bug: Bug) -> None:
    path = ROOT / bug.file
    if bug.find is None:
        assert not path.exists()
    else:
        assert path.read_text().count(bug.find) == 1
        assert bug.find != bug.replace
    for name in bug.caught_by:
        if name in CHECKERS:
            continue
        file, _, test = name.partition("::")
        assert (ROOT / file).exists()
        function = test.partition("[")[0]
        assert not function or f"\ndef {function}(" in (ROOT / file).read_text()
