"""Every result of an asset check says in words what was found: the command line prints nothing else of it."""

import ast
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SLICES = ("beauty", "community", "crowd", "dbt", "landing", "network", "users")


def check_results(root: Path) -> dict[str, bool]:
    """``file:line`` of every check result that code of the slices makes -> whether it is given a description."""
    found = {}
    for path in sorted(file for name in SLICES for file in (root / "assets" / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "AssetCheckResult":
                described = any(keyword.arg == "description" for keyword in node.keywords)
                found[f"{path.relative_to(root)}:{node.lineno}"] = described
    return found


def test_check_results_have_a_description():
    found = check_results(PROJECT_ROOT)
    assert len(found) >= 10
    assert [place for place, described in found.items() if not described] == []


def test_a_check_result_without_a_description_is_seen(tmp_path):
    file = tmp_path / "assets" / "landing" / "assets.py"
    file.parent.mkdir(parents=True)
    file.write_text('dg.AssetCheckResult(passed=True)\nAssetCheckResult(passed=True, description="x")\n')
    assert check_results(tmp_path) == {"assets/landing/assets.py:1": False, "assets/landing/assets.py:2": True}
