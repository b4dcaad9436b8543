"""What a courier keeps between rounds of calls: the access token of each partner, and the lists that it pays."""

from collections import OrderedDict, defaultdict
from collections.abc import Collection

from bekal.accounts.privacy import decrypt
from bekal.incentives.models import PayoutFile
from bekal.incentives.partners.csv_rail import Instruction, read_instructions
from bekal.incentives.partners.snap_bi import SnapToken

LISTS_COUNT = 4
"""So many lists of at most 50,000 payments stay read: the one that is being paid, and those that are asked about."""


class CallDesk:
    """For one courier, round after round. A list never changes once it is written, so one that has been read is the
    one that was approved."""

    def __init__(self) -> None:
        self._tokens: defaultdict[str, SnapToken] = defaultdict(SnapToken)
        self._lists: OrderedDict[int, dict[str, Instruction]] = OrderedDict()

    def token(self, partner: str) -> SnapToken:
        """Where the partner's token is kept, whoever asked for it."""
        return self._tokens[partner]

    def instructions(self, lines: Collection[tuple[int, str]]) -> dict[str, Instruction]:
        """By reference what was approved and written down, of lines (number of the file, reference): an account that
        was changed since is not paid to."""
        # File by file, however the lines are mixed: each is read once, even where there are more than are kept.
        return {reference: self._list(file_id)[reference] for file_id, reference in sorted(lines)}

    def _list(self, file_id: int) -> dict[str, Instruction]:
        if file_id not in self._lists:
            content = PayoutFile.objects.values_list("content_encrypted", flat=True).get(id=file_id)
            self._lists[file_id] = {one.reference: one for one in read_instructions(decrypt(bytes(content)))}
            while len(self._lists) > LISTS_COUNT:
                self._lists.popitem(last=False)
        self._lists.move_to_end(file_id)
        return self._lists[file_id]
