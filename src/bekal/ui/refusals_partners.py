"""The sentences of refusals about partners, their keys and their calls; institutions' systems show them to people."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from bekal.partners.refusals import CallRefusal, PartnerRefusal

PARTNERS: Mapping[str, object] = {
    CallRefusal.METHOD_WRONG: _("This address takes POST only. Send the call again with POST."),
    CallRefusal.HEADER_MISSING: _("The header %(header)s is missing or empty. Send it with its underscore, if any."),
    CallRefusal.HEADER_TWICE: _("The header %(header)s came more than once or holds a comma. Send it once."),
    CallRefusal.CLIENT_UNKNOWN: _("This client code is not known. Check client_code."),
    CallRefusal.CLIENT_SUSPENDED: _(
        "This client is suspended. The programme office says why, and lifts the suspension."
    ),
    CallRefusal.TIMESTAMP_MALFORMED: _("The header timestamp is not a Unix time in seconds. Send digits only."),
    CallRefusal.TIMESTAMP_EXPIRED: _(
        "The header timestamp is more than %(limit_count)s seconds away from the server's clock. "
        "Set your clock, and sign the call again."
    ),
    CallRefusal.SIGNATURE_WRONG: _("The signature is wrong. Check the key, the path, and which body was signed."),
    CallRefusal.TOO_MANY_MISSES: _(
        "Too many codes were asked for that are not yours: after %(limit_count)s the key is suspended "
        "until the programme office lifts it."
    ),
    CallRefusal.BODY_TOO_LARGE: _("The body is longer than %(limit_bytes)s bytes. Shorten it."),
    CallRefusal.BODY_UNREADABLE: _("The body is not JSON in UTF-8. Send one JSON object."),
    CallRefusal.BODY_NOT_OBJECT: _("The body is JSON, but no object. Send one JSON object."),
    CallRefusal.FIELD_TWICE: _("The field %(field)s stands more than once in the body. Send it once."),
    CallRefusal.FIELD_MISSING: _("The field %(field)s is missing or empty. Send it."),
    CallRefusal.FIELD_NOT_TEXT: _("The field %(field)s is not a text. Send it between quotation marks."),
    CallRefusal.FIELD_NOT_NUMBER: _("The field %(field)s is not a whole number. Send digits without quotation marks."),
    CallRefusal.SANDBOX_AWAY: _("The sandbox cannot be reached at the moment. Try again later."),
    CallRefusal.CODE_NOT_FOUND: _("The redeem code was not found. Check each character."),
    CallRefusal.CODE_ELSEWHERE: _("The redeem code belongs to another training institution."),
    CallRefusal.CODE_CANCELLED: _("The redeem code was cancelled and cannot be used any more."),
    CallRefusal.TRANSACTION_CANCELLED: _(
        "The transaction of this redeem code was cancelled on %(ended_on)s, and its price was refunded."
    ),
    CallRefusal.CODE_USED: _("The redeem code has been used already, on %(redeemed_on)s."),
    CallRefusal.CODE_NOT_USED: _("The redeem code has not been redeemed yet. Redeem it first."),
    CallRefusal.OUTSIDE_WINDOW: _(
        "The redeem code can be used around the start of the training only: from %(opens_at_text)s "
        "to %(closes_at_text)s, Jakarta time."
    ),
    CallRefusal.TYPE_MISMATCH: _("The course type does not fit this call: it is %(type_text)s."),
    CallRefusal.SEQUENCE_OUT_OF_RANGE: _(
        "The field sequence is %(sequence)s, and the training has sessions 1 to %(session_count)s. Send one of these."
    ),
    CallRefusal.REDIRECT_NOT_REGISTERED: _(
        "The address in redirect_uri is not registered for your institution. It is compared as a whole: ask the "
        "programme office to register exactly this address."
    ),
    CallRefusal.TASK_SCOPE_UNKNOWN: _("The scope “%(value)s” is not known. Send tpm or uk."),
    CallRefusal.TASK_SEQUENCE_UNKNOWN: _("The field sequence is %(sequence)s. Send 1 to 10, or 999."),
    CallRefusal.FILE_URL_MALFORMED: _(
        "The field %(field)s is not the address of a file. Send a web address (https or http) of at most 2,048 "
        "characters that ends in .pdf or .docx."
    ),
    CallRefusal.NOTES_UNREADABLE: _("The notes have characters that cannot be shown. Send them again without these."),
    CallRefusal.NOTES_TOO_LONG: _(
        "The notes have %(length_count)s characters; at most %(limit_count)s fit. Shorten them."
    ),
    CallRefusal.TASK_PENDING: _("This task was handed in already and waits for your feedback. Send the feedback."),
    CallRefusal.TASK_PASSED: _("This task was passed already. Nothing more is handed in for it."),
    CallRefusal.TASK_NOT_SENT: _("Nothing was handed in for this task yet. Hand it in first."),
    CallRefusal.TASK_ANSWERED: _("This submission has its feedback already. A new one needs a new submission."),
    CallRefusal.FEEDBACK_STATUS_UNKNOWN: _(
        "The field status is not 2 (passed) or 3 (failed). Leave it out, or send one."
    ),
    CallRefusal.ENDPOINT_UNKNOWN: _("This address is not part of the API. Check the path."),
    PartnerRefusal.REDIRECT_MALFORMED: _(
        "This is not an address to send people back to. Write an https address of at most 500 characters without a "
        "fragment, user name or blank."
    ),
    PartnerRefusal.REDIRECT_KNOWN: _("This address is registered already."),
    PartnerRefusal.REDIRECT_UNKNOWN: _("This address is not registered for this partner. Choose one from the list."),
    PartnerRefusal.PARTNER_UNKNOWN: _("This partner does not exist. Check the number."),
    PartnerRefusal.PARTNER_CODE_MALFORMED: _(
        "The code “%(value)s” does not fit. Use 3 to 40 small letters, digits and hyphens, beginning with a letter."
    ),
    PartnerRefusal.PARTNER_CODE_TAKEN: _("The code “%(value)s” is another partner's. Choose another one."),
    PartnerRefusal.PARTNER_NAME_EMPTY: _("The partner's name is empty. Write it as it should be shown."),
    PartnerRefusal.PARTNER_NAME_TOO_LONG: _(
        "The partner's name has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PartnerRefusal.PARTNER_NAME_UNREADABLE: _("The partner's name has characters that cannot be shown. Type it again."),
    PartnerRefusal.PARTNER_KIND_UNKNOWN: _(
        "A partner is a training institution or a digital platform. Choose one of the two."
    ),
    PartnerRefusal.OWNER_UNKNOWN: _("This institution or platform does not exist. Choose one from the list."),
    PartnerRefusal.OWNER_TAKEN: _("It is tied to the partner “%(partner)s” already. Choose another one."),
    PartnerRefusal.PARTNER_TIED: _("This partner is tied already, and that cannot be changed."),
    PartnerRefusal.PARTNER_NOT_TIED: _(
        "This partner is not tied to an institution or platform yet, so it can have sandbox keys only. Tie it first."
    ),
    PartnerRefusal.GENERATION_OF_INSTITUTIONS: _("Only training institutions use v1. Issue a key of v2 instead."),
    PartnerRefusal.KEY_UNKNOWN: _("This key does not exist. Check the number."),
    PartnerRefusal.KEYS_LIVE: _(
        "%(limit_count)s keys of this kind are live already. Revoke the one that is not used any more first."
    ),
    PartnerRefusal.KEY_ISSUED_SINCE: _(
        "The key %(key)s was issued after this form was opened. Look at the list, and issue another one if it is still "
        "wanted."
    ),
    PartnerRefusal.KEY_REVOKED: _("This key was revoked on %(revoked_on)s. Issue a new one."),
    PartnerRefusal.SUSPENSION_REASON_EMPTY: _("The reason is empty. Say why the partner is suspended."),
    PartnerRefusal.SUSPENSION_REASON_TOO_LONG: _(
        "The reason of the suspension has %(length_count)s characters; at most %(limit_count)s fit. Shorten it."
    ),
    PartnerRefusal.SUSPENSION_REASON_UNREADABLE: _(
        "The reason of the suspension has characters that cannot be shown. Type it again, on one line."
    ),
    PartnerRefusal.URL_UNREADABLE: _(
        "This is not an address that messages can be sent to. Use https, a host, no password, no “#”, plain letters, "
        "and at most %(limit_count)s characters."
    ),
    PartnerRefusal.URL_NOT_HTTPS: _("The address does not begin with https. Messages are sent encrypted only."),
    PartnerRefusal.URL_NOT_PUBLIC: _("The address lies inside a private network. Use one that the internet reaches."),
    PartnerRefusal.EVENT_UNKNOWN: _("There is no kind of event “%(value)s”. There are: %(known)s."),
    PartnerRefusal.ENDPOINT_TAKEN: _("This address is open already. Close it first, or use another one."),
    PartnerRefusal.ENDPOINTS_OPEN: _("%(limit_count)s addresses are open already. Close one first."),
    PartnerRefusal.ENDPOINT_UNKNOWN: _("You have no webhook of this number. Look at the list of your webhooks."),
    PartnerRefusal.ENDPOINT_CLOSED: _("This webhook is closed. Open a new one."),
    PartnerRefusal.DELIVERY_UNKNOWN: _("You have no delivery of this number. Look at the list of your deliveries."),
    PartnerRefusal.REPLAYS_SPENT: _("This delivery was replayed %(limit_count)s times, which is the limit."),
}
