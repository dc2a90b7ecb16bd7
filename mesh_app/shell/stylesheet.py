"""Styles that are parsed once.

Textual parses all of them anew with each kind of screen that comes to be shown, twice, while no key is answered: up to half of a screen's first visit.
Knows one private attribute of `Stylesheet`, whose version is pinned; `tests/tui/test_look.py` notices where it is another.
"""

from textual.css.stylesheet import Stylesheet
from typing_extensions import override


class SteadyStylesheet(Stylesheet):
    """Parses what is new, and everything where a variable has changed: then what it keeps is void."""

    @override
    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)

    @override
    def reparse(self) -> None:
        self.parse()
