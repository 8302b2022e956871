"""What each command does, with its heavy imports inside. Every function takes parsed arguments, returns the exit status."""

from generative.core.commands.judging import run_audit, run_evaluate
from generative.core.commands.making import run_generate, run_mix, run_morph
from generative.core.commands.networks import run_import, run_render
from generative.core.commands.remaking import run_project, run_regenerate
from generative.core.commands.training import run_train

COMMANDS = {
    "import": run_import,
    "render": run_render,
    "train": run_train,
    "generate": run_generate,
    "morph": run_morph,
    "mix": run_mix,
    "project": run_project,
    "regenerate": run_regenerate,
    "evaluate": run_evaluate,
    "audit": run_audit,
}
