"""What holds for every test: marks by folder, a home of its own, and Hypothesis without a stopwatch."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent
MARK_OF_FOLDER = {"e2e": pytest.mark.e2e, "tui": pytest.mark.tui}

# A shared machine stalls for longer than any example takes, so a deadline would measure the machine. In CI the examples are the
# same on each run: a change is judged by what it changes, and a failure there can be repeated here.
settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# The tests start some hundred Python processes. Where an environment forbids bytecode, each of them would compile every module that
# it imports, which takes as long as what most of them are started for; so do the workers that pytest starts.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A shell makes what it starts in the background ignore SIGINT, and so would every process that tests start, and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: tests with processes of their own wait for these, and a core would wait with them."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by the folder that they are in, so that `-m "not e2e"` needs no decorator."""
    for item in items:
        if item.path.is_relative_to(HERE):
            mark = MARK_OF_FOLDER.get(item.path.relative_to(HERE).parts[0])
            if mark is not None:
                item.add_marker(mark)


@pytest.fixture(scope="session", autouse=True)
def home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A MESH home that is thrown away. Without it, a test that forgets to say where would write into the home of whoever runs it."""
    home = tmp_path_factory.mktemp("mesh-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESH_HOME", str(home))
        yield home
