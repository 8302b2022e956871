"""Several processes as one: each works on its share of every batch, and the sum of their gradients is the batch's.

Started by ``torchrun``; without it there is one process and every function here is free. Gradients are summed
explicitly (not averaged by a wrapper), because the loss is already divided by the whole batch's weight.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from models_ml.core.device import choose_device
from models_ml.core.errors import CoreError

T = TypeVar("T")
PATIENCE = timedelta(hours=2)  # while one process reads all pictures for the others


def join() -> None:
    """Join the group that torchrun describes in the environment, unless that was done."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(choose_device())
        # What lies on the processor is exchanged there also beside GPUs: none is waited for, and --device cpu works.
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)


def leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def world() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def wait() -> None:
    if world() > 1:
        dist.barrier()


def share(value: Any) -> list[Any]:
    """Every process's value, in order of rank."""
    if world() == 1:
        return [value]
    values = [None] * world()
    dist.all_gather_object(values, value)
    return values


def first_here(work: Callable[[], T]) -> T:
    """What ``work`` gives in every process: one of each machine does it, the others then find it done. What it refuses, all
    raise."""
    if world() == 1:
        return work()
    found, problem = None, None
    if int(os.environ.get("LOCAL_RANK", 0)) == 0:
        try:
            found = work()
        except CoreError as error:
            problem = error
    if problems := [one for one in share(problem) if one is not None]:
        raise problems[0]
    return work() if found is None else found


def any_says(flag: bool) -> bool:
    return any(share(flag)) if world() > 1 else flag


def sum_gradients(parameters: list[torch.nn.Parameter], loss: torch.Tensor) -> None:
    """Replace every gradient, and the loss, by the sum over processes; a process without one (an empty share) adds zero."""
    if world() == 1:
        return
    for p in parameters:
        if p.requires_grad and p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([loss.view(1), *(p.grad.flatten() for p in parameters if p.grad is not None)])
    dist.all_reduce(flat)
    loss.copy_(flat[0])
    start = 1
    for p in parameters:
        if p.grad is not None:
            p.grad.copy_(flat[start : start + p.numel()].view_as(p))
            start += p.numel()


def average_buffers(network: torch.nn.Module) -> None:
    """Running statistics of normalisation layers become the mean over processes. Constants, which no file keeps, stay: three
    times a number divided by three may be another one."""
    if world() == 1:
        return
    kept = network.state_dict()
    for name, buffer in network.named_buffers():
        if buffer.is_floating_point() and name in kept:
            dist.all_reduce(buffer)
            buffer /= world()
