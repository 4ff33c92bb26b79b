"""Who may import whom, file by file. `[tool.importlinter]` adds layers and imports through others."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("assets", "models", "ray_jobs", "dags")
PLATFORM = {"assets", "models", "ray_jobs", "dags"}
FRAMEWORKS = {"airflow", "dagster", "dagster_dbt", "dagster_pipes", "ray", "torch"}

# Third-party packages a file may name; None means any that is no framework.
CONTRACTS = {"pyarrow", "fsspec", "polars"}
STATISTICS = {"numpy", "scipy", "polars"}
MODELS = {
    *("torch", "numpy", "sklearn", "safetensors", "onnxruntime", "onnx", "captum", "transformers"),
    *("PIL", "cv2", "simplejpeg"),
}
RAY_JOBS = {"ray", "dagster_pipes", "pyarrow", "numpy", "torch"}
SLICE_ASSETS = {"dagster", "dagster_dbt", "pydantic", "polars", "pyarrow"}
WIRING = {"dagster", "pydantic", "psutil", "matplotlib"}
SHARED_BY_SLICES = {"assets.contracts", "assets.statistics"}
SHARED_BY_ASSET_FILES = SHARED_BY_SLICES | {
    "assets.partitions",
    "assets.resources",
    "assets.marts",
    "assets.metadata",
    "assets.figures",
    "assets.whole_tables",
}


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names if node.module == "assets")


TOP_LEVEL = {
    "cli.py": {"typer", "dagster"},
    "definitions.py": {"dagster", "dagster_dbt"},
    "marts.py": {"duckdb", "pyarrow"},
    "suggested.py": {"typer"},
    "whole_tables.py": {"dagster", "pyarrow"},
}
"""Files beside the slices that need something else than ``WIRING``."""
GPU_ONLY = {"nvjpeg.py": {"torchvision"}}
"""Imported lazily: it has no build without a GPU."""


def allowed_for(path: Path) -> tuple[set[str], set[str] | None]:
    """Prefixes of our modules, and third-party packages (None: all but frameworks), that a file may import."""
    match path.parts:
        case ("assets", "contracts", *_):
            return {"assets.contracts"}, CONTRACTS
        case ("assets", "statistics", *_):
            return {"assets.statistics", "assets.contracts"}, STATISTICS
        case ("assets", name):
            return {"assets"}, TOP_LEVEL.get(name, WIRING)
        case ("assets", "dbt", "invocation.py" | "translator.py"):  # dbt's own side of Dagster
            return {"assets.dbt", *SHARED_BY_ASSET_FILES}, SLICE_ASSETS | {"packaging"}
        case ("assets", "dbt", "mart_figures.py"):  # SQL and the figure of each mart, declared together
            return {"assets.dbt", "assets.figures", *SHARED_BY_SLICES}, {"duckdb"}
        case ("assets", part, name) if name == "assets.py" or name.endswith("_assets.py"):
            return {f"assets.{part}", *SHARED_BY_ASSET_FILES}, SLICE_ASSETS
        case ("assets", part, *_):
            return {f"assets.{part}", *SHARED_BY_SLICES}, None
        case ("models", *below):
            return {"models"}, MODELS | GPU_ONLY.get(below[-1], set())
        case ("ray_jobs", *_):
            return {"ray_jobs", "models", "assets.contracts"}, RAY_JOBS
        case _:
            return set(), {"airflow"}


def is_below(module: str, prefixes: set[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def import_breaches(root: Path) -> list[str]:
    """``file:line imports what it may not`` for the four packages below ``root``."""
    breaches = []
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        relative = path.relative_to(root)
        ours, others = allowed_for(relative)
        siblings = {p.stem for p in path.parent.glob("*.py")} if relative.parts[0] == "dags" else set()
        for line, module in imports_of(path):
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or top in siblings or module == "assets":
                continue
            if top in PLATFORM:
                fine = is_below(module, ours)
            else:
                fine = top not in FRAMEWORKS if others is None else top in others
            if not fine:
                breaches.append(f"{relative}:{line} imports {module}")
    return breaches


def test_every_file_imports_only_what_it_may():
    assert len(list((PROJECT_ROOT / "assets").rglob("*.py"))) > 10
    assert import_breaches(PROJECT_ROOT) == []


def test_every_folder_of_modules_is_a_package():
    """Import-linter and code versions see packages only."""
    folders = {p.parent for package in ("assets", "models", "ray_jobs") for p in (PROJECT_ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


BREAKING = {
    "assets/contracts/lake.py": ["dagster", "numpy", "assets.statistics"],
    "assets/statistics/rank.py": ["duckdb", "assets.beauty"],
    "assets/cli.py": ["ray_jobs", "models"],
    "assets/resources.py": ["torch"],
    "assets/beauty/assets.py": ["ray_jobs.score_photos", "models", "assets.community", "networkit"],
    "assets/beauty/social_metric.py": ["dagster", "assets.community", "assets.resources", "torch"],
    "models/heads.py": ["assets.contracts", "ray", "ray_jobs"],
    "ray_jobs/score_photos.py": ["dagster", "duckdb", "airflow", "assets.statistics"],
    "dags/nightly.py": ["assets.contracts", "dagster", "requests"],
}


@pytest.fixture
def breaking_project(tmp_path: Path) -> Path:
    """A project that breaks every rule once, and otherwise imports what it may."""
    for name, modules in BREAKING.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import json\n" + "".join(f"import {module}\n" for module in modules))
    (tmp_path / "dags" / "sibling.py").write_text("import nightly\nfrom airflow.sdk import DAG\n")
    (tmp_path / "assets/landing").mkdir()
    (tmp_path / "assets/landing/assets.py").write_text("import dagster\nfrom assets.landing.plain import x\n")
    (tmp_path / "assets/landing/plain.py").write_text("import duckdb\nfrom assets import landing\n")
    return tmp_path


def test_every_broken_rule_is_seen(breaking_project):
    expected = [f"{name}:{i} imports {m}" for name, modules in BREAKING.items() for i, m in enumerate(modules, start=2)]
    assert sorted(import_breaches(breaking_project)) == sorted(expected)


def test_an_import_inside_a_function_and_from_a_package_is_seen(tmp_path):
    (tmp_path / "assets" / "beauty").mkdir(parents=True)
    (tmp_path / "assets/beauty/plain.py").write_text("def f():\n    from assets import community\n    import ray\n")
    assert import_breaches(tmp_path) == [
        "assets/beauty/plain.py:2 imports assets.community",
        "assets/beauty/plain.py:3 imports ray",
    ]


# ---- import-linter: layers, and imports through other modules ----


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def hollow_project(tmp_path: Path) -> Path:
    """The platform's own tree and configuration, with every module empty."""
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tmp_path)
    for package in ("assets", "models", "ray_jobs"):
        for path in (PROJECT_ROOT / package).rglob("*.py"):
            hollow = tmp_path / path.relative_to(PROJECT_ROOT)
            hollow.parent.mkdir(parents=True, exist_ok=True)
            hollow.touch()
            (hollow.parent / "__init__.py").touch()
    return tmp_path


