"""The same events give the same bytes: in another process, another time zone, another language, from another folder, with other hashes."""

from pathlib import Path

from tests.unit.app.recording.replayed import REAL, first_seconds, mesh_app

ONE = {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C", "COLUMNS": "80", "HOME": "/nowhere"}
OTHER = {"PYTHONHASHSEED": "2", "TZ": "America/Los_Angeles", "LC_ALL": "de_DE.UTF-8", "LINES": "99", "NO_COLOR": "1", "TERM": "dumb"}


def test_two_processes_make_the_same_cast_of_a_real_run(tmp_path: Path) -> None:
    casts = []
    running = []
    for name, environment in (("one", ONE), ("other", OTHER)):
        folder = tmp_path / name
        folder.mkdir()
        cast = folder / "x.cast"
        running.append(mesh_app("--replay", REAL, "--record", cast, "--size", "100x30", cwd=folder, environment=environment))
        casts.append(cast)
    for process in running:
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, complaint
    assert casts[0].read_bytes() == casts[1].read_bytes()
    assert casts[0].stat().st_size > 50_000
    manifests = [cast.with_suffix(".manifest.json").read_bytes() for cast in casts]
    assert manifests[0] == manifests[1]


def test_speed_shortens_a_recording_and_changes_no_figure(tmp_path: Path) -> None:
    events = first_seconds(tmp_path / "run.events.jsonl", 4.0)
    slow, fast = tmp_path / "slow.cast", tmp_path / "fast.cast"
    running = [mesh_app("--replay", events, "--record", path, "--size", "60x18", "--speed", speed, cwd=tmp_path) for path, speed in ((slow, "1"), (fast, "4"))]
    for process in running:
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 0, complaint
    ends = [float(path.read_text().splitlines()[-1].split(",")[0][1:]) for path in (slow, fast)]
    assert ends == [4.1, 1.1]
