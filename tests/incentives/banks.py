"""A bank over a socket that knows the people of a test, and the rails that lead to it."""

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bekal.accounts.privacy import decrypt
from bekal.incentives.partners.file_exchange import FileAccess
from bekal.incentives.partners.pain001 import Account
from bekal.incentives.partners.rails import Form, Rail
from bekal.incentives.partners.snap_bi import SnapAccess
from bekal.participants.models import PayoutAccount
from tests.simulation.bank.clients import TOKEN, RunningBank, key

DEBTOR = Account("Manajemen Pelaksana", "0000000001", "BNINIDJA")


def rails_to(bank: RunningBank) -> dict[str, Rail]:
    """BNI takes `pain.001`, OVO is called, LinkAja takes the CSV."""

    def files(partner: str) -> FileAccess:
        return FileAccess(f"{bank.address}/{partner}", TOKEN)

    snap = SnapAccess(f"{bank.address}/ovo", "bekal", key(), "95221", "ovo")
    return {
        "bni": Rail("bni", Form.PAIN_001, files("bni"), None, DEBTOR, "BNINIDJA", "camt.053"),
        "ovo": Rail("ovo", Form.CALLS, None, snap),
        "linkaja": Rail("linkaja", Form.CSV, files("linkaja"), None, None, "", "mt940"),
    }


def know_everybody(bank: RunningBank) -> None:
    """The bank opens every payout account there is, in the name it has here."""
    for account in PayoutAccount.objects.order_by("id"):
        change(bank, account)


def change(bank: RunningBank, account: PayoutAccount, **values: object) -> None:
    """Have the bank know that account otherwise: `standing`, `is_known`, `balance`, `ceiling`."""
    number = decrypt(bytes(account.number_encrypted))
    whole = {"number": number, "holder_name": account.holder_name, **values}
    assert bank.tell("accounts", [whole], account.partner).status_code == 200


def private_pem() -> str:
    return key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
