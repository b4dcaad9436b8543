"""Why a certificate is not revoked, as sentences for officers."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.purchases.refusals import CertificateRefusal

CERTIFICATES: Mapping[str, object] = {
    CertificateRefusal.UNKNOWN_CERTIFICATE: _("This certificate does not exist. Check the number."),
    CertificateRefusal.ALREADY_REVOKED: _("This certificate was revoked on %(revoked_on)s. Nothing is left to decide."),
    CertificateRefusal.ALREADY_ASKED: _(
        "Somebody has asked to revoke this certificate already. Agree to that reason, or drop the request first."
    ),
    CertificateRefusal.NOT_ASKED: _("Nobody has asked to revoke this certificate. Ask first, and say why."),
    CertificateRefusal.REASON_CHANGED: _("The reason is not the one you saw. Open the certificate again, then decide."),
    CertificateRefusal.SAME_PERSON: _("You asked to revoke this certificate, so another officer must agree."),
    CertificateRefusal.REVOCATION_REASON_EMPTY: _("Say why the certificate is revoked. Its holder reads it."),
    CertificateRefusal.REVOCATION_REASON_TOO_LONG: _(
        "The reason has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    CertificateRefusal.REVOCATION_REASON_UNREADABLE: _(
        "The reason has characters that cannot be shown. Type it again."
    ),
}
