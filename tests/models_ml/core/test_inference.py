"""Predicting where the device has little memory: fewer pictures at once, the same answers."""

import numpy as np
import pytest
import torch

from models_ml.core.answers.inference import logits_of
from models_ml.core.pictures.feed import Feed
from models_ml.core.pictures.pack import Pack


class Small(torch.nn.Module):
    """Sums of colours; more than ``room`` pictures at once do not fit."""

    def __init__(self, room: int):
        super().__init__()
        self.room, self.seen = room, []

    def forward(self, image_NCHW):
        self.seen.append(len(image_NCHW))
        if len(image_NCHW) > self.room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.")
        return image_NCHW.sum((2, 3))


@pytest.fixture
def feed():
    pixels = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)
    return Feed(Pack(pixels, tuple(map(str, range(11))), "made up"), torch.device("cpu"))


def test_a_batch_without_room_is_halved_and_stays_so(feed):
    network, wanted = Small(3), Small(100)
    found = logits_of(network, feed, np.arange(11), batch_size=8)
    assert np.array_equal(found, logits_of(wanted, feed, np.arange(11), batch_size=8))
    assert network.seen == [8, 4, 2, 2, 2, 2, 2, 1]
    assert wanted.seen == [8, 3]


def test_large_pictures_go_through_a_processor_one_at_a_time():
    pixels = np.zeros((3, 448, 448, 3), dtype=np.uint8)
    network = Small(100)
    logits_of(network, Feed(Pack(pixels, ("a", "b", "c"), "made up"), torch.device("cpu")), np.arange(3), batch_size=64)
    assert network.seen == [1, 1, 1]


def test_a_single_picture_without_room_and_any_other_fault_are_not_hidden(feed):
    with pytest.raises(RuntimeError, match="allocate memory"):
        logits_of(Small(0), feed, np.arange(11), batch_size=8)

    class Broken(Small):
        def forward(self, image_NCHW):
            raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        logits_of(Broken(1), feed, np.arange(11), batch_size=8)
