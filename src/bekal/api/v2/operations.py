"""Every endpoint of v2 by its file, in the order of the documentation: an import is what opens one."""

from bekal.api.v2 import me as _me  # isort: skip
from bekal.api.v2 import keys as _keys  # isort: skip
from bekal.api.v2 import key as _key  # isort: skip
from bekal.api.v2 import redemptions as _redemptions  # isort: skip
from bekal.api.v2 import purchases as _purchases  # isort: skip
from bekal.api.v2 import purchase as _purchase  # isort: skip
from bekal.api.v2 import trainings as _trainings  # isort: skip
from bekal.api.v2 import training as _training  # isort: skip
from bekal.api.v2 import sessions as _sessions  # isort: skip
from bekal.api.v2 import attendance as _attendance  # isort: skip
from bekal.api.v2 import progress as _progress  # isort: skip
from bekal.api.v2 import completions as _completions  # isort: skip
from bekal.api.v2 import certificate as _certificate  # isort: skip
from bekal.api.v2 import own_certificate as _own_certificate  # isort: skip
from bekal.api.v2 import evidence_owed as _evidence_owed  # isort: skip
from bekal.api.v2 import cancellation_preview as _cancellation_preview  # isort: skip
from bekal.api.v2 import cancellation as _cancellation  # isort: skip
from bekal.api.v2 import statement as _statement  # isort: skip
from bekal.api.v2 import sandbox_clock as _sandbox_clock  # isort: skip
from bekal.api.v2 import sandbox_codes as _sandbox_codes  # isort: skip
from bekal.api.v2 import sandbox_start_codes as _sandbox_start_codes  # isort: skip
from bekal.api.v2 import sandbox_received as _sandbox_received  # isort: skip
from bekal.api.v2 import sandbox_redemptions as _sandbox_redemptions  # isort: skip
from bekal.api.v2 import sandbox_beginnings as _sandbox_beginnings  # isort: skip
from bekal.api.v2 import sandbox_conformance as _sandbox_conformance  # isort: skip
from bekal.api.v2 import webhooks as _webhooks  # isort: skip
from bekal.api.v2 import webhook as _webhook  # isort: skip
from bekal.api.v2 import webhook_deliveries as _webhook_deliveries  # isort: skip
from bekal.api.v2 import platform_checks as _platform_checks  # isort: skip
from bekal.api.v2 import platform_codes as _platform_codes  # isort: skip
from bekal.api.v2 import platform_purchases as _platform_purchases  # isort: skip
from bekal.api.v2 import platform_purchase as _platform_purchase  # isort: skip
from bekal.api.v2 import evidence_files as _evidence_files  # isort: skip
from bekal.api.v2 import platform_catalogue as _platform_catalogue  # isort: skip
from bekal.api.v2 import xapi_statements as _xapi_statements  # isort: skip
from bekal.api.v2 import xapi_courses as _xapi_courses  # isort: skip

MODULES = (
    _me,
    _keys,
    _key,
    _redemptions,
    _purchases,
    _purchase,
    _trainings,
    _training,
    _sessions,
    _attendance,
    _progress,
    _completions,
    _certificate,
    _own_certificate,
    _evidence_owed,
    _cancellation_preview,
    _cancellation,
    _statement,
    _sandbox_clock,
    _sandbox_codes,
    _sandbox_start_codes,
    _sandbox_received,
    _sandbox_redemptions,
    _sandbox_beginnings,
    _sandbox_conformance,
    _webhooks,
    _webhook,
    _webhook_deliveries,
    _platform_checks,
    _platform_codes,
    _platform_purchases,
    _platform_purchase,
    _evidence_files,
    _platform_catalogue,
    _xapi_statements,
    _xapi_courses,
)
