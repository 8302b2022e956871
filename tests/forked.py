"""Commands of a core in processes that have loaded their libraries already: forked from this one, where a new Python would
read torch and timm for seconds.

They are processes all the same, with files, signals and an end of their own, and they are started, followed, stopped and
killed by the code that starts real ones.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import traceback
from types import SimpleNamespace

# Of a program that can be started: what takes long to read (timm reads torch), and where its ``main(arguments)`` stands.
PROGRAMS = {
    "models_ml.core": ("timm", "models_ml.core.cli"), "generative.core": ("torch", "generative.core.cli"),
    "tests.performance.classifier_gpu": ("timm", "tests.performance.classifier_gpu"),
    "tests.performance.generator_speed": ("torch", "tests.performance.generator_speed"),
    "tests.performance.generator_graphs": ("torch", "tests.performance.generator_graphs"),
}  # fmt: skip


class Forked(subprocess.Popen):
    """``[python, "-m", PROGRAM, *arguments]``, run by its ``main`` in a fork of this process. ``started``: all of them."""

    started: "list[Forked]" = []

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
                       p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
                       start_new_session, *_):  # fmt: skip
        arguments, status = args[3:], 1
        library, place = PROGRAMS[args[2]]
        importlib.import_module(library)
        main = importlib.import_module(place).main
        self.pid = os.fork()
        if self.pid == 0:
            try:
                _become(p2cread, c2pwrite, errwrite, keep=pass_fds)
                if start_new_session:
                    os.setsid()
                if preexec_fn:
                    preexec_fn()
                os.chdir(cwd or ".")
                if env is not None:
                    os.environ.clear()
                    os.environ.update(env)
                status = _status(main, arguments)
            finally:
                os._exit(status)
        self._child_created = True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)
        Forked.started.append(self)


def _become(stdin: int, stdout: int, stderr: int, *, keep) -> None:
    """Take these as the standard files, close what else was open but ``keep``, and handle signals as a new Python does."""
    gc.freeze()  # nothing of the former process is tidied away, which would close numbers that are other files by then
    for number, own in enumerate((stdin, stdout, stderr)):
        if own != -1:
            os.dup2(own, number)
    edges = [2, *sorted(number for number in keep if number > 2), os.sysconf("SC_OPEN_MAX")]
    for low, high in zip(edges, edges[1:]):
        os.closerange(low + 1, high)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, closefd=False) for n, mode in ((0, "r"), (1, "w"), (2, "w")))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _status(main, arguments) -> int:
    try:
        return main(arguments) or 0
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


# What takes the place of the module ``subprocess`` where a core is started.
FORKING = SimpleNamespace(**{name: getattr(subprocess, name) for name in ("PIPE", "DEVNULL", "STDOUT", "TimeoutExpired")}, Popen=Forked)
