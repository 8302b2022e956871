import math
import subprocess
import sys
from dataclasses import replace

import pytest

from models_ml.core.config import PRESETS, from_toml, override, preset, to_toml
from models_ml.core.errors import CoreError
from models_ml.core.training.schedule import learning_rate


def test_importing_the_package_loads_neither_torch_nor_pandas():
    code = (
        "import sys, models_ml.core, models_ml.core.config, models_ml.core.pictures.manifest, models_ml.core.answers.ensemble;"
        "import models_ml.core.answers.predict, models_ml.core.training.run, models_ml.core.cli;"
        "print(sorted({'torch', 'pandas', 'django', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", PRESETS)
def test_toml_brings_back_the_same_configuration(name):
    cfg = preset(name)
    assert from_toml(to_toml(cfg)) == cfg
    assert from_toml(to_toml(cfg)).fingerprint == cfg.fingerprint


def test_toml_keeps_arguments_of_the_backbone_and_awkward_text():
    cfg = preset("tiny")
    cfg = replace(
        cfg, name='a "b" \\ c', model=replace(cfg.model, backbone_args={"pad_type": "same", "drop_rate": 0.1})
    )
    assert from_toml(to_toml(cfg)) == cfg


def test_fingerprint_names_what_decides_the_weights_and_nothing_else():
    cfg = preset("tiny")
    assert replace(cfg, name="other").fingerprint == cfg.fingerprint
    assert override(cfg, "ensemble.threshold=0.2").fingerprint == cfg.fingerprint
    assert override(cfg, "recipe.lr=0.1").fingerprint != cfg.fingerprint
    assert override(cfg, "data.fit=stretch").fingerprint != cfg.fingerprint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("recipe.epoch=3", "no setting 'recipe.epoch'"),
        ("recipe.epochs=three", "recipe.epochs must be of type int"),
        ("recipe.epochs=0", "recipe.epochs must be more than 0"),
        ("recipe.lr=nan", "recipe.lr must be more than 0; it is nan"),
        ("recipe.seed=-1", "recipe.seed must be 0 or more"),
        ("recipe.label_smoothing=1", "recipe.label_smoothing must lie in [0, 1)"),
        ("model.std=[0.2, 0.0, 0.2]", "model.std must be three numbers, one for each colour, above 0"),
        ("model.mean=[0.5]", "model.mean must be three numbers"),
        ("data.fit=crop", "must be one of letterbox, stretch"),
        ("ensemble.threshold=2", "must lie in [0, 1]"),
        ("nonsense", "section.name=value"),
    ],
)
def test_a_wrong_setting_is_one_sentence(text, words):
    with pytest.raises(CoreError, match="(?s).*") as caught:
        override(preset("tiny"), text)
    assert words in str(caught.value)


# Computed by hand from the rule: start, ten times, then the half cosine of 29 epochs read at 1/29, 2/29, ...
PAPER_FOCUSED = [3e-5, 3e-4] + [1.5e-4 * (1 + math.cos(math.pi * k / 29)) for k in range(1, 29)]


@pytest.mark.parametrize(("name", "scale"), [("paper-focused", 1.0), ("paper-panoramic", 1 / 3)])
def test_paper_schedule_has_the_tenfold_jump_and_its_thirty_values(name, scale):
    recipe = preset(name).recipe
    rates = [learning_rate(recipe, epoch=e, step=7, steps_per_epoch=100) for e in range(1, 31)]
    assert rates == pytest.approx([r * scale for r in PAPER_FOCUSED], rel=1e-12)
    assert rates[1] / rates[0] == pytest.approx(10)
    assert rates[29] / rates[0] == pytest.approx(0.03, abs=0.001)
    assert max(rates) == rates[1]


def test_paper_schedule_equals_torchs_own_cosine_after_the_jump():
    """Oracle: torch's CosineAnnealingWarmRestarts over 29 epochs at the peak rate, as the authors call it."""
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([parameter], lr=3e-4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 29)
    recipe = preset("paper-focused").recipe
    for epoch in range(2, 31):
        assert learning_rate(recipe, epoch=epoch, step=0, steps_per_epoch=1) == pytest.approx(cosine.get_last_lr()[0])
        optimizer.step()
        cosine.step()


def test_cosine_warms_up_per_step_and_ends_at_its_floor():
    recipe = preset("tiny", epochs=4, warmup_epochs=1.0, lr=1.0, final_lr_ratio=0.1)
    rates = [learning_rate(recipe.recipe, epoch=e, step=s, steps_per_epoch=5) for e in range(1, 5) for s in range(5)]
    assert rates[:5] == sorted(rates[:5])
    assert rates[5] == pytest.approx(1.0)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(0.1)


def test_paper_presets_hold_the_published_values():
    for name, weight in (("paper-focused", 5.0), ("paper-panoramic", 10.0)):
        cfg = preset(name)
        assert cfg.model.backbone == "tf_efficientnet_b4.ns_jft_in1k"
        assert (cfg.data.size_px, cfg.data.fit, cfg.recipe.batch_size, cfg.recipe.epochs) == (448, "stretch", 64, 30)
        assert (cfg.model.head_dropouts, cfg.model.head_dropout, cfg.recipe.own_weight) == (5, 0.2, weight)
        assert (cfg.recipe.optimizer, cfg.recipe.weight_decay, cfg.recipe.patience) == ("adam", 0.0, 10)
        assert len(cfg.data.auxiliary_classes) == 9


@pytest.mark.parametrize(
    ("text", "said"), [("a." * 2_000 + "a = 1", "more than 500 dots"), ("a = " + "[" * 100_000, "nests deeper"), ("a = [", "not valid TOML")]
)
def test_a_hostile_configuration_is_refused_in_words(text, said):
    with pytest.raises(CoreError, match=said):
        from_toml(text)