THROUGH_OTHERS = {
    "Assets are layered, slices meet only in tables": ("assets/beauty/assets.py", "assets.community.assets"),
    "Contracts know no framework": ("assets/contracts/lake.py", "duckdb"),
    "Statistics are plain functions": ("assets/statistics/rank.py", "networkit"),
    "Dagster never holds a network or a cluster": ("assets/running.py", "ray"),
    "Networks know nothing of the platform": ("models/heads.py", "dagster"),
    "Ray jobs know contracts and networks": ("ray_jobs/score_photos.py", "assets.statistics"),
}


def test_import_linter_keeps_its_contracts():
    result = lint_imports(PROJECT_ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_import_linter_sees_every_contract_broken(hollow_project):
    for name, module in THROUGH_OTHERS.values():
        (hollow_project / name).write_text(f"import {module}\n")
    result = lint_imports(hollow_project)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = {line.removesuffix(" BROKEN") for line in result.stdout.splitlines() if line.endswith(" BROKEN")}
    assert broken == set(THROUGH_OTHERS)


def test_import_linter_passes_the_hollow_project_and_wants_new_slices_listed(hollow_project):
    assert lint_imports(hollow_project).returncode == 0
    (hollow_project / "assets" / "new_slice").mkdir()
    (hollow_project / "assets" / "new_slice" / "__init__.py").touch()
    result = lint_imports(hollow_project)
    assert result.returncode == 1
    assert "new_slice" in result.stdout
