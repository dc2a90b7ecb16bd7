"""Cutting, filling and breaking of lines, by cells and not by characters."""

from hypothesis import given
from hypothesis import strategies as st

from mesh_app.spans import Span, plain
from mesh_app.widgets.line_view import clipped, cut, cut_exactly, fitted, line_width, padded, right_aligned, width_of, wrapped

texts = st.text(max_size=30)
line = st.lists(texts.map(Span), max_size=5).map(tuple)


@given(texts, st.integers(0, 40))
def test_clipped_text_fits(text: str, width: int) -> None:
    assert width_of(clipped(text, width)) <= width


@given(texts, st.integers(1, 40))
def test_padded_text_has_exactly_its_width(text: str, width: int) -> None:
    assert width_of(padded(text, width)) == width
    assert width_of(right_aligned(text, width)) == width


@given(line, st.integers(0, 60))
def test_cut_line_fits_and_a_line_that_fits_stays(found: tuple[Span, ...], width: int) -> None:
    assert line_width(cut(found, width)) <= width
    assert line_width(cut_exactly(found, width)) <= width
    if line_width(found) <= width:
        assert cut(found, width) == found


def test_cut_says_that_something_is_missing() -> None:
    assert plain(cut((Span("abc"), Span("def")), 5)) == "abcd…"
    assert plain(cut((Span("abc"), Span("def")), 3)) == "ab…"


def test_fitted_keeps_the_first_parts() -> None:
    parts = [(Span("aaa"),), (Span("bbb"),), (Span("ccc"),)]
    assert plain(fitted(parts, 9)) == "aaa  bbb"


@given(st.text(alphabet="ab cd晚", max_size=60), st.integers(4, 30))
def test_wrapped_lines_fit(text: str, width: int) -> None:
    assert all(line_width(found) <= width for found in wrapped(text, width))


def test_wrapped_text_keeps_its_words() -> None:
    assert [plain(found) for found in wrapped("one two three", 8)] == ["one two", "three"]
