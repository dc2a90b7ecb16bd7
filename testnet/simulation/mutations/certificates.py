"""Mutations of what a certificate is: who counts, what is signed, and its id."""

from dataclasses import replace

from mesh_core.crypto import domains, signatures
from mesh_core.crypto.hashing import tagged_hash
from mesh_core.crypto.signatures import SigningKey
from mesh_core.protocol import certificates
from mesh_core.protocol.certificates import CheckedCertificate
from mesh_core.protocol.genesis import Genesis
from mesh_core.types.basic import Signature
from mesh_core.types.certificate import SIGNER, SIGNERS
from mesh_core.types.transition import STATEMENT
from testnet.simulation.mutations.replacing import replace_everywhere

STATEMENT_TAGS = (domains.SIG_OWNER, domains.SIG_VOTE)
NETWORK_ID_BYTES = 32


def count_duplicate_signers() -> None:
    """The order of a certificate's votes, which makes each signer count once, is not looked at."""
    SIGNERS.ascending = None


def drop_network_id() -> None:
    """Owners and validators sign statements that do not say for which network they are."""
    real_sign, real_verify = SigningKey.sign, signatures.verify_signature

    def sign(self: SigningKey, tag: bytes, body: bytes) -> Signature:
        return real_sign(self, tag, _without_network(tag, body))

    def verify(tag: bytes, public_key: bytes, body: bytes, signature: bytes) -> bool:
        return real_verify(tag, public_key, _without_network(tag, body), signature)

    SigningKey.sign = sign  # type: ignore[method-assign]
    replace_everywhere(real_verify, verify)


def _without_network(tag: bytes, body: bytes) -> bytes:
    return body[NETWORK_ID_BYTES:] if tag in STATEMENT_TAGS else body


def hash_votes_into_cert_id() -> None:
    """The id of a certificate depends on whose votes were collected."""
    real = certificates.decode_certificate

    def decode(data: bytes, genesis: Genesis) -> CheckedCertificate:
        checked = real(data, genesis)
        votes = b"".join(SIGNER.encode(signer) for signer in checked.certificate.votes)
        cert_id = tagged_hash(domains.CERT_ID, STATEMENT.encode(checked.identified.statement) + votes)
        return replace(checked, identified=replace(checked.identified, cert_id=cert_id))

    replace_everywhere(real, decode)
