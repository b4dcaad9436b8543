"""A request that cannot be read at all (a Host that is none, a broken header), told in the words of the door it knocks
at: a partner's system reads no pages."""

from django.http import HttpRequest, HttpResponse

from bekal.api.v2.problems import Problem, problem_response
from bekal.web import errors


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: a problem below v2, elsewhere the page."""
    if request.path_info.startswith("/api/v2/"):
        return problem_response(Problem("request_unreadable"), request)
    return errors.bad_request(request, exception)
