"""The arrows of the house: who may import whom, what the cores do without, what the web process never loads."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MIDDLE = {"surveys", "models_ml", "generative"}
MAY_IMPORT = {
    "config": {"benchmark", "imagebank"} | MIDDLE,
    "benchmark": {"imagebank"} | MIDDLE,
    "surveys": {"imagebank"},
    "models_ml": {"imagebank"},
    "generative": {"imagebank"},
    "imagebank": set(),
}
ROOMS = set(MAY_IMPORT)
BENEATH_THE_DOORS = {"core", "models", "services", "questions", "languages", "errors", "tables", "jobs", "leakage"}
CORES = ["surveys", "models_ml", "generative", "benchmark"]
LINES_AT_MOST, FUNCTION_LINES_AT_MOST = 500, 80
TABLES = {"_parser"}  # one line per option of a command line: long, but a table


def modules_of(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@cache
def nodes_of(path: Path) -> list[ast.AST]:
    """Every import and every function of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)]


def imported(path: Path) -> set[tuple[str, int]]:
    """Dotted names that a file imports, each with its line; relative imports stay in the room and are left out."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {(alias.name, node.lineno) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module, node.lineno))
    return names


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_along_the_arrows(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(room)
        for name, line in imported(path)
        if name.split(".")[0] in ROOMS - MAY_IMPORT[room] - {room}
    ]
    assert not wrong


@pytest.mark.parametrize("room", sorted(ROOMS - {"config"}))
def test_what_changes_rows_knows_no_page_api_task_or_command(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for folder in ("models", "services", "core")
        for path in modules_of(f"{room}/{folder}")
        for name, line in imported(path)
        if name.split(".")[0] in ROOMS and name.split(".")[1:2] and name.split(".")[1] not in BENEATH_THE_DOORS
    ]
    assert not wrong


@pytest.mark.parametrize("room", [*CORES, "imagebank"])
def test_a_core_imports_neither_django_nor_anything_of_the_house_but_the_ground_floors_core(room):
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of(f"{room}/core")
        for name, line in imported(path)
        if name.split(".")[0] in {"django", "rest_framework", "celery"}
        or (name.split(".")[0] in ROOMS and not (name + ".").startswith((f"{room}.core.", "imagebank.core.")))
    ]
    assert not wrong


def test_statistics_know_no_study_no_file_and_no_report():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules_of("benchmark/core/methods")
        for name, line in imported(path)
        if name.startswith("benchmark.") and not name.startswith(("benchmark.core.methods.", "benchmark.core.errors"))
    ]
    assert not wrong


def test_every_core_loads_whole_where_django_is_not_installed():
    code = f"""
import importlib, pkgutil, sys
sys.modules["django"] = None
for room in {[*CORES, "imagebank"]}:
    core = importlib.import_module(room + ".core")
    for module in pkgutil.walk_packages(core.__path__, core.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print("loaded")
"""
    done = run_python(code)
    assert done.stdout.strip().endswith("loaded"), done.stderr[-2000:]


def test_the_web_process_loads_every_page_without_torch(tmp_path):
    code = f"""
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
os.environ["DIPTYCH_VAR"] = {str(tmp_path)!r}
from config.wsgi import application
assert "benchmark.pages.results" in sys.modules, "before the first visitor comes"
import threading
from django.db import connection
assert (connection.connection, threading.active_count()) == (None, 1), "nothing that a process may not take along when it forks"
from django.urls import get_resolver
assert len(get_resolver().url_patterns) > 10
print(sorted({{"torch", "torchvision", "timm", "captum"}} & set(sys.modules)))
"""
    done = run_python(code)
    assert done.stdout.strip().endswith("[]"), done.stdout[-500:] + done.stderr[-2000:]


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_files_can_be_read_and_functions_seen(room):
    too_long = []
    for path in modules_of(room):
        text = path.read_text()
        if "migrations" in path.parts:
            continue
        if text.count("\n") > LINES_AT_MOST:
            too_long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in nodes_of(path):
            if not isinstance(node, ast.FunctionDef) or node.name in TABLES:
                continue
            if node.end_lineno - node.lineno >= FUNCTION_LINES_AT_MOST:
                too_long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not too_long


def test_no_signals_and_no_work_in_save():
    """Models only save; what follows from a change stands in the service that makes it."""
    wrong = []
    for room in ROOMS:
        for path in modules_of(room):
            wrong += [
                f"{path.relative_to(ROOT)}:{line}"
                for name, line in imported(path)
                if name == "django.db.models.signals"
            ]
            if "models" in path.parts:
                wrong += [
                    f"{path}:{n.lineno} save()"
                    for n in nodes_of(path)
                    if isinstance(n, ast.FunctionDef) and n.name == "save"
                ]
    assert not wrong
