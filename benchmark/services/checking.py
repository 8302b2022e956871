"""Does running a comparison again give the same bytes? If an older version made it, run it again for good; and what changed between two?"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from benchmark.models import Comparison
from imagebank.services.working import working_folder

from .comparison import Progress, analyse_folder, put_in_place
from .input_files import INPUTS, STAMP


@dataclass(frozen=True)
class Recomputed:
    """How many files were compared, and the names of those that differ or are there on one side only."""

    files: int
    different: list[str]


def recompute(*, comparison: Comparison, progress: Progress | None = None) -> Recomputed:
    """Run a stored comparison again from its own inputs, beside it, and compare every file. Nothing stored changes."""
    with _analysed_again(comparison, progress) as (again, _):
        names = _names(comparison.folder) | _names(again)
        different = [name for name in sorted(names) if _bytes(comparison.folder / name) != _bytes(again / name)]
    return Recomputed(len(names), different)


def renew(*, comparison: Comparison, user=None, progress: Progress | None = None) -> Comparison:
    """Analyse the comparison's own inputs with the program of now, and keep that in place of what is stored.

    What people or networks have answered since is not in it. What stops the work leaves everything as it was.
    """
    with _analysed_again(comparison, progress) as (again, results):
        put_in_place(again, comparison.folder)
    comparison.results, comparison.created_by, comparison.created_at = results, user, timezone.now()
    comparison.save(update_fields=["results", "created_by", "created_at"])
    return comparison


@contextmanager
def _analysed_again(comparison: Comparison, progress: Progress | None) -> Iterator[tuple[Path, dict]]:
    """A folder with the comparison's own inputs and what this program makes of them, and the content of results.json."""
    with working_folder(comparison.folder.parent, ".check-") as again:
        for name in INPUTS:
            if (comparison.folder / name).is_dir():
                shutil.copytree(comparison.folder / name, again / name)
            elif (comparison.folder / name).exists():
                shutil.copyfile(comparison.folder / name, again / name)
        stamp = comparison.hashes.get(STAMP)
        yield again, analyse_folder(again, seed=comparison.seed, stamp=stamp, progress=progress)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@dataclass(frozen=True)
class Change:
    """One contrast and question in two comparisons; a side without it has None."""

    question: str
    holds_for: str
    before: dict | None
    after: dict | None

    @property
    def is_same(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True)
class Changes:
    """What went in and what came out of two comparisons, side by side."""

    inputs: list[tuple[str, str, str]]
    contrasts: list[Change]

    @property
    def is_same(self) -> bool:
        return all(change.is_same for change in self.contrasts)


def changes_between(first: Comparison, second: Comparison) -> Changes:
    """What differs between two comparisons of a study, from the earlier one `first` to `second`."""
    names = [*dict.fromkeys([*first.hashes, *second.hashes])]
    inputs = [(name, first.hashes.get(name, "not used"), second.hashes.get(name, "not used")) for name in names]
    inputs.append(("seed", str(first.seed), str(second.seed)))
    versions = first.results.get("versions", {}), second.results.get("versions", {})
    inputs += [
        (name, versions[0].get(name, ""), versions[1].get(name, ""))
        for name in dict.fromkeys([*versions[0], *versions[1]])
    ]
    contrasts = []
    for section, estimate, prefix, holds_for in (
        ("paired", "mean_difference", "", "these images"),
        ("new_images", "difference", "", "new images"),
        ("assistance", "these_images_difference", "these_images_", "these images"),
        ("assistance", "difference", "", "new images"),
        ("assistance_difference", "these_images_difference", "these_images_", "these images"),
        ("assistance_difference", "difference", "", "new images"),
    ):
        sides = [_by_contrast(comparison, section, estimate, prefix) for comparison in (first, second)]
        for key in dict.fromkeys([*sides[0], *sides[1]]):
            before, after = sides[0].get(key), sides[1].get(key)
            contrasts.append(Change((before or after)["question"], holds_for, before, after))
    return Changes(inputs, contrasts)


def _by_contrast(comparison: Comparison, section: str, estimate: str, prefix: str) -> dict[tuple, dict]:
    return {
        (r.get("model", r.get("assistant")), r["group"], r["view"]): {
            "question": r["question"],
            "difference": r[estimate],
            "ci_low": r[f"{prefix}ci_low"],
            "ci_high": r[f"{prefix}ci_high"],
            "p": r[f"{prefix}p"],
        }
        for r in comparison.results.get(section, [])
    }
