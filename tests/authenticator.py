"""A telephone that has passkeys, in plain Python: it answers as a browser does, rightly or, where a test says so,
wrongly."""

import hashlib
import json
import secrets
import struct

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Telephone:
    def __init__(self, origin: str):
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = secrets.token_bytes(16)
        self.handle = b""
        self.count = 0
        self.flags = PRESENT | VERIFIED

    def make(self, options: dict, **wrong) -> str:
        """The answer to navigator.credentials.create(), as static/js/passkeys.js sends it."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, **wrong)
        return self._answer(clientDataJSON=client, attestationObject=statement)

    def get(self, options: dict, *, handle: bytes | None = None, **wrong) -> str:
        """The answer to navigator.credentials.get()."""
        self.count += 1
        data = self._data(wrong.pop("rp_id", options["rpId"]))
        client = self._client("webauthn.get", options, **wrong)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        handle = self.handle if handle is None else handle
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=handle)

    def _data(self, rp_id: str, flags: int = 0) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", self.flags | flags, self.count)

    def _client(self, what: str, options: dict, *, challenge: str = "", origin: str = "") -> bytes:
        said = {"type": what, "challenge": challenge or options["challenge"], "origin": origin or self.origin}
        return json.dumps(said).encode()

    def _answer(self, **response: bytes) -> str:
        text = bytes_to_base64url(self.credential_id)
        sent = {name: bytes_to_base64url(value) for name, value in response.items()}
        return json.dumps({"id": text, "rawId": text, "type": "public-key", "response": sent})
