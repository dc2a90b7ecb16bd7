"""Figures of `bench latency`, as SVG: how payments are distributed, beside the floor and the 300 ms, and the parts of one as a bar."""

from pathlib import Path
from typing import Any, Final

from mesh_core.errors import ErrorCode, LocalFault
from testnet.bench.plots import require_matplotlib
from testnet.bench.results import Result

BINS: Final = 100
COLOURS: Final = ("#9aa5b1", "#c9b458", "#b5651d", "#e0b080", "#7a9e7e", "#4f7cac", "#a9cfe6", "#8c4a2f", "#35597f", "#7fb3d5", "#6b5b95")


def draw_latency(folder: Path, result: Result, name: str) -> list[Path]:
    """Write both figures; returns the files. LocalFault (CONFIG_INVALID without matplotlib, STORE_UNAVAILABLE)."""
    require_matplotlib()
    import matplotlib as mpl

    # Whatever the environment chooses, there is no window here; and the same figures give the same bytes.
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mesh"
    return [_save(_distribution(result), folder / f"{name}.svg"), _save(_split(result), folder / f"{name}-split.svg")]


def _distribution(result: Result) -> Any:
    from matplotlib import pyplot

    figures, target = result.figures, result.figures["target_ms"]
    canvas, axes = pyplot.subplots(figsize=(7.2, 4.0), layout="constrained")
    most = max(target * 1.05, min(figures["acks"]["longest"], target * 3))
    for values, words in ((figures["certificates_ms"], "certificate"), (figures["acks_ms"], "applied by a quorum")):
        # What is beyond the axis stands in its last column: nothing slow is left out.
        axes.hist([min(value, most) for value in values], bins=BINS, range=(0, most), alpha=0.65, label=f"{words}, of {len(values)}")
    floor = figures["certificate"]["floor"]
    if floor:
        axes.axvline(floor, color="black", linestyle=":", label=f"round trip that no certificate beats, {floor:g} ms")
    axes.axvline(target, color="firebrick", linestyle="--", label=f"{target:g} ms")
    axes.set(title=_title(result), xlabel="ms from the call", ylabel="payments", xlim=(0, most))
    axes.legend()
    return canvas


def _split(result: Result) -> Any:
    from matplotlib import pyplot

    canvas, axes = pyplot.subplots(figsize=(7.2, 3.0), layout="constrained")
    left = 0.0
    for (part, found), colour in zip(result.figures["split"].items(), COLOURS, strict=True):
        axes.barh([""], [found["median"]], left=left, color=colour, edgecolor="white", label=f"{part} {found['median']:.1f}")
        left += found["median"]
    axes.set(title=f"{_title(result)}: median of each part", xlabel="ms from the call")
    axes.set_yticks([])
    canvas.legend(ncols=4, loc="outside lower center", fontsize="small")
    return canvas


def _title(result: Result) -> str:
    return f"{result.options['profile']}, {result.options['loss'] * 100:g} % loss: {result.machine['cores']} cores, {result.date}"


def _save(canvas: Any, path: Path) -> Path:
    from matplotlib import pyplot

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise LocalFault(ErrorCode.STORE_UNAVAILABLE, f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        pyplot.close(canvas)
    return path
