"""Attendance as the participant confirms it: sent here by an institution's system, and back to it afterwards."""

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from bekal.accounts.access import open_to_all
from bekal.partners.attendance_requests import Asked, Standing, asked_attendance, confirm_attendance
from bekal.partners.world import SandboxUnavailableError

STATUSES = {Standing.SOMEBODY_ELSES: 403, Standing.EXPIRED: 410, Standing.CLOSED: 410}


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def attendance(request: HttpRequest, state: str) -> HttpResponse:
    """Only the buyer sees which training it is; in the sandbox, where nobody has bought anything, everybody does."""
    asked = _asked(request, state)
    if asked is None:
        raise Http404
    if asked.standing is Standing.SOMEBODY_ELSES and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if asked.standing is Standing.CONFIRMED and request.method == "POST":
        return HttpResponseRedirect(asked.return_url)
    response = render(request, "web/attendance.html", {"asked": asked}, status=STATUSES.get(asked.standing, 200))
    if asked.return_url:
        # The browser follows the form to where it leads: to this one registered address beside our own.
        response._csp_update = {"form-action": [asked.return_origin]}  # type: ignore[attr-defined]
    return response


def _asked(request: HttpRequest, state: str) -> Asked | None:
    act = confirm_attendance if request.method == "POST" else asked_attendance
    try:
        return act(state=state, user_id=request.user.pk)
    except SandboxUnavailableError:
        return None
