"""Drawing a whole image bank: pictures, masks and manifest.csv, in parallel, resumable, the same on every run.

Each photograph is drawn by itself from its own seed, so neither the number of processes nor their order matters. A
file is written under a temporary name and renamed; one that is whole and was drawn by the same painter from the same
recipe and seed is not drawn again. The manifest is written last, and beside it `drawn.json`, by which a finished bank
is known without opening its pictures.
"""

import csv
import hashlib
import io
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from .crops import choose_crops
from .fields import Window, generator
from .plan import Photograph, Picture, plan_bank
from .recipe import VIEWS, Recipe, read_recipe
from .scene import Scene, choose_subject, compose, look, whole

MANIFEST_COLUMNS = (
    "item", "class", "view", "path", "split", "fold", "group", "mask", "source_url", "licence", "attribution",
    "nature", "skin_tone", "body_part", "crop_box", "drawn_by",
)  # fmt: skip


class DrawingError(RuntimeError):
    """Drawing stopped before its end; what was finished is kept and another run goes on from there."""


@dataclass(frozen=True)
class Job:
    """What every worker needs to know: recipe, seed and folder."""

    recipe: Recipe
    seed: int
    folder: Path

    @cached_property
    def fingerprint(self) -> str:
        """Of all that decides pixels: recipe, painter and libraries."""
        return f"{self.recipe.fingerprint}/{painter_version()}"


@dataclass(frozen=True)
class Drawn:
    """One photograph's pictures in order, and the box of each in the panoramic one ("x y width height", pixels)."""

    photograph: Photograph
    boxes: tuple[str, ...]


