"""Addresses of the programme office and of the institution desk."""

from django.urls import path

from bekal.console import funnel, institution, payout_runs, people

app_name = "console"
urlpatterns = [
    path("console/", funnel.funnel, name="funnel"),
    path("console/people/", people.people, name="people"),
    path("console/people/<int:participation_id>/", people.person, name="person"),
    path("console/payout-runs/", payout_runs.runs, name="runs"),
    path("console/payout-runs/plan/", payout_runs.plan, name="plan_run"),
    path("console/payout-runs/<int:run_id>/", payout_runs.run, name="run"),
    path("console/payout-runs/<int:run_id>/approve/", payout_runs.approve, name="approve_run"),
    path("console/payout-runs/<int:run_id>/cancel/", payout_runs.cancel, name="cancel_run"),
    path("console/payout-runs/<int:run_id>/export/", payout_runs.export, name="export_run"),
    path("console/payout-runs/<int:run_id>/status-file/", payout_runs.settle, name="settle_run"),
    path("console/payout-runs/<int:run_id>/files/<int:file_id>/", payout_runs.download, name="run_file"),
    path("institution/", institution.desk, name="institution_desk"),
    path("institution/redeem/", institution.redeem_code, name="institution_redeem"),
    path("institution/purchases/<int:purchase_id>/attendance/", institution.attendance, name="institution_attendance"),
    path("institution/purchases/<int:purchase_id>/completion/", institution.completion, name="institution_completion"),
]
