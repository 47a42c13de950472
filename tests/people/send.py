"""Sends a mail as any program would, and says what the server made of it.

run send.py PORT HOW AUTHORITY PASSWORD TO...     HOW is `starttls`, `tls` or `plain`
"""

import smtplib
import ssl
import sys
from email.message import EmailMessage


def message(to):
    """A mail with text and HTML, none of it plain ASCII."""
    mail = EmailMessage()
    mail["From"] = "Countersign <gateway@example.com>"
    mail["To"] = to
    mail["Subject"] = "Zur Prüfung: 1 Aufruf"
    mail["X-Long"] = "word " * 40
    mail.set_content("Bitte prüfen: http://127.0.0.1:8081/holds/1?a=1\n")
    mail.add_alternative(
        "<p>Bitte prüfen: <a href='http://127.0.0.1:8081/holds/2'>hier</a>"
        "<img src='http://127.0.0.1:8081/pixel.png'></p>",
        subtype="html",
    )
    return mail


def main():
    """Sends it."""
    port, how, authority, password, *recipients = sys.argv[1:]
    tls = ssl.create_default_context(cafile=authority)
    settings = {"timeout": 20}
    kind = smtplib.SMTP
    if how == "tls":
        kind, settings = smtplib.SMTP_SSL, {"context": tls, **settings}
    try:
        with kind("localhost", int(port), **settings) as server:
            if how == "starttls":
                server.starttls(context=tls)
            if password:
                server.login("countersign", password)
            mail = message(recipients[0])
            server.send_message(mail, "gateway@example.com", recipients)
    except (smtplib.SMTPException, OSError) as error:
        print(f"failed: {error!r}")
    else:
        print("sent")


if __name__ == "__main__":
    main()