def draw_bank(
    recipe: Recipe | str | Path,
    out_dir: str | Path,
    *,
    scale: float | None = None,
    seed: int | None = None,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw an image bank and return the path of its manifest.csv.

    recipe: a Recipe or the path of its TOML file. scale: training counts are the recipe's times this (test items stay).
    seed, scale: None takes the recipe's. processes: None is one per core; 1 draws in this process, and so does a
    daemonic process, which may start no others. progress: called with (pictures done, pictures in all); what it raises
    stops the drawing and is passed on.

    Finished pictures of an interrupted run are kept. Raises RecipeError or ValueError before anything is written, and
    DrawingError when a worker dies.
    """
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(recipe)
    seed = recipe.seed if seed is None else seed
    photographs = plan_bank(recipe, scale=recipe.scale if scale is None else scale, seed=seed)
    job = Job(recipe, seed, Path(out_dir))
    for folder in (job.folder / kind / view for kind in ("images", "masks") for view in VIEWS):
        folder.mkdir(parents=True, exist_ok=True)
    manifest = job.folder / "manifest.csv"
    if _is_drawn(job, photographs, manifest):
        return manifest
    total, done, drawn = sum(1 + photograph.crops for photograph in photographs), 0, {}
    if progress:
        progress(done, total)
    for one in _draw_all(job, photographs, processes):
        drawn[one.photograph.code] = one
        done += 1 + one.photograph.crops
        if progress:
            progress(done, total)
    for leftover in job.folder.glob("*/*/.*.part"):  # of a run that was killed
        leftover.unlink(missing_ok=True)
    write_atomically(manifest, _manifest_bytes(job, [drawn[photograph.code] for photograph in photographs]))
    write_atomically(job.folder / "drawn.json", json.dumps(_whole_bank(job, photographs, manifest)).encode())
    return manifest


def _whole_bank(job: Job, photographs: list[Photograph], manifest: Path) -> dict:
    """What identifies a finished bank: what it was drawn from, its manifest, and the size of every file."""
    pictures = [picture for photograph in photographs for picture in photograph.pictures()]
    paths = [path for picture in pictures for path in (picture.path, picture.mask)]
    return {
        "drawn_from": f"{job.fingerprint}/{job.seed}",
        "manifest": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "bytes": {path: (job.folder / path).stat().st_size for path in paths},
    }


def _is_drawn(job: Job, photographs: list[Photograph], manifest: Path) -> bool:
    """Whether exactly these photographs are all there, as an earlier run left them."""
    try:
        known = json.loads((job.folder / "drawn.json").read_text(encoding="utf-8"))
        return known == _whole_bank(job, photographs, manifest)
    except (OSError, ValueError):
        return False


def _draw_all(job: Job, photographs: list[Photograph], processes: int | None) -> Iterator[Drawn]:
    """Every photograph drawn, in the order in which they are ready."""
    processes = processes or _cores()
    if processes == 1 or multiprocessing.current_process().daemon:
        for photograph in photographs:
            yield draw_photograph(job, photograph)
        return
    context = multiprocessing.get_context("spawn")  # the caller may have threads, which a fork would break
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker, initargs=(job,))
    try:
        waiting = {pool.submit(_draw_in_worker, photograph) for photograph in photographs}
        while waiting:
            ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
    except BrokenProcessPool as error:
        raise DrawingError(
            "A drawing process ended unexpectedly (out of memory?). Finished pictures are kept: run the same command "
            "again, with fewer processes if memory is short."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_worker_job: Job | None = None


def _start_worker(job: Job) -> None:
    """Keep the job, and end with the parent even when that is killed."""
    global _worker_job
    _worker_job = job
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _draw_in_worker(photograph: Photograph) -> Drawn:
    return draw_photograph(_worker_job, photograph)


def draw_photograph(job: Job, photograph: Photograph) -> Drawn:
    """Draw a photograph's pictures and masks into the job's folder, except those that are there and whole."""
    pictures = photograph.pictures()
    boxes = [_finished_box(job, photograph, picture) for picture in pictures]
    if None in boxes:
        scene = compose(job.recipe, photograph.class_code, photograph.key(job.seed))
        windows = windows_of(job, photograph, scene)
        for number in (number for number, box in enumerate(boxes) if box is None):
            boxes[number] = _draw_picture(job, photograph, pictures[number], scene, windows[number])
    return Drawn(photograph, tuple(boxes))


def _draw_picture(job: Job, photograph: Photograph, picture: Picture, scene: Scene, window: Window) -> str:
    """Draw one picture and its mask, the mask first: a picture that is there has one. Returns its box."""
    pixels, mask = look(scene, window)
    box = _box_in_panoramic(window, job.recipe)
    stamp = _stamp(job, photograph, picture, box)
    write_atomically(job.folder / picture.mask, _png_bytes(mask, stamp))
    write_atomically(job.folder / picture.path, _jpeg_bytes(pixels, scene.camera.quality, stamp))
    return box


def windows_of(job: Job, photograph: Photograph, scene: Scene) -> list[Window]:
    """The whole scene for the panoramic picture, then the window of each crop."""
    rng = generator(*photograph.key(job.seed), "crops")
    crops = choose_crops(scene, photograph.crops, job.recipe.focused_px, job.recipe.crops, rng)
    return [whole(job.recipe.panoramic_px), *crops]


def _box_in_panoramic(window: Window, recipe: Recipe) -> str:
    zoom = whole(recipe.panoramic_px).zoom
    return " ".join(str(round(length * zoom)) for length in (window.x, window.y, window.width, window.height))


@lru_cache(maxsize=1)
def painter_version() -> str:
    """A hash of the painter's own source and of the libraries that decide pixels."""
    import scipy

    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(f"{np.__version__}/{scipy.__version__}/{Image.__version__}".encode())
    return digest.hexdigest()[:16]


def _stamp(job: Job, photograph: Photograph, picture: Picture, box: str) -> str:
    """The text that a picture and its mask carry: what it is, where it was cut out, and a fingerprint. No class."""
    identity = f"{job.fingerprint}/{photograph.key(job.seed)}/{picture.view}/{picture.item}"
    fingerprint = hashlib.sha256(identity.encode()).hexdigest()[:24]
    return json.dumps({"nature": job.recipe.nature, "fingerprint": fingerprint, "box": box})


def _finished_box(job: Job, photograph: Photograph, picture: Picture) -> str | None:
    """The crop box of a picture that is there, whole and from the same recipe, seed and painter; else None."""
    try:
        with Image.open(job.folder / picture.path) as image:
            image.load()
            stamp = image.info.get("comment", b"").decode()
        with Image.open(job.folder / picture.mask) as mask:
            mask.load()
            mask_stamp = mask.info.get("stamp")
        box = json.loads(stamp)["box"]
    except (OSError, ValueError, KeyError, SyntaxError):
        return None
    return box if stamp == mask_stamp == _stamp(job, photograph, picture, box) else None


def _jpeg_bytes(pixels: np.ndarray, quality: int, stamp: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, comment=stamp.encode())
    return buffer.getvalue()


def _png_bytes(mask: np.ndarray, stamp: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("stamp", stamp)
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "PNG", compress_level=1, pnginfo=info)
    return buffer.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it is seen whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _manifest_bytes(job: Job, drawn: list[Drawn]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, MANIFEST_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    recipe = job.recipe
    for one in drawn:
        photograph = one.photograph
        subject = choose_subject(recipe, photograph.class_code, photograph.key(job.seed))
        for picture, box in zip(photograph.pictures(), one.boxes):
            writer.writerow(
                {
                    "item": picture.item,
                    "class": photograph.class_code,
                    "view": picture.view,
                    "path": picture.path,
                    "split": photograph.split,
                    "group": photograph.code,
                    "mask": picture.mask,
                    "licence": recipe.licence,
                    "attribution": recipe.attribution,
                    "nature": recipe.nature,
                    "skin_tone": subject.skin_tone,
                    "body_part": subject.body_part,
                    "crop_box": box if picture.view == "focused" else "",
                    "drawn_by": f"{recipe.name}, seed {job.seed}, recipe {recipe.fingerprint[:12]}",
                }
            )
    return text.getvalue().encode()
