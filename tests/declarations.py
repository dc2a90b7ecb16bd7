"""Every codec that `mesh_core/types` declares, found by looking, so that a type that is added tomorrow is tested without anybody remembering to."""

import importlib
import pkgutil
from typing import Any

import mesh_core.types
from mesh_core.types.codec import Codec
from mesh_core.types.events import EVENT_BODIES


def _find_codecs() -> dict[str, Codec[Any]]:
    found: dict[str, Codec[Any]] = {}
    for module_info in pkgutil.iter_modules(mesh_core.types.__path__, "mesh_core.types."):
        for name, value in vars(importlib.import_module(module_info.name)).items():
            if isinstance(value, Codec) and not name.startswith("_"):
                assert found.setdefault(name, value) is value, f"two codecs are called {name}"
    return found


TYPE_CODECS: dict[str, Codec[Any]] = _find_codecs()
"""Codecs by the name of the constant that holds them."""

EVENT_BODY_CODECS: dict[str, Codec[Any]] = {f"event {kind.name}": codec for kind, (_, codec) in EVENT_BODIES.items()}
"""Codecs of event bodies, which have no constants of their own."""

ALL_CODECS: dict[str, Codec[Any]] = TYPE_CODECS | EVENT_BODY_CODECS
