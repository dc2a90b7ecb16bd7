"""Fields and tables."""

from mesh_core.wallet.cli.output import cell_width, field_lines, table_lines


def test_fields_stand_below_each_other() -> None:
    assert field_lines([("a", "1"), ("long", "2")]) == ["a     1", "long  2"]
    assert field_lines([]) == []


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table_lines(("NAME", "X"), [("晚饭", "1"), ("Zoe\u0301", "22")]) == ["NAME  X", "晚饭  1", "Zoé   22"]
    assert table_lines(("A", "B"), [("\x1b[2J", "")]) == ["A        B", "\\x1b[2J"]


def test_width_of_a_cell_is_that_on_a_terminal() -> None:
    assert [cell_width(text) for text in ("abc", "晚饭", "e\u0301", "")] == [3, 4, 1, 0]
