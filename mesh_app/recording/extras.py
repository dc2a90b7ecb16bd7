"""The packages of the extra `record`: pictures and videos need them, `.cast` files do not."""

import importlib
from pathlib import Path
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault

PACKAGES: Final = {"PIL": "Pillow", "imageio_ffmpeg": "imageio-ffmpeg", "matplotlib": "matplotlib", "pyte": "pyte", "wcwidth": "wcwidth"}
FONT: Final = "DejaVuSansMono"
"""DejaVu Sans Mono: a free font (Bitstream Vera licence and public domain) that matplotlib carries."""


def require_extra() -> None:
    """LocalFault (CONFIG_INVALID) that says what to install, where something of it is missing."""
    missing = [package for module, package in PACKAGES.items() if not _is_there(module)]
    if missing:
        text = (
            f"pictures and videos need {', '.join(missing)}: pip install 'mesh-protocol[record]' (in a clone: sh tools/bootstrap dev). A .cast needs nothing."
        )
        raise LocalFault(ErrorCode.CONFIG_INVALID, text)


def font_file(style: str = "") -> Path:
    """The font of this style: "" or "Bold", "Oblique", "BoldOblique". LocalFault."""
    require_extra()
    import matplotlib as mpl

    name = f"{FONT}-{style}.ttf" if style else f"{FONT}.ttf"
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / name


def _is_there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True
