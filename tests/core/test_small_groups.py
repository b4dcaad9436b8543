"""Nobody can compute what is not told, neither from one group nor from the sum of all."""

from hypothesis import given
from hypothesis import strategies as st

from bekal.core.small_groups import MINIMUM_PEOPLE, told_and_folded


@given(st.lists(st.integers(0, 40), max_size=12))
def test_no_group_of_fewer_than_ten_is_told_nor_follows_from_the_sum(people: list[int]) -> None:
    groups = list(enumerate(people))
    told, folded = told_and_folded(groups, lambda group: group[1])
    assert sorted([*told, *folded]) == groups, "each is in one of the two"
    assert list(told) == sorted(told), "the order stays"
    assert all(count == 0 or count >= MINIMUM_PEOPLE for _, count in told)
    large = [group for group in groups if group[1] >= MINIMUM_PEOPLE]
    hidden = [group for group in folded if group in large]
    assert hidden == ([min(large, key=lambda group: group[1])] if folded and large else []), "and no more than that"
    # Even if the people of all folded groups were the same ones, they are ten or more together.
    assert not folded or not large or max(count for _, count in folded) >= MINIMUM_PEOPLE
