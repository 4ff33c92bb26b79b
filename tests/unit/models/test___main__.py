import subprocess
import sys
from pathlib import Path

import pytest

from models.__main__ import main

PROJECT_ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("command", [["list"], ["card", "alexnet_small"]])
def test_main_ends_quietly_where_nobody_reads_on(command):
    process = subprocess.Popen(
        [sys.executable, "-m", "models", *command],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    complaint = process.stderr.read()
    assert (process.wait(), complaint) == (1, "")


def test_main_lists_networks_and_checkpoints(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Networks"
    assert any(line.startswith("  alexnet_small ") for line in lines)
    assert "Checkpoints (`pull NAME`)" in lines


def test_main_says_which_card_is_missing(capsys):
    assert main(["card", "nothing"]) == 2
    assert "'nothing'" in capsys.readouterr().err
