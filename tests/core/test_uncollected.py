"""Work without the collector of reference cycles."""

import gc

import pytest

from bekal.core.uncollected import uncollected


def test_it_is_off_within_and_on_again_after_a_failure_too() -> None:
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), uncollected():
        assert not gc.isenabled()
        with uncollected():
            pass
        assert not gc.isenabled()
        1 / 0  # noqa: B018
    assert gc.isenabled()


def test_a_function_may_be_decorated() -> None:
    is_on = uncollected()(gc.isenabled)
    assert [is_on(), is_on(), gc.isenabled()] == [False, False, True]
