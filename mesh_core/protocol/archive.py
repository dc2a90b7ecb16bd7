"""The applied certificates of one validator, read from its store when they are asked for."""

from mesh_core.protocol.certificates import CheckedCertificate, decode_certificate
from mesh_core.protocol.ledger import Ledger
from mesh_core.protocol.queries import find_certificate, find_slot
from mesh_core.protocol.records import RecordReader
from mesh_core.types.basic import Hash32, PublicKey, Signature


class Archive:
    """Certificates by slot and by id."""

    def __init__(self, ledger: Ledger, store: RecordReader) -> None:
        self._ledger = ledger
        self._store = store

    def certificate(self, cert_id: Hash32) -> CheckedCertificate | None:
        """An applied certificate by its id."""
        data = find_certificate(self._store, cert_id)
        return None if data is None else decode_certificate(data, self._ledger.genesis)

    def certificate_at(self, sender: PublicKey, sequence: int) -> CheckedCertificate | None:
        """The certificate that decided a slot."""
        slot = find_slot(self._store, sender, sequence)
        return None if slot is None else self.certificate(slot.cert_id)

    def certified(self, sender: PublicKey, sequence: int) -> tuple[Hash32, Signature] | None:
        """transition_id of a slot's certificate, and the owner's signature on it. The account's own state answers for a slot that is open."""
        checked = self.certificate_at(sender, sequence) if sequence < self._ledger.account_or_zero(sender).sequence else None
        return None if checked is None else (checked.transition_id, checked.certificate.transition.owner_signature)

    def log_index(self, sender: PublicKey, sequence: int) -> int:
        """Index in the log of the certificate that decided a slot; 0 for an open slot."""
        slot = find_slot(self._store, sender, sequence)
        return 0 if slot is None else slot.log_index

    def is_applied(self, checked: CheckedCertificate) -> bool:
        """Whether this very transition is applied. The account's state answers for its latest slot, so that only older ones cost a read."""
        account = self._ledger.account_or_zero(checked.core.sender)
        if checked.core.sequence >= account.sequence:
            return False
        if checked.core.sequence == account.sequence - 1:
            return checked.transition_id == account.head
        slot = find_slot(self._store, checked.core.sender, checked.core.sequence)
        return slot is not None and slot.transition_id == checked.transition_id
