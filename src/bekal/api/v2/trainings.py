"""`GET /trainings`: the institution's own trainings with their sessions."""

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from bekal.api.v2.answers import Page
from bekal.api.v2.endpoint import Declared, PartnerRequest, endpoint
from bekal.api.v2.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_after, link_next, place_of
from bekal.api.v2.training_answer import TrainingAnswer, training_answers
from bekal.catalogue.institution_trainings import own_trainings
from bekal.partners.scopes import Scope


class TrainingPage(Page):
    items: list[TrainingAnswer]


@endpoint(
    "GET",
    "/trainings",
    Declared(
        tag="sessions",
        summary=_("The institution's trainings"),
        answer=TrainingPage,
        scope=Scope.SESSIONS,
        is_paged=True,
    ),
)
def trainings(
    request: PartnerRequest, response: HttpResponse, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> TrainingPage:
    """Page by page, those no longer on sale included. A training added meanwhile comes last."""
    call = request.call
    after_id = 0 if cursor is None else place_of(call, "trainings", cursor)[1][0]
    found = own_trainings(institution_id=call.institution, after_id=after_id, limit=limit + 1)
    shown = found[:limit]
    next_cursor = None
    if len(found) > limit:
        next_cursor = cursor_after(call, "trainings", {}, [shown[-1].training_id])
    link_next(request, response, next_cursor, limit)
    return TrainingPage(items=training_answers(shown), next=next_cursor)
