"""What the documents say is so: commands run, settings are read, files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from benchmark.core.output.dictionary import READINGS, SECTIONS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
CLASSES = "NF1 TSC HMI"


def run(command: str, folder: Path) -> subprocess.CompletedProcess:
    """Run a command of the README in `folder` with this Python, as if the repository were installed."""
    words = command.split()
    assert words[0] == "python"
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, *words[1:]], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def papers(tmp_path):
    """The input files that the README's commands name: three classes of 20 items, four readers, a network of two."""
    items = [(f"{name}-{number:02}", name) for name in CLASSES.split() for number in range(20)]
    (tmp_path / "items.csv").write_text("item,class\n" + "".join(f"{item},{name}\n" for item, name in items))
    wrong = dict(zip(CLASSES.split(), CLASSES.split()[1:] + CLASSES.split()[:1], strict=True))
    readings, predictions = ["reader,group,item,truth,answer"], [
        "model,member,item,view,truth," + ",".join(f"p_{name}" for name in CLASSES.split())
    ]  # fmt: skip
    for place, (item, truth) in enumerate(items):
        for reader in range(4):
            answer = wrong[truth] if (place + reader) % 4 == 0 else truth
            readings.append(f"R{reader},geneticists,{item},{truth},{answer}")
        for member in range(2):
            likely = wrong[truth] if (place + member) % 10 == 0 else truth
            row = ",".join("0.8" if name == likely else "0.1" for name in CLASSES.split())
            predictions.append(f"small,{member},{item},focused,{truth},{row}")
    (tmp_path / "readings.csv").write_text("\n".join(readings) + "\n")
    (tmp_path / "predictions.csv").write_text("\n".join(predictions) + "\n")
    return tmp_path


def test_the_readmes_commands_run_one_after_another(papers):
    pythons = [command for command in COMMANDS if command.startswith("python ")]
    assert len(pythons) == 4
    for command in pythons:
        done = run(command, papers)
        assert done.returncode == 0, f"{command}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    for name in ("design.json", "ensemble.csv", "results/results.json", "results/report.html"):
        assert (papers / name).stat().st_size > 0


def test_measurements_are_named_by_the_command_that_starts_them():
    """As modules, from the repository's folder: started by its path, a script would not find the product."""
    papers = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("fixtures/*.md"), *ROOT.glob("tests/performance/*.py")]
    text = "\n".join(path.read_text() for path in papers)
    assert not re.search(r"python tests/performance/", text)
    named = set(re.findall(r"python -m tests\.performance\.(\w+)", text))
    assert len(named) > 12
    assert {name for name in named if not (ROOT / "tests" / "performance" / f"{name}.py").is_file()} == set()


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_the_readmes_make_targets_exist(command):
    done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_setting_read_from_the_environment_is_in_the_example_and_the_reverse():
    source = "".join(path.read_text() for path in (ROOT / "config" / "settings").glob("*.py"))
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', source))
    named = set(re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    outside_settings = {"DJANGO_SETTINGS_MODULE", "TEST_POSTGRES_URL", "TEST_REDIS_URL"}
    assert read == named - outside_settings


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_files_named_in_documents_exist(document):
    text = (ROOT / document).read_text()
    named = set(re.findall(r"`([\w./-]+\.(?:py|md|cff|yaml|txt|lock|example))`", text)) | set(
        re.findall(r"\]\(([\w./-]+)\)", text)
    )
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_section_and_every_column_of_readings_is_described():
    """In the words of the data dictionary, which goes with every analysis."""
    text = (ROOT / "docs" / "files.md").read_text()
    assert [name for name, meaning in SECTIONS.items() if f"| `{name}` | {meaning} |" not in text] == []
    derived = {"correct", "assisted_correct", "simulated"}  # written into exports, never read
    told = set(re.findall(r"`([a-z_, ]+)`", text.split("## readings.csv")[1].split("## readers.csv")[0]))
    assert set(READINGS) - derived <= {name for names in told for name in names.split(", ")}


def test_the_lock_names_no_package_host_and_pins_everything_with_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==.*\\$", lock, re.MULTILINE)
    wanted = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    direct = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z][\w-]*)[\[>=]", wanted, re.MULTILINE)}
    assert direct <= {name.lower() for name in pins}
    assert lock.count("--hash=sha256:") >= len(pins)


def documented_commands() -> list[str]:
    """Every `manage.py ...` line of the documents."""
    texts = [path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]]
    blocks = [block for text in texts for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted({line.removeprefix("manage.py ") for line in lines if line.startswith("manage.py ")})


@pytest.mark.parametrize("line", documented_commands())
def test_documented_commands_exist_and_take_these_arguments(line):
    name, *arguments = line.split()
    command = load_command_class(get_commands()[name], name)
    command.create_parser("manage.py", name).parse_args(arguments)
