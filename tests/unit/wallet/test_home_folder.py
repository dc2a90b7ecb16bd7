"""Where the home is."""

from pathlib import Path

import pytest

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.wallet.home_folder import HOME_VARIABLE, find_home


def test_home_is_the_option_or_the_environment_or_a_folder_of_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "variable"))
    assert find_home(tmp_path / "option") == tmp_path / "option"
    assert find_home(None) == tmp_path / "variable"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_home(Path("~/mine")) == tmp_path / "mine"
    monkeypatch.chdir(tmp_path)
    assert find_home(Path("here")) == tmp_path / "here"
    monkeypatch.setenv(HOME_VARIABLE, "")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    home = find_home(None)
    assert home.is_relative_to(tmp_path)
    assert home.is_absolute()


def test_home_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for option, variable in ((Path("~no-such-user-here/mesh"), ""), (None, "~no-such-user-here/mesh")):
        monkeypatch.setenv(HOME_VARIABLE, variable)
        with pytest.raises(LocalFault) as refusal:
            find_home(option)
        assert refusal.value.code is ErrorCode.CONFIG_INVALID
        assert "~no-such-user-here/mesh" in refusal.value.text
