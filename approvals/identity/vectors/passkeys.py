"""Makes passkeys.json: registrations and decisions by an authenticator in software.

Needs `fido2` (Yubico's library, which writes the CBOR) and `cryptography` (which signs):
    pip install fido2 cryptography && python3 passkeys.py > passkeys.json
"""

import base64
import hashlib
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2.cose import CoseKey
from fido2.webauthn import AttestationObject, AttestedCredentialData, Aaguid, AuthenticatorData

HOST, ORIGIN = "gateway.example.com", "https://gateway.example.com"
NONCE = bytes(range(56))
DECISION = hashlib.sha256(b"yes to exactly this").digest()


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def client(kind, challenge):
    said = {"type": kind, "challenge": text(challenge), "origin": ORIGIN, "crossOrigin": False}
    return json.dumps(said, separators=(",", ":")).encode()


def keys():
    yield "ES256", ec.generate_private_key(ec.SECP256R1()), lambda key, data: key.sign(
        data, ec.ECDSA(hashes.SHA256())
    )
    yield "EdDSA", ed25519.Ed25519PrivateKey.generate(), lambda key, data: key.sign(data)
    yield "RS256", rsa.generate_private_key(65537, 2048), lambda key, data: key.sign(
        data, padding.PKCS1v15(), hashes.SHA256()
    )


def vector(name, key, sign):
    cose = CoseKey.for_name(name).from_cryptography_key(key.public_key())
    site = hashlib.sha256(HOST.encode()).digest()
    credential = hashlib.sha256(name.encode()).digest()[:20]
    attested = AttestedCredentialData.create(Aaguid(b"\1" * 16), credential, cose)
    made = AuthenticatorData.create(site, 0x45, 7, attested)
    used = AuthenticatorData.create(site, 0x05, 8)
    challenge = hashlib.sha256(b"countersign/decision/v1\0" + NONCE + DECISION).digest()
    asked = client("webauthn.get", challenge)
    return {
        "algorithm": name,
        "credential": text(credential),
        "registration": {
            "client": text(client("webauthn.create", NONCE)),
            "attestation": text(AttestationObject.create("none", made, {})),
        },
        "assertion": {
            "authenticator": text(used),
            "client": text(asked),
            "credential": text(credential),
            "nonce": text(NONCE),
            "signature": text(sign(key, used + hashlib.sha256(asked).digest())),
        },
    }


print(json.dumps([vector(*one) for one in keys()], indent=1))
