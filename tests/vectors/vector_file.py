"""The form of the vector files: how values become JSON, and where the files lie."""

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from mesh_core.crypto.pedersen import Opening
from mesh_core.types.certificate import CERTIFICATE, Certificate
from mesh_core.types.evidence import ClientEquivocation, ValidatorEquivocation
from mesh_core.types.messages import ConflictDetail, MissingDetail, NoDetail, RecordedDetail, SyncAccount, SyncCertificates, SyncFromLog
from mesh_core.types.transition import Kind, TransitionCore

FOLDER = Path(__file__).parent
LARGEST_JSON_NUMBER = 2**53
"""Larger whole numbers are strings of decimal digits: JSON readers that have no integers would round them."""

_TAGS: dict[type, int] = {
    NoDetail: 0,
    ConflictDetail: 1,
    MissingDetail: 2,
    RecordedDetail: 3,
    SyncFromLog: 0,
    SyncAccount: 1,
    SyncCertificates: 2,
    ClientEquivocation: 1,
    ValidatorEquivocation: 2,
}
"""Tag bytes of the types that stand in a choice."""


def json_of(value: Any) -> Any:
    """A value of `mesh_core` in the form of the vector files (README.md, "Form")."""
    match value:
        case None | bool() | str():
            return value
        case Enum():
            return json_of(value.value)
        case int():
            return value if value <= LARGEST_JSON_NUMBER else str(value)
        case bytes():
            return value.hex()
        case tuple() | list():
            return [json_of(item) for item in value]
        case Opening():
            return {"value": json_of(value.value), "blinding": value.blinding.to_bytes(32, "little").hex()}
        case Certificate():
            return CERTIFICATE.encode(value).hex()
        case _ if is_dataclass(value) and not isinstance(value, type):
            form = {"tag": _TAGS[type(value)]} if type(value) in _TAGS else {}
            return form | {field.name: json_of(getattr(value, field.name)) for field in fields(value) if not _is_absent(value, field.name)}
        case _:
            raise TypeError(f"{type(value).__name__} has no form in the vector files")


def _is_absent(value: Any, name: str) -> bool:
    """Whether a core does not have this field: outputs belong to a SEND, claims to a RECEIVE."""
    return isinstance(value, TransitionCore) and name == ("claims" if value.kind is Kind.SEND else "outputs")


def render(document: dict[str, Any]) -> str:
    """The text of a file."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def read_document(name: str) -> dict[str, Any]:
    """The document of a file."""
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document
