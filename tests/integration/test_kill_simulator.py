"""Simulations killed with SIGKILL: what was there stays, the next run finishes, no process is left behind."""

import hashlib
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.simulation import simulate

PROJECT_ROOT = Path(__file__).resolve().parents[2]
OLD = SimulationConfig(users=60, months=4, images=False, seed=1)
NEW = SimulationConfig(users=60, months=4, images=False, seed=2)
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.simulation import simulate
if __name__ == "__main__":
    home = Path({home!r})
    config = SimulationConfig.from_mapping({knobs!r})
    simulate(config, home / "landing", home / "truth", progress=lambda line: print(line, flush=True))
"""


def _start(home: Path, knobs: dict[str, object]) -> subprocess.Popen[str]:
    script = home / "run.py"
    script.write_text(SCRIPT.format(root=str(PROJECT_ROOT), home=str(home), knobs=knobs))
    return subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)


def _visible(home: Path) -> dict[str, str]:
    files = [p for name in ("landing", "truth") for p in sorted((home / name / "simulated").rglob("*")) if p.is_file()]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.mark.parametrize("lines_before_kill", [1, 3, 4])
def test_a_killed_simulation_leaves_the_last_good_state(tmp_path: Path, lines_before_kill: int) -> None:
    simulate(OLD, tmp_path / "landing", tmp_path / "truth")
    before = _visible(tmp_path)
    process = _start(tmp_path, {"users": 60, "months": 4, "images": False, "seed": 2})
    assert process.stdout is not None
    for _ in range(lines_before_kill):
        assert process.stdout.readline()
    process.kill()
    process.wait()
    after = _visible(tmp_path)
    simulate(NEW, tmp_path / "landing", tmp_path / "truth")
    finished = _visible(tmp_path)
    assert before != finished
    assert after in (before, finished)
    assert not list(tmp_path.rglob("*.part"))


def test_a_killed_simulation_leaves_no_rendering_process(tmp_path: Path) -> None:
    process = _start(tmp_path, {"users": 400, "months": 6, "image_size": 64, "rated_photos": 0})
    assert process.stdout is not None
    assert process.stdout.readline()
    assert process.stdout.readline()
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert children
    _, alive = psutil.wait_procs(children, timeout=30)
    for child in alive:
        child.kill()
    assert not alive
    assert not (tmp_path / "landing" / "simulated").exists()
