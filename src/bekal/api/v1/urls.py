"""Addresses of v1, below `/api/v1/integration/`; clients send them without a slash at the end, and with one."""

from django.urls import URLPattern, re_path

from bekal.api.v1 import (
    feedback_submission,
    redeem_code_commit,
    redeem_code_status,
    submission,
    submission_status,
    unknown,
    url_generate,
)

urlpatterns: list[URLPattern] = [
    re_path(r"^payment/redeem-code/status/?$", redeem_code_status.redeem_code_status, name="v1_redeem_code_status"),
    re_path(r"^payment/redeem-code/commit/?$", redeem_code_commit.redeem_code_commit, name="v1_redeem_code_commit"),
    re_path(r"^oauth/url-generate/?$", url_generate.url_generate, name="v1_url_generate"),
    re_path(r"^tpm/submission/?$", submission.submission, name="v1_submission"),
    re_path(r"^tpm/submission/status/?$", submission_status.submission_status, name="v1_submission_status"),
    re_path(r"^tpm/feedback/submission/?$", feedback_submission.feedback_submission, name="v1_feedback_submission"),
    re_path(r"", unknown.unknown, name="v1_unknown"),
]
