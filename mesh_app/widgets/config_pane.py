"""A validator's configuration as it is on the disk, line by line. It names the files of its keys and holds none of them."""

from collections.abc import Sequence

from typing_extensions import override

from mesh_app.spans import Line, Span, validator_name
from mesh_app.state import State
from mesh_app.widgets.line_view import clipped, wrapped
from mesh_app.widgets.row_list import RowList


class ConfigPane(RowList[int]):
    """Lines by their number."""

    BORDER_TITLE = "Config"
    index = 0

    @override
    def row_keys(self, state: State) -> Sequence[int]:
        config = state.operation.configs.get(self.index)
        if config is None:
            self.border_title = f"Config of {validator_name(self.index)}"
            return ()
        self.border_title = f"Config of {validator_name(self.index)} · {clipped(config.path, max(10, self.size.width - 20))}"
        words = self.filter_text.lower().split()
        found = [number for number, text in enumerate(config.lines) if all(word in text.lower() for word in words)]
        self.filter_told = f"{len(found)} of {len(config.lines)}"
        return found

    @override
    def row_line(self, state: State, key: int, width: int) -> Line:
        return (Span(f"{key + 1:>3}  ", "dim"), *toml_spans(state.operation.configs[self.index].lines[key]))

    @override
    def empty_lines(self, state: State, width: int) -> Sequence[Line]:
        if self.index in state.operation.configs:
            return [(Span("No line has these words: esc clears the filter.", "dim"),)]
        return wrapped("The file is being read.", width, tone="dim")

    def copy_text(self) -> tuple[str, str] | None:
        """The whole file."""
        config = self._state.operation.configs.get(self.index) if self._state is not None else None
        return None if config is None else (f"configuration of {validator_name(self.index)}", "\n".join(config.lines) + "\n")


def toml_spans(text: str) -> Line:
    """A line of TOML: comments faint, tables strong, keys apart from their values."""
    if text.lstrip().startswith("#"):
        return (Span(text, "dim"),)
    if text.lstrip().startswith("["):
        return (Span(text, "strong"),)
    key, equals, value = text.partition(" = ")
    return (Span(key + equals, "label"), Span(value)) if equals else (Span(text),)
