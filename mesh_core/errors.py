"""Every error that MESH raises on purpose, with stable numbers.

The class says who is at fault, the code says what is wrong, the text says what was found. Only the code goes on the wire.

Codes of the nine validation rules are `rule * 256 + sub` (docs/protocol.md, "The nine rules"), shown as four hexadecimal digits.
Codes from 0x0A01 are operational refusals (retryable, never a judgement on validity), codes from 0x1000 are local and never leave the machine.
Numbers never change and are never used again.
"""

from enum import IntEnum

from typing_extensions import override


class ErrorCode(IntEnum):
    """What went wrong, as a stable number."""

    # Rule 1, FORMAT
    MALFORMED = 0x0101
    VERSION = 0x0102
    KIND = 0x0103
    NETWORK = 0x0104
    EPOCH = 0x0105
    ASSET = 0x0106
    COUNT_OR_ORDER = 0x0107
    MEMO_SIZE = 0x0108
    PROOF_SIZE = 0x0109
    # Rule 2, SIGNATURE
    BAD_SIGNATURE = 0x0201
    BAD_KEY = 0x0202
    # Rule 3, ACCOUNT
    UNKNOWN_ACCOUNT = 0x0301
    # Rule 4, CONFLICT
    CONFLICTS_WITH_VOTE = 0x0401
    CONFLICTS_WITH_CERTIFICATE = 0x0402
    # Rule 5, SEQUENCE
    STALE_SEQUENCE = 0x0501
    SEQUENCE_AHEAD = 0x0502
    PREV_MISMATCH = 0x0503
    # Rule 6, DEPENDENCY
    UNKNOWN_OUTPUT = 0x0601
    ALREADY_CLAIMED = 0x0602
    NOT_OWNER = 0x0603
    CLAIM_COMMITMENT = 0x0604
    # Rule 7, AMOUNTS
    FEE = 0x0701
    POINT = 0x0702
    IDENTITY_OUTPUT = 0x0703
    RECIPIENT_KEY = 0x0704
    # Rule 8, BALANCE
    UNBALANCED = 0x0801
    # Rule 9, RANGE
    RANGE_PROOF = 0x0901
    # Operational refusals: retry later
    BUSY = 0x0A01
    NOT_VOTING = 0x0A02
    INTERNAL = 0x0A03
    TOO_LARGE = 0x0A04

    # Local: configuration and keys
    CONFIG_INVALID = 0x1001
    KEY_FILE = 0x1002
    KEY_NOT_IN_COMMITTEE = 0x1003
    KEY_MISSING_BESIDE_DATA = 0x1004
    GENESIS_INVALID = 0x1005
    ADDRESS_INVALID = 0x1006
    # Local: cryptographic library
    CRYPTO_LIBRARY = 0x1101
    CRYPTO_SELF_TEST = 0x1102
    # Local: storage
    STORE_LOCKED = 0x1201
    STORE_FORMAT = 0x1202
    STORE_WRITE = 0x1203
    STORE_CORRUPT = 0x1204
    STORE_UNAVAILABLE = 0x1205
    # Local: wallet
    WALLET_UNKNOWN = 0x1301
    WALLET_EXISTS = 0x1302
    INSUFFICIENT_FUNDS = 0x1303
    AMOUNT_INVALID = 0x1304
    PAYMENT_IN_FLIGHT = 0x1305
    OUTPUT_UNOPENABLE = 0x1306
    NOTHING_TO_CLAIM = 0x1307
    ACCOUNT_LOCKED = 0x1308
    ACCOUNT_STUCK = 0x1309
    NO_QUORUM = 0x130A
    WALLET_NAME_INVALID = 0x130B
    MEMO_TEXT_INVALID = 0x130C
    PAYMENT_SUPERSEDED = 0x130D
    PHRASE_INVALID = 0x130E
    PASSPHRASE = 0x130F
    NOT_STUCK = 0x1310
    CONFIRMATION_MISSING = 0x1311
    VIEW_ONLY = 0x1312
    WALLET_SEALED = 0x1313
    CONTACT_NAME_INVALID = 0x1314
    CONTACT_EXISTS = 0x1315
    CONTACT_UNKNOWN = 0x1316
    # Local: a peer broke the wire protocol
    PEER_FRAME = 0x1401
    PEER_HANDSHAKE = 0x1402
    PEER_UNREACHABLE = 0x1403
    PEER_TIMEOUT = 0x1404
    PEER_INVALID = 0x1405
    # Local: the network of processes on this machine
    HOME_IN_USE = 0x1501
    VALIDATOR_START = 0x1502
    VECTORS_UNREADABLE = 0x1503
    NO_FAUCET = 0x1504
    NO_NETWORK = 0x1505
    VALIDATOR_STATE = 0x1506
    LABORATORY = 0x1507
    READ_ONLY = 0x1508
    # Local: documents that are to prove something
    RECEIPT_INVALID = 0x1601
    DOCUMENT_INVALID = 0x1602


RULE_NAMES = {
    1: "FORMAT",
    2: "SIGNATURE",
    3: "ACCOUNT",
    4: "CONFLICT",
    5: "SEQUENCE",
    6: "DEPENDENCY",
    7: "AMOUNTS",
    8: "BALANCE",
    9: "RANGE",
    10: "REFUSAL",
}
"""Names of the nine rules by number; 10 is an operational refusal."""


def rule_of(code: ErrorCode) -> int:
    """Number of the rule that a code belongs to."""
    return code >> 8


class WireErrorCode(IntEnum):
    """Codes of the ERROR message (docs/protocol.md, "Messages")."""

    BAD_FRAME = 1
    UNKNOWN_TYPE = 2
    TOO_LARGE = 3
    HANDSHAKE_REQUIRED = 4
    VERSION = 5
    NETWORK = 6
    IDENTITY = 7
    ROLE = 8
    RATE_LIMIT = 9
    INTERNAL = 10


class MeshError(Exception):
    """Root of all errors that are part of normal operation. `code` is stable; the text is for people."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @override
    def __str__(self) -> str:
        return f"{self.text} [{self.code:04x}]"


class DecodeError(MeshError):
    """Bytes that are not the canonical encoding of the expected type. `field` names the field, dotted from the outermost type."""

    def __init__(self, text: str, *, field: str = "", code: ErrorCode = ErrorCode.MALFORMED) -> None:
        super().__init__(code, f"{field}: {text}" if field else text)
        self.reason = text
        self.field = field

    def within(self, outer: str) -> "DecodeError":
        """The same error with the name of the enclosing field in front."""
        return DecodeError(self.reason, field=f"{outer}.{self.field}" if self.field else outer, code=self.code)


class Rejected(MeshError):
    """A validation rule refused a transition. Proves that the transition, or the state it was built on, is not acceptable here."""

    @property
    def rule(self) -> int:
        """Number of the rule, 1 to 9, or 10 for an operational refusal."""
        return rule_of(self.code)


class PeerFault(MeshError):
    """A peer broke the wire protocol or did not answer. Says nothing about other peers, and nothing about money."""

    def __init__(self, code: ErrorCode, text: str, *, peer: str = "") -> None:
        super().__init__(code, f"{peer}: {text}" if peer else text)
        self.peer = peer


class LocalFault(MeshError):
    """This machine cannot go on with the request: configuration, keys, disk, or the person's input. Nothing was changed."""
