"""Bring networks in: published files, folders of weights, and what a run here has trained."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from generative.core.errors import InputError
from generative.core.networks.weights import PARTS, NetworkRecord, file_sha256, read_record
from generative.models import Generator, GeneratorRun
from imagebank.models import Study
from imagebank.services.working import working_folder

from .core import generators_folder, run_core

NETWORK_MAX_BYTES = 4 * 2**30
TITLE_MAX = 120
UNSAFE = re.compile(r"[^\w.-]")


def import_network(
    *,
    study: Study,
    path: Path,
    title: str,
    name: str = "",
    classes: list[str] | tuple[str, ...] = (),
    licence: str = "unknown",
    user=None,
    watch: Callable[[], None] | None = None,
) -> Generator:
    """A published network file (or a weights folder of ours) as a generator of `study`.

    The file is read by a child process with bounded memory, time and files, which executes nothing in it and refuses by
    name whatever is not part of a published network. classes: names in the file's own label order, needed for a file
    with labels; name: what the file was called where it came from. The same network again returns the generator there is.
    """
    path = Path(path)
    if not path.exists():
        raise ValidationError(f"{path.name} is not there. Give a network file, or a folder written by import or train.")
    if path.is_file() and path.stat().st_size > NETWORK_MAX_BYTES:
        raise ValidationError(
            f"{path.name} is larger than {NETWORK_MAX_BYTES >> 30} GiB, which no published network is."
        )
    with working_folder(generators_folder("work"), "import-") as work:
        if path.is_dir():
            folder = path
            # Every name and shape is checked when a picture is made; a folder from elsewhere has not been checked yet.
            run_core("generate", folder, "--seeds", 0, "--out", work / "probe", watch=watch)
        else:
            folder, source = work / "weights", work / (UNSAFE.sub("_", name)[-80:] or path.name)
            source.symlink_to(path.resolve())
            named = ["--classes", ",".join(classes)] if classes else []
            run_core("import", source, "--out", folder, "--licence", licence, *named, watch=watch)
        return register_generator(study=study, folder=folder, title=title, user=user)


def register_generator(
    *, study: Study, folder: Path, title: str, run: GeneratorRun | None = None, user=None
) -> Generator:
    """Keep the weights of `folder` under their hash and make the row. The same weights again return the row there is."""
    try:
        record = read_record(folder)
    except InputError as error:
        raise ValidationError(str(error)) from error
    target = _keep(folder, record)
    description = record.to_json()
    with transaction.atomic():
        generator, _ = Generator.objects.get_or_create(
            study=study,
            weights_hash=record.content_hash,
            defaults={
                "title": title.strip()[:TITLE_MAX] or record.content_hash[:12],
                "source_sha256": str(record.source.get("sha256", ""))[:64],
                "licence": record.licence[:120],
                "classes": list(record.shape.classes),
                "resolution": record.shape.resolution,
                "description": description,
                "run": run,
                "created_by": user,
            },
        )
    if not target.is_dir():
        raise ValidationError("The weights could not be kept; look after the disk.")
    return generator


def _keep(folder: Path, record: NetworkRecord) -> Path:
    """Copy the weights folder into the store, whole or not at all; hashes are checked on the way."""
    target = generators_folder("weights") / record.content_hash
    if target.is_dir():
        return target
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".keeping-"))
    try:
        shutil.copyfile(folder / "network.json", work / "network.json")
        for part in PARTS:
            if part not in record.hashes:
                continue
            shutil.copyfile(folder / f"{part}.safetensors", work / f"{part}.safetensors")
            if file_sha256(work / f"{part}.safetensors") != record.hashes[part]:
                raise ValidationError(
                    f"{part}.safetensors differs from the hash in network.json; copy the folder again."
                )
        work.chmod(0o755)
        os.rename(work, target)
    except FileNotFoundError as error:
        raise ValidationError(f"The weights folder lacks {Path(error.filename).name}; copy it again.") from error
    except OSError as error:
        if not target.is_dir():  # another import of the same network may have been faster
            raise ValidationError(
                f"The weights could not be kept: {error.strerror}. Make room and try again."
            ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return target
