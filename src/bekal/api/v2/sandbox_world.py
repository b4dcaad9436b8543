"""What the `/sandbox/` operations have in common: they are in the sandbox only."""

from bekal.api.v2.endpoint import Call
from bekal.api.v2.problems import Problem
from bekal.partners.world import World


def sandbox_world(call: Call) -> World:
    """The world of a sandbox key's call; a Problem with a live key, whatever it asks for."""
    if not call.is_sandbox:
        raise Problem("sandbox_only")
    return World(call.at, call.institution_id, call.platform_id, is_sandbox=True, offset=call.offset)
