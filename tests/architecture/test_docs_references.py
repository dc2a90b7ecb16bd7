"""The code sends its readers to sections of the documents by title; these sections exist, and the tables of docs/protocol.md say what the code says."""

import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from mesh_core.crypto import domains
from mesh_core.errors import ErrorCode, WireErrorCode
from mesh_core.types.events import EVENT_BODIES
from mesh_core.types.messages import MESSAGES

ROOT = Path(__file__).parents[2]
PROTOCOL = ROOT / "docs" / "protocol.md"
CODE_FOLDERS = ("mesh_core", "testnet", "mesh_app", "tests", "tools")

TITLE = r'"([^"]+)"'
REFERENCE = re.compile(rf"(docs/[\w./-]+\.md)((?:,\s*(?:#\s*)?{TITLE})*)")
"""A document, and the titles in quotation marks behind it, if any; a title may stand on the next line."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(rf"`((?:{'|'.join((*CODE_FOLDERS, 'docs'))})/[\w./-]+)`")
LOCAL_CODES_FROM = 0x1000


def code_files() -> list[Path]:
    """All modules but this one, which holds references that are examples."""
    return sorted(path for folder in CODE_FOLDERS for path in (ROOT / folder).rglob("*.py") if path != Path(__file__))


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def headings_of(path: Path) -> list[str]:
    """Titles of a Markdown file's sections, code blocks left out."""
    prose = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return [title.replace("`", "").strip() for title in re.findall(r"^#+ (.+)$", prose, flags=re.MULTILINE)]


def anchor_of(title: str) -> str:
    """The anchor that a title has when the document is shown as a page."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def section(path: Path, title: str) -> str:
    """The text of one section, up to the next title of any depth."""
    text = path.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"{name_of(path)} has no section {title}"
    return found.group(1)


def references_in(text: str) -> list[tuple[str, list[str]]]:
    # A docstring that breaks inside a title has a line end and blanks there.
    return [(document, [re.sub(r"\s+", " ", title) for title in re.findall(TITLE, titles)]) for document, titles, _ in REFERENCE.findall(text)]


@pytest.mark.parametrize("path", code_files(), ids=name_of)
def test_every_section_that_the_code_names_exists(path: Path) -> None:
    for document, titles in references_in(path.read_text(encoding="utf-8")):
        assert (ROOT / document).is_file(), f"{name_of(path)} refers to {document}, which does not exist"
        missing = [title for title in titles if title not in headings_of(ROOT / document)]
        assert not missing, f"{name_of(path)} refers to {missing}, which are no sections of {document}"


def test_references_are_found_where_they_stand() -> None:
    text = 'See (docs/a.md, "One", "Two"). See docs/b/c.md; (docs/d.md,\n    "Three\n    words")'
    assert references_in(text) == [("docs/a.md", ["One", "Two"]), ("docs/b/c.md", []), ("docs/d.md", ["Three words"])]


def test_the_code_names_sections_of_the_protocol() -> None:
    # Otherwise a change of the form of references would make the test above pass by finding none.
    named = {
        title
        for path in code_files()
        for document, titles in references_in(path.read_text(encoding="utf-8"))
        if document == "docs/protocol.md"
        for title in titles
    }
    assert {"The nine rules", "Validator", "Wallet", "Transition", "Messages"} <= named


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{name_of(path)} links to {target}, which does not exist"
        if anchor:
            assert anchor in [anchor_of(title) for title in headings_of(found)], f"{name_of(path)} links to {target}, which is no section"


@pytest.mark.parametrize("path", documents(), ids=name_of)
def test_every_file_that_a_document_names_exists(path: Path) -> None:
    # Whoever wants to know how a claim is shown opens what stands beside it.
    for named in PATH.findall(path.read_text(encoding="utf-8")):
        assert (ROOT / named).exists(), f"{name_of(path)} names {named}, which does not exist"


def test_titles_of_the_protocol_are_distinct() -> None:
    titles = headings_of(PROTOCOL)
    assert len(set(titles)) == len(titles)


# --- Tables of docs/protocol.md that repeat numbers of the code -------------------------------------------------------------------------------------


def test_table_of_rules_has_every_code_and_no_other() -> None:
    rules = section(PROTOCOL, "The nine rules") + section(PROTOCOL, "Operational refusals")
    listed = {code.upper() for code in re.findall(r"\b0[1-9A][0-9A-F]{2}\b", rules)}
    assert listed == {f"{code:04X}" for code in ErrorCode if code < LOCAL_CODES_FROM}


def test_table_of_messages_has_every_type_in_order() -> None:
    rows = re.findall(r"^\| ([0-9a-f]{2}) \| ([A-Z_]+) \|", section(PROTOCOL, "Messages"), flags=re.MULTILINE)
    names = {"AccountStateMessage": "ACCOUNT_STATE", "ErrorMessage": "ERROR"}
    expected = [
        (f"{type_byte:02x}", names.get(kind.__name__, re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).upper())) for type_byte, (kind, _) in MESSAGES.items()
    ]
    assert rows == expected


def test_list_of_error_codes_is_complete() -> None:
    line = re.search(r"^\* \*\*ERROR\*\* codes: (.*)$", section(PROTOCOL, "Messages"), flags=re.MULTILINE)
    assert line
    assert [int(number) for number in re.findall(r"\b\d+\b", line.group(1))] == [int(code) for code in WireErrorCode]


def test_table_of_events_has_every_kind_in_order() -> None:
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", section(PROTOCOL, "Events"), flags=re.MULTILINE)
    assert rows == [(str(int(kind)), kind.name) for kind in EVENT_BODIES]


def test_table_of_tags_has_every_tag_and_no_other() -> None:
    rows = re.findall(r"^\| [a-z ]+ \| (.*) \|$", section(PROTOCOL, "Domain tags"), flags=re.MULTILINE)
    listed = [f"MESH/v1/{tag}" for row in rows for tag in re.findall(r"`([^`]+)`", row)]
    assert sorted(listed) == sorted(tag.decode("ascii") for tag in domains.ALL_TAGS)


# --- docs/architecture.md ---------------------------------------------------------------------------------------------------------------------------


def test_table_of_import_contracts_has_every_contract_and_no_other() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    rows = re.findall(r"^\| ([a-z, -]+) \| ", section(ROOT / "docs" / "architecture.md", "Packages"), flags=re.MULTILINE)
    assert sorted(name for row in rows for name in row.split(", ")) == sorted(contract["id"] for contract in contracts)


def test_every_folder_of_code_is_named() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package in ("mesh_core", "testnet", "mesh_app"):
        for marker in (ROOT / package).rglob("__init__.py"):
            assert re.search(rf"\b{marker.parent.name}\b", text), f"docs/architecture.md does not say what {marker.parent.relative_to(ROOT)} is"


def test_every_dependency_is_in_the_table_that_says_what_it_is_trusted_with() -> None:
    table = section(ROOT / "docs" / "security.md", "Dependencies").casefold()
    for dependency in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]:
        name = re.split(r"[^\w.-]", dependency)[0].casefold()
        assert name in table, f"docs/security.md does not say what {name} is trusted with"
