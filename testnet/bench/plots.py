"""Curves as SVG files. matplotlib is an extra of the package: it is imported when a figure is asked for, and not before."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.types.visible_text import visible_text

EXTRA_HINT = "figures need matplotlib: pip install 'mesh-protocol[plot]'"


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of one line, and what it is called."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One file: curves over one axis. `file` is its name without an ending."""

    file: str
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    is_log: bool = False
    """Whether the horizontal axis is logarithmic."""
    has_dots: bool = True


def require_matplotlib() -> None:
    """LocalFault (CONFIG_INVALID) where it is missing: before the measurement, not after it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise LocalFault(ErrorCode.CONFIG_INVALID, EXTRA_HINT)


def draw(folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Write all figures; returns the files. LocalFault (CONFIG_INVALID without matplotlib, STORE_UNAVAILABLE)."""
    require_matplotlib()
    import matplotlib as mpl

    # Whatever the environment chooses, there is no window here; and the same figures give the same bytes.
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mesh"
    from matplotlib import pyplot

    paths = []
    for figure in figures:
        canvas, axes = pyplot.subplots(figsize=(7.2, 4.0), layout="constrained")
        for curve in figure.curves:
            axes.plot(*zip(*curve.points, strict=True), label=_plain(curve.name), marker="o" if figure.has_dots else "", markersize=4)
        if figure.is_log:
            axes.set_xscale("log")
        axes.set(title=_plain(figure.title), xlabel=figure.x, ylabel=figure.y)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        if len(figure.curves) > 1:
            axes.legend()
        path = folder / f"{figure.file}.svg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            canvas.savefig(path, format="svg", metadata={"Date": None})
        except OSError as error:
            raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error
        finally:
            pyplot.close(canvas)
        paths.append(path)
    return paths


def _plain(text: str) -> str:
    """Text as it is: matplotlib takes what stands between two dollars for a formula, and ends where it is none, after all has been measured."""
    return visible_text(text).replace("$", r"\$")
