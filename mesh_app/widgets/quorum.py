"""The quorum as a row of boxes: filled for each vote, or each validator that is up; the threshold is always written beside it."""

from mesh_app.spans import Line, Span, Tone, validator_name, validator_tone


def quorum_boxes(filled: int, total: int, quorum: int) -> Line:
    """`■■■□`: green from the threshold on, amber below it."""
    tone: Tone = "up" if filled >= quorum else "wait"
    return (Span("■" * filled, tone), Span("□" * max(0, total - filled), "dim"))


def tolerance(up: int, quorum: int) -> Line:
    """What the network can still lose, in words."""
    spare = up - quorum
    if spare > 0:
        return (Span("●", "up"), Span(f" tolerates {spare} more failure{'' if spare == 1 else 's'}"))
    if spare == 0:
        return (Span("◐", "wait"), Span(" settles, none to spare", "wait"))
    return (Span("✖", "down"), Span(f" no quorum: {-spare} more needed", "down"))


def names_line(indices: tuple[int, ...], total: int) -> Line:
    """`V1 V2 ·· V4`: some of the validators, each in its place."""
    return tuple(Span(f"{validator_name(index)} ", validator_tone(index)) if index in indices else Span("·· ", "dim") for index in range(total))
