"""Self-signed TLS identities, and QUIC configurations that trust exactly one certificate.

A validator's TLS key is not its identity key: the identity key signs votes, and must not also be an oracle inside a TLS library. The two are tied together by
the handshake, where the identity key signs the fingerprint of this certificate (docs/protocol.md, "HELLO and HANDSHAKE").
"""

import contextlib
import datetime
import hashlib
import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mesh_core.crypto.domains import ALPN
from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.addresses import MAX_DATAGRAM_BYTES
from mesh_core.network.plain_file import read_plain_file
from mesh_core.types.basic import Hash32

SERVER_NAME: Final = "mesh-validator"
"""The name in every validator's certificate. Who is who is decided by the pinned certificate and the signed handshake, never by a name."""

IDLE_TIMEOUT_S: Final = 10.0
"""A connection on which nothing arrives for so long is dead."""

KEY_FILE_MODE: Final = 0o600
OTHERS_MASK: Final = 0o077
PEM_LIMIT_BYTES: Final = 64 * 1024

# Certificates are pinned byte for byte, so their dates protect nothing; a machine whose clock is wrong must still be able to connect.
_NOT_BEFORE: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
_NOT_AFTER: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A certificate (public, DER) and its private key (secret, PKCS#8 PEM)."""

    certificate_der: bytes
    private_key_pem: bytes = field(repr=False)

    @property
    def fingerprint(self) -> Hash32:
        """SHA3-256 of the certificate, which the handshake signs."""
        return certificate_fingerprint(self.certificate_der)


def certificate_fingerprint(certificate_der: bytes) -> Hash32:
    """SHA3-256 of a certificate in DER, 32 bytes."""
    return Hash32(hashlib.sha3_256(certificate_der).digest())


def generate_tls_identity() -> TlsIdentity:
    """A fresh P-256 key and its self-signed certificate. P-256, because there are QUIC libraries that refuse Ed25519 certificates by default."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        # No authority: a certificate issued by this one is not trusted where this one is pinned.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return TlsIdentity(
        certificate.public_bytes(serialization.Encoding.DER),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def save_tls_identity(identity: TlsIdentity, *, certificate_path: Path, key_path: Path) -> None:
    """Write both as PEM, durably, the key readable by its owner alone. Existing files are never overwritten (LocalFault KEY_FILE)."""
    _write_new(key_path, identity.private_key_pem, KEY_FILE_MODE)
    try:
        _write_new(certificate_path, ssl.DER_cert_to_PEM_cert(identity.certificate_der).encode("ascii"), 0o644)
    except LocalFault:
        with contextlib.suppress(OSError):
            key_path.unlink()
        raise


def load_tls_identity(*, certificate_path: Path, key_path: Path) -> TlsIdentity:
    """Read what `save_tls_identity` wrote. LocalFault KEY_FILE when a file is missing, readable by others, broken, or the two do not belong together."""
    try:
        key_pem = read_plain_file(key_path, PEM_LIMIT_BYTES, refused_mode=OTHERS_MASK)
        certificate = x509.load_pem_x509_certificate(read_plain_file(certificate_path, PEM_LIMIT_BYTES))
        key = serialization.load_pem_private_key(key_pem, password=None)
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"TLS identity: {error.strerror}: {error.filename}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"TLS identity: {certificate_path} or {key_path} is not valid PEM") from error
    if certificate.public_key() != key.public_key():
        raise LocalFault(ErrorCode.KEY_FILE, f"TLS key {key_path} does not belong to certificate {certificate_path}")
    return TlsIdentity(certificate.public_bytes(serialization.Encoding.DER), key_pem)


def server_configuration(identity: TlsIdentity, *, max_datagram_bytes: int = MAX_DATAGRAM_BYTES) -> QuicConfiguration:
    """QUIC settings of a validator. No session tickets are ever issued, so there is no 0-RTT data, which could be replayed."""
    configuration = QuicConfiguration(is_client=False, alpn_protocols=[ALPN], idle_timeout=IDLE_TIMEOUT_S, max_datagram_size=max_datagram_bytes)
    configuration.certificate = x509.load_der_x509_certificate(identity.certificate_der)
    configuration.private_key = serialization.load_pem_private_key(identity.private_key_pem, password=None)
    return configuration


def client_configuration(pinned_certificate_der: bytes, *, max_datagram_bytes: int = MAX_DATAGRAM_BYTES) -> QuicConfiguration:
    """QUIC settings that accept a server with exactly this certificate and no other. LocalFault CONFIG_INVALID when it is no certificate.

    The pinned certificate is its own and only trust anchor. Without CERT_REQUIRED anybody on the path could answer in the validator's place.
    """
    try:
        x509.load_der_x509_certificate(pinned_certificate_der)
    except ValueError as error:
        raise LocalFault(ErrorCode.CONFIG_INVALID, "the pinned TLS certificate is not a DER certificate") from error
    return QuicConfiguration(
        is_client=True,
        alpn_protocols=[ALPN],
        idle_timeout=IDLE_TIMEOUT_S,
        max_datagram_size=max_datagram_bytes,
        server_name=SERVER_NAME,
        verify_mode=ssl.CERT_REQUIRED,
        cadata=ssl.DER_cert_to_PEM_cert(pinned_certificate_der).encode("ascii"),
    )


def _write_new(path: Path, data: bytes, mode: int) -> None:
    """Create `path` with `mode` from the first instant (not after a moment with the default one), write, and make it survive a power cut."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot create {path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        # Half a file would be taken for a broken identity at the next start.
        with contextlib.suppress(OSError):
            path.unlink()
        raise LocalFault(ErrorCode.KEY_FILE, f"cannot write {path}: {error.strerror}") from error
