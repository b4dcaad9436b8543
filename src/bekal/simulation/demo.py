"""Who signs in to the demo. Its sign-in page shows these names and their password; a real programme has none."""

from dataclasses import dataclass

from bekal.accounts.models import Role

DEMO_PASSWORD = "bekal-demo-2020"
PARTICIPANT, OFFICER_1, OFFICER_2, INSTITUTION, AUDITOR = "peserta", "petugas1", "petugas2", "lembaga", "auditor"
# Somebody of the walk, whose proof is contested and one of whose payments waits.
SECOND_PARTICIPANT = "warga"


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """One sign-in of the demo, ready to be typed."""

    login_name: str
    display_name: str
    role: Role
    password: str = DEMO_PASSWORD


# The display names of the institution and of the second participant are replaced by their own when the demo is made.
DEMO_LOGINS = (
    DemoLogin(PARTICIPANT, "Siti Rahayu", Role.PARTICIPANT),
    DemoLogin(SECOND_PARTICIPANT, "Peserta lain", Role.PARTICIPANT),
    DemoLogin(OFFICER_1, "Rina Kusuma", Role.OFFICER),
    DemoLogin(OFFICER_2, "Agus Hartono", Role.OFFICER),
    DemoLogin(INSTITUTION, "Lembaga pelatihan", Role.INSTITUTION),
    DemoLogin(AUDITOR, "Wahyu Nugroho", Role.AUDITOR),
)
