"""The run directory: what a run leaves behind, readable by anyone, checked whenever it is read.

    RUN/config.toml run.json folds.csv oof.csv card.md SHA256SUMS
    RUN/fold0/config.toml weights.safetensors state.pt metrics.jsonl oof.csv result.json card.md SHA256SUMS

``run.json`` names classes, own classes and fingerprints; ``result.json`` is written last: it says how a fold ended.
"""

import io
import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models_ml.core.config import RunConfig, read_config
from models_ml.core.errors import CoreError
from models_ml.core.files import replacing, sha256_file, write_json, write_text
from models_ml.core.pictures.manifest import LabelSpace

if TYPE_CHECKING:
    import torch

WEIGHTS, STATE, RESULT, SUMS = "weights.safetensors", "state.pt", "result.json", "SHA256SUMS"
METRICS, CALIBRATION = "metrics.jsonl", "calibration.json"
METRIC_NAMES = ("epoch", "train_loss", "held_out_loss", "balanced_accuracy", "accuracy", "lr")
STATE_VERSION = 2  # raised when a state that was saved before cannot be continued to the same weights
FINISHED = ("finished", "stopped early")
LONGEST_NAME, MOST_FOLDS, MOST_EPOCHS, MOST_THREADS = 50, 1000, 1_000_000, 4096


@dataclass(frozen=True)
class FoldResult:
    """How one fold ended. ``score``: own-class balanced accuracy held out at ``best_epoch`` (None: no epoch ended)."""

    fold: int
    status: str  # finished, stopped early, cancelled
    epochs_done: int
    best_epoch: int
    score: float | None
    weights_sha256: str
    seconds: float
    folder: str

    @property
    def complete(self) -> bool:
        return self.status in FINISHED

    @property
    def trained(self) -> bool:
        """Whether it may answer: cancelled before its first epoch was done, its weights are nearly random ones."""
        return self.best_epoch > 0


@dataclass(frozen=True)
class RunInfo:
    """A run directory's heading. threads: the processor's, with which it was begun; None where they were not noted."""

    folder: Path
    cfg: RunConfig
    labels: LabelSpace
    manifest_fingerprint: str
    folds: tuple[int, ...]
    threads: int | None = None


def fold_folder(run_dir: Path | str, fold: int) -> Path:
    return Path(run_dir) / f"fold{fold}"


def write_run(info: RunInfo) -> None:
    write_json(
        info.folder / "run.json",
        {
            "schema": "classifier-run/1",
            "classes": list(info.labels.names),
            "own": list(info.labels.own),
            "config_fingerprint": info.cfg.fingerprint,
            "manifest_fingerprint": info.manifest_fingerprint,
            "folds": list(info.folds),
            "threads": info.threads,
        },
    )


def read_run(run_dir: Path | str) -> RunInfo:
    """Read a run's heading; CoreError when the folder is no run or its configuration was changed afterwards."""
    folder = Path(run_dir)
    heading = _read_json(folder / "run.json", f"{folder} is not a run directory")
    _check_heading(heading, folder / "run.json")
    cfg = read_config(folder / "config.toml")
    if cfg.fingerprint != heading["config_fingerprint"]:
        raise CoreError(f"{folder}/config.toml was changed after the run began; restore it or start a new run.")
    labels = LabelSpace(tuple(heading["classes"]), tuple(heading["own"]))
    return RunInfo(folder, cfg, labels, heading["manifest_fingerprint"], tuple(heading["folds"]), heading.get("threads"))


