"""A payment partner of our own, for the demo and the tests: it keeps its own books and fails when it is told to.

It shares no code with the programme's rails (`incentives/partners/`), so that what it reads and writes is what the
standards say and not what the programme happens to do.
"""
