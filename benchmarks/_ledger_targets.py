"""What the ledger's figures are to be."""

from benchmarks._targets import Target

_DRAWS, _AFTER_LOAD, _SIZES_KNOWN = (
    "of_copy_that_draws_numbers",
    "right after the bulk load",
    "once the planner knows the sizes",
)
# Two runners are the two cores the targets are for; COPY has no way to use the second one.
TARGETS = (
    Target("posting, of COPY into the same constraints", ("posting", "two_runners", "of_copy"), 0.9),
    Target("posting, of COPY into a bare heap", ("posting", "two_runners", "of_bare_copy"), 0.2),
    Target("planning, of COPY into the same constraints", ("planning", "two_runners", "of_copy"), 0.9),
    Target("planning, of COPY into a bare heap", ("planning", "two_runners", "of_bare_copy"), 0.2),
    Target("posting by one runner, of COPY that draws numbers, too", ("posting", "one_runner", _DRAWS), 0.9),
    Target("planning by one runner, of COPY that draws numbers, too", ("planning", "one_runner", _DRAWS), 0.9),
    Target("finished runs again after the bulk load, the slowest", ("finished_again", _AFTER_LOAD), 5, True, " s"),
    Target("finished runs again, sizes known, the slowest", ("finished_again", _SIZES_KNOWN), 5, True, " s"),
    Target("the proof of the whole world", ("proof", "seconds"), 60, True, " s"),
    Target("its memory beside a proof of nothing", ("proof", "growth_mib"), 8, True, " MiB"),
    Target("one purchase, of the same rows without a check", ("purchase", "of_unchecked"), 0.9),
)
