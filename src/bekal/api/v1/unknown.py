"""Whatever else is asked for below v1: said in the envelope that clients of v1 read."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from bekal.accounts.access import open_to_partners
from bekal.api.v1.door import refused, response_of
from bekal.core.refusal import Refusal
from bekal.partners.refusals import CallRefusal


@csrf_exempt
@open_to_partners
def unknown(request: HttpRequest) -> HttpResponse:
    """404, for everybody alike."""
    return response_of(refused(Refusal(CallRefusal.ENDPOINT_UNKNOWN)))
