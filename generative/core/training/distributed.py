"""Several processes under torchrun; one process needs none of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Group:
    """This process among all: `rank` of `size`."""

    rank: int = 0
    size: int = 1

    def average(self, flat: torch.Tensor) -> None:
        """In place, the mean over the processes."""
        if self.size > 1:
            torch.distributed.all_reduce(flat)
            flat /= self.size

    def total(self, value: torch.Tensor) -> torch.Tensor:
        """Sum over the processes."""
        if self.size > 1:
            torch.distributed.all_reduce(value)
        return value

    def wait(self) -> None:
        """Until every process is here. Who takes its connections down while another still uses them aborts that one."""
        if self.size > 1:
            torch.distributed.barrier()

    def share(self, tensors) -> None:
        """Give every process the first one's values."""
        if self.size > 1:
            for tensor in tensors:
                torch.distributed.broadcast(tensor, src=0)


def join_group(device: str) -> Group:
    """The group that torchrun describes in the environment, or a group of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return Group()
    if device.startswith("cuda"):
        torch.cuda.set_device(device if ":" in device else int(os.environ.get("LOCAL_RANK", "0")))
    # Beside a GPU's: what lies on the processor is exchanged there, so that no GPU is waited for.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    return Group(torch.distributed.get_rank(), size)


def speaks() -> bool:
    """Whether this process is the one that tells people what happened."""
    return os.environ.get("RANK", "0") == "0"


def leave_group(group: Group) -> None:
    if group.size > 1:
        torch.distributed.destroy_process_group()