def _check_heading(heading: dict[str, Any], path: Path) -> None:
    """A heading may come from anywhere: folds become names of folders, classes names of columns."""

    def names(value: object) -> bool:
        return isinstance(value, list) and all(isinstance(n, str) and 0 < len(n) <= LONGEST_NAME for n in value)

    folds = heading.get("folds")
    expected = {
        "classes": names(heading.get("classes")),
        "own": names(heading.get("own")) and bool(heading.get("own")),
        "folds": isinstance(folds, list) and all(type(n) is int and 0 <= n < MOST_FOLDS for n in folds)
        and len(set(folds)) == len(folds) > 0,
        "config_fingerprint": _is_hash(heading.get("config_fingerprint")),
        "manifest_fingerprint": _is_hash(heading.get("manifest_fingerprint")),
        "threads": heading.get("threads") is None or (type(heading["threads"]) is int and 0 < heading["threads"] <= MOST_THREADS),
    }  # fmt: skip
    if wrong := [key for key, fits in expected.items() if not fits]:
        raise CoreError(f"{path} is not what the command train writes: {wrong[0]} is missing or of another kind.")


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant)
    except FileNotFoundError:
        raise CoreError(f"{otherwise}: {path.name} is missing.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise CoreError(f"{otherwise}: {path.name} cannot be read ({error}).") from error
    if not isinstance(found, dict):
        raise CoreError(f"{otherwise}: {path.name} is no JSON object.")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def read_result(folder: Path) -> FoldResult | None:
    """How the fold ended, or None while it has not. In a run's folder the name says which fold it must be."""
    if not (folder / RESULT).is_file():
        return None
    values = _read_json(folder / RESULT, f"{folder} holds no fold's result")
    number = re.fullmatch(r"fold(\d+)", folder.name)
    try:
        result = FoldResult(**values)
        fits = (
            type(result.fold) is int and (number is None or result.fold == int(number[1])) and result.status in (*FINISHED, "cancelled")
            and type(result.epochs_done) is type(result.best_epoch) is int
            and 0 <= result.best_epoch <= result.epochs_done < MOST_EPOCHS
            and (result.score is None or 0 <= result.score <= 1) and 0 <= result.seconds < math.inf
            and isinstance(result.weights_sha256, str) and isinstance(result.folder, str)
        )  # fmt: skip
    except TypeError:
        fits = False
    if not fits:
        raise CoreError(f"{folder / RESULT} is not what the command train writes for {folder.name}.")
    return result


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Metrics of every ended epoch of a fold, none while none has ended; CoreError for what a fold does not write."""
    path = folder / METRICS
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line, parse_constant=_no_constant) for line in lines if line]
        fits = all(set(METRIC_NAMES) <= row.keys() and all(map(_is_metric, row.values())) for row in rows)
        fits = fits and all(type(row["epoch"]) is int and 0 < row["epoch"] < MOST_EPOCHS for row in rows)
    except (OSError, ValueError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise CoreError(f"{path} is not what the command train writes: one JSON object per epoch.")
    return rows


def _is_metric(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def read_temperature(run_dir: Path | str) -> float | None:
    """The temperature fitted on the out-of-fold predictions; None where none was."""
    path = Path(run_dir) / CALIBRATION
    if not path.is_file():
        return None
    value = _read_json(path, f"{run_dir} has no calibration that can be used").get("temperature")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        raise CoreError(f"{path}: the temperature must be a number above 0, at most 100; it is {str(value)[:50]!r}.")
    return float(value)


def was_begun(folder: Path) -> bool:
    """Whether anything was trained in this fold's folder."""
    return any((folder / name).is_file() for name in (STATE, WEIGHTS, RESULT))


def write_result(result: FoldResult) -> None:
    write_json(Path(result.folder) / RESULT, asdict(result))


def save_weights(network: "torch.nn.Module", path: Path, *, labels: LabelSpace, **facts: object) -> None:
    """Weights in safetensors with class list and facts in the file's own header; the same contents, the same bytes."""
    from safetensors.torch import save

    state = {key: value.detach().cpu().contiguous().clone() for key, value in network.state_dict().items()}
    notes = {"classes": json.dumps(labels.names), "own": json.dumps(labels.own)}
    contents = save(state, metadata={**notes, **{key: str(value) for key, value in facts.items()}})
    with replacing(path) as part:
        part.write_bytes(_in_order(contents))


def _in_order(contents: bytes) -> bytes:
    """The file with its header sorted: the library writes the facts in an order that differs from call to call."""
    length = int.from_bytes(contents[:8], "little")
    header = json.dumps(json.loads(contents[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + contents[8 + length :]


def load_weights(network: "torch.nn.Module", path: Path, labels: LabelSpace) -> None:
    """Fill the network; CoreError when the file is missing, damaged, of other classes or of another network."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CoreError(f"Weights were expected at {path}; there are none.")
    try:
        with safe_open(path, framework="pt") as handle:
            classes = _classes_in(handle)
            state = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, ValueError) as error:
        raise CoreError(f"{path} is damaged: {error}.") from error
    _same_classes(path, classes, labels)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise CoreError(f"{path} holds another network than its configuration says.") from error


def check_classes(path: Path, labels: LabelSpace) -> None:
    """CoreError when the weights file is missing, damaged or of other classes; needs no torch."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CoreError(f"Weights were expected at {path}; there are none.")
    try:
        with safe_open(path, framework="np") as handle:
            classes = _classes_in(handle)
    except (SafetensorError, ValueError) as error:
        raise CoreError(f"{path} is damaged: {error}.") from error
    _same_classes(path, classes, labels)


def _classes_in(handle) -> tuple[str, ...]:
    """The class list in the header of an open weights file; ValueError when it is none."""
    try:
        found = json.loads((handle.metadata() or {}).get("classes", "[]"))
    except RecursionError as error:
        raise ValueError("its class list is nested too deeply") from error
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError("its class list is no list of names")
    return tuple(found)


def _same_classes(path: Path, classes: tuple[str, ...], labels: LabelSpace) -> None:
    if classes != labels.names:
        raise CoreError(
            f"{path} was trained on the classes {', '.join(classes) or 'unknown'}; "
            f"{', '.join(labels.names)} were expected."
        )


def save_state(state: dict[str, Any], path: Path) -> None:
    """In one step; by way of memory, because the library has errors of its own for a disk that is full."""
    import torch

    buffer = io.BytesIO()
    torch.save(state, buffer)
    with replacing(path) as part:
        part.write_bytes(buffer.getbuffer())


def load_state(path: Path, *, cfg: RunConfig, data_key: str) -> dict[str, Any] | None:
    """The state to continue from, None when there is none; CoreError when it belongs to another run, data or version."""
    import torch

    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise CoreError(f"{path} is damaged ({type(error).__name__}); delete it to train this fold anew.") from error
    if state.get("version") != STATE_VERSION:
        raise CoreError(
            f"{path.parent} was begun by another version of this program, and a training goes on in the one that began it "
            f"alone. Go on with that one, or delete {path} to train this fold anew; folds that are done stay as they are."
        )
    if state["config"] != cfg.fingerprint or state["data"] != data_key:
        what = "another configuration" if state["config"] != cfg.fingerprint else "other pictures"
        raise CoreError(f"{path.parent} was begun with {what}; continue with the same or choose another folder.")
    return state


def write_sums(folder: Path) -> None:
    """SHA-256 of every file in the folder, in the form that ``sha256sum -c`` reads."""
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name != SUMS and not p.name.startswith("."))
    names = [name for name in names if name not in ("events.jsonl", "mlflow-run.txt")]
    write_text(folder / SUMS, "".join(f"{sha256_file(folder / name)}  {name}\n" for name in names))


def _recorded(folder: Path) -> dict[str, str]:
    sums = folder / SUMS
    if not sums.is_file():
        raise CoreError(f"{folder} has no {SUMS}; the fold has not ended, train it to its end first.")
    return dict(reversed(line.split("  ", 1)) for line in sums.read_text().splitlines() if "  " in line)


def listed_files(folder: Path) -> list[str]:
    """Names of the files whose checksums the run recorded in this folder."""
    names = sorted(_recorded(folder))
    if strange := [name for name in names if Path(name).name != name]:
        raise CoreError(f"{folder / SUMS} lists {strange[0]!r}, which is not a file of this folder.")
    return names


def check_sum(path: Path) -> str:
    """The file's SHA-256, which must be the one recorded beside it."""
    recorded = _recorded(path.parent)
    if path.name not in recorded:
        raise CoreError(f"{path.parent / SUMS} does not list {path.name}.")
    if not path.is_file():
        raise CoreError(f"{path} is missing.")
    found = sha256_file(path)
    if found != recorded[path.name]:
        raise CoreError(f"{path} is not the file that the run wrote: its SHA-256 differs from {SUMS}.")
    return found
