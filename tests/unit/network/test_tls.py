"""TLS identities: files, modes, fingerprints, and that a pinned configuration trusts one certificate."""

import hashlib
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.tls import (
    SERVER_NAME,
    TlsIdentity,
    certificate_fingerprint,
    client_configuration,
    generate_tls_identity,
    load_tls_identity,
    save_tls_identity,
    server_configuration,
)


@pytest.fixture(scope="module")
def identity() -> TlsIdentity:
    return generate_tls_identity()


def save(identity: TlsIdentity, folder: Path) -> tuple[Path, Path]:
    certificate_path, key_path = folder / "tls.crt", folder / "tls.key"
    save_tls_identity(identity, certificate_path=certificate_path, key_path=key_path)
    return certificate_path, key_path


def test_identities_are_fresh_and_self_signed_for_one_name(identity: TlsIdentity) -> None:
    other = generate_tls_identity()
    assert other.fingerprint != identity.fingerprint
    certificate = x509.load_der_x509_certificate(identity.certificate_der)
    certificate.verify_directly_issued_by(certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [SERVER_NAME]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_fingerprint_is_sha3_of_the_der(identity: TlsIdentity) -> None:
    assert identity.fingerprint == hashlib.sha3_256(identity.certificate_der).digest() == certificate_fingerprint(identity.certificate_der)


def test_private_key_is_hidden_in_repr(identity: TlsIdentity) -> None:
    assert "PRIVATE KEY" not in repr(identity)
    assert identity.private_key_pem.splitlines()[1].decode() not in repr(identity)


def test_saved_identity_is_loaded_again_and_its_key_is_private(identity: TlsIdentity, tmp_path: Path) -> None:
    certificate_path, key_path = save(identity, tmp_path)
    assert load_tls_identity(certificate_path=certificate_path, key_path=key_path) == identity
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600


def test_existing_files_are_never_overwritten(identity: TlsIdentity, tmp_path: Path) -> None:
    certificate_path, key_path = save(identity, tmp_path)
    before = key_path.read_bytes(), certificate_path.read_bytes()
    with pytest.raises(LocalFault) as caught:
        save(generate_tls_identity(), tmp_path)
    assert caught.value.code is ErrorCode.KEY_FILE
    assert (key_path.read_bytes(), certificate_path.read_bytes()) == before
    key_path.unlink()
    with pytest.raises(LocalFault):
        save(generate_tls_identity(), tmp_path)
    assert not key_path.exists(), "a key without its certificate must not stay behind"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_key_readable_by_others_is_refused(identity: TlsIdentity, tmp_path: Path, mode: int) -> None:
    certificate_path, key_path = save(identity, tmp_path)
    key_path.chmod(mode)
    with pytest.raises(LocalFault) as caught:
        load_tls_identity(certificate_path=certificate_path, key_path=key_path)
    assert caught.value.code is ErrorCode.KEY_FILE
    assert f"{mode:04o}" in caught.value.text


def test_key_of_another_certificate_is_refused(identity: TlsIdentity, tmp_path: Path) -> None:
    certificate_path, key_path = save(identity, tmp_path)
    key_path.write_bytes(generate_tls_identity().private_key_pem)
    with pytest.raises(LocalFault) as caught:
        load_tls_identity(certificate_path=certificate_path, key_path=key_path)
    assert caught.value.code is ErrorCode.KEY_FILE


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
@pytest.mark.parametrize("broken", ["tls.crt", "tls.key"])
def test_broken_file_is_a_local_fault(identity: TlsIdentity, tmp_path: Path, broken: str, content: bytes) -> None:
    certificate_path, key_path = save(identity, tmp_path)
    (tmp_path / broken).write_bytes(content)
    with pytest.raises(LocalFault) as caught:
        load_tls_identity(certificate_path=certificate_path, key_path=key_path)
    assert caught.value.code is ErrorCode.KEY_FILE


def test_missing_file_is_a_local_fault_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LocalFault) as caught:
        load_tls_identity(certificate_path=tmp_path / "tls.crt", key_path=tmp_path / "tls.key")
    assert caught.value.code is ErrorCode.KEY_FILE
    assert "tls.key" in caught.value.text


def test_configurations_speak_mesh_only_and_pin(identity: TlsIdentity) -> None:
    server, client = server_configuration(identity), client_configuration(identity.certificate_der)
    assert server.alpn_protocols == client.alpn_protocols == ["mesh/1"]
    assert server.idle_timeout == client.idle_timeout == 10.0
    assert client.verify_mode == ssl.CERT_REQUIRED
    assert (client.cafile, client.capath, client.session_ticket) == (None, None, None)
    assert client.cadata is not None
    assert ssl.PEM_cert_to_DER_cert(client.cadata.decode()) == identity.certificate_der


def test_pin_that_is_no_certificate_is_a_configuration_error() -> None:
    with pytest.raises(LocalFault) as caught:
        client_configuration(b"not a certificate")
    assert caught.value.code is ErrorCode.CONFIG_INVALID
