"""Networks of one's own: a Python file that registers them with timm, run because its owner named it, never for a run's sake.

    from timm.models import register_model

    @register_model
    def my_network(pretrained=False, **kwargs):   # num_classes=0 is among them
        return ...                                # a module: pictures (N, 3, H, W) to features (N, width)
"""

import importlib.util
import shutil
import sys
from pathlib import Path

from models_ml.core.errors import CoreError
from models_ml.core.files import replacing, sha256_file

COPY = "networks.py"  # in the run's folder: what its network was built from, for people; it is never run from there


def register(path: Path | str) -> None:
    """Run the file, so that timm knows its networks; CoreError when it cannot be run or registers none."""
    import timm

    path, before = Path(path), set(timm.list_models())
    if not path.is_file():
        raise CoreError(f"A Python file that registers networks was expected at {path}; there is none.")
    spec = importlib.util.spec_from_file_location(f"networks_of_{path.stem}", path)
    if spec is None:
        raise CoreError(f"{path} is no Python file; its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where timm's register_model looks for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever another person's code raises
        raise CoreError(f"{path} could not be run ({type(error).__name__}: {error}).") from error
    if not set(timm.list_models()) - before and not _registered_before(module):
        raise CoreError(f"{path} registers no network; put @timm.models.register_model above the function that builds it.")


def _registered_before(module) -> bool:
    import timm

    return any(timm.is_model(name) for name in vars(module))


def keep(path: Path | str, run_dir: Path | str) -> None:
    """A copy in the run's folder; CoreError where the run was begun with another file."""
    kept = Path(run_dir) / COPY
    if not kept.is_file():
        with replacing(kept) as part:
            shutil.copyfile(path, part)
    elif sha256_file(kept) != sha256_file(path):
        raise CoreError(f"{run_dir} was begun with another {COPY} than {path}; use {kept}, or choose another folder.")
