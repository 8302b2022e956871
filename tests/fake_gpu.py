"""A GPU that computes nothing, for machines without one: torch's fake tensors know the place, type and shape of every result.

What a real one refuses, such as an operation on tensors of two devices or a number asked for in the middle of a step, is an error
here as well. Copies for which the processor waits until the GPU is done are noted in ``waits``.
"""

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

GPU = torch.device("cuda", 0)
AT_ONCE = 2**16  # bytes that a driver takes from ordinary memory without waiting


class FakeGpu(TorchFunctionMode):
    """Within it ``device="cuda"`` works in this thread. Backward passes are not run: they leave gradients of no value.

    parameters: those that a backward pass gives gradients to, unless it names its own.
    """

    def __init__(self):
        super().__init__()
        self.fake, self.waits, self.parameters = FakeTensorMode(allow_non_fake_inputs=True), [], []
        self.pinned: list[torch.Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.Tensor.pin_memory:
            self.pinned.append(args[0])
            return args[0]
        if not any(map(_of_gpu, tree_leaves((args, kwargs)))):
            return func(*args, **kwargs)
        if func is torch.Tensor.backward:
            for parameter in kwargs.get("inputs") or self.parameters:
                if parameter.requires_grad:
                    parameter.grad = torch.zeros_like(parameter)
            return None
        if "generator" in kwargs:  # there is none for a GPU that is not there
            kwargs = kwargs | {"generator": None}
        with self.fake:
            found = func(*args, **kwargs)
        if func in (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda, torch.Tensor.copy_):
            self._note(args[0], found, kwargs)
        return found

    def _note(self, before: torch.Tensor, found: torch.Tensor, options: dict) -> None:
        if before.device.type == found.device.type:
            return
        at_once = before.nbytes <= AT_ONCE or any(before is one for one in self.pinned)
        if found.device.type == "cpu" or not options.get("non_blocking") or not at_once:
            self.waits.append(f"{before.dtype} {tuple(before.shape)} from {before.device} to {found.device}")


def _of_gpu(value) -> bool:
    if isinstance(value, FakeTensor):
        return value.fake_device.type == "cuda"
    return str(value).startswith("cuda") if isinstance(value, str | torch.device) else False


class NoGenerator(torch.Generator):
    """Stands for a GPU's random generator."""

    device = GPU


class Inline:
    """An executor that works in the thread that asks, where the fake GPU is known."""

    def __init__(self, workers: int):
        self.outcome = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, function, *arguments):
        done = Inline(1)
        done.outcome = function(*arguments)
        return done

    def result(self):
        return self.outcome
