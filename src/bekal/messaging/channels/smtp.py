"""E-mail over SMTP (RFC 5321): `smtp://host:25`, `smtp+starttls://user:password@host:587`, `smtps://…@host:465`."""

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

from bekal.messaging.channels.carrier import TIMEOUT_SECONDS, Delivery, Letter, Verdict

# Our own sign-in is not in order, which passes once somebody mends it (RFC 4954).
SIGN_IN_CODES = {530, 534, 535, 538}
SUBJECTS = {"id": "Pesan dari program Bekal", "en": "A message from the Bekal programme"}


@dataclass(frozen=True, slots=True)
class Smtp:
    """One server; a connection for each letter, so that a server that went away is noticed at once."""

    scheme: str
    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    def deliver(self, letter: Letter) -> Delivery:
        try:
            with self._connected() as server:
                server.send_message(self._message(letter))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return Delivery(Verdict.ADDRESS_REFUSED if codes and min(codes) >= 500 else Verdict.LATER)
        except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
            final = error.smtp_code >= 500 and error.smtp_code not in SIGN_IN_CODES
            return Delivery(Verdict.MESSAGE_REFUSED if final else Verdict.LATER)
        except (smtplib.SMTPException, OSError):
            return Delivery(Verdict.LATER)
        except ValueError:
            # An address with a line break or characters that no mail can carry.
            return Delivery(Verdict.ADDRESS_REFUSED)
        return Delivery(Verdict.TAKEN, letter.reference)

    def _connected(self) -> smtplib.SMTP:
        if self.scheme == "smtps":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if self.scheme == "smtp+starttls":
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = SUBJECTS.get(letter.language, SUBJECTS["id"])
        message["From"] = self.sender
        message["To"] = letter.address
        # The same number at every attempt, by which a mailbox knows a copy.
        message["Message-ID"] = f"<{letter.reference}@{self.sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        message["Content-Language"] = letter.language
        message.set_content(letter.text)
        return message
