"""The published numbers of the recipes, and options by name."""

import pytest

from generative.core.cli import build_parser
from generative.core.commands.training import recipe_of
from generative.core.errors import InputError
from generative.core.training.pipelines import PIPELINE_NAMES
from generative.core.training.recipe import Recipe, auto, preset


def test_auto_follows_the_published_rule():
    """Two GPUs at 256 px: batch 32, minibatch groups of 4, R1 weight .4096, averaging over 10 kimg."""
    recipe = auto(256, gpus=2)
    assert (recipe.batch, recipe.mbstd_group, recipe.lr, recipe.mapping_layers) == (32, 4, 0.0025, 2)
    assert recipe.gamma == pytest.approx(0.4096)
    assert recipe.ema_kimg == 10
    assert auto(1024, gpus=8).lr == 0.002


def test_authors_presets():
    nf1, seven = preset("authors-nf1"), preset("authors-7")
    assert (nf1.ada_target, nf1.ada_kimg, nf1.pipeline, nf1.mirror, nf1.ema_rampup) == (0.7, 100.0, "bgc", True, None)
    assert nf1.ordinal == ("early", "intermediate", "late")
    assert seven.ordinal is None
    assert nf1.d_mapping_layers == 0
    tie = nf1.shape(("early", "intermediate", "late")).constraint
    assert (tie.generator, tie.discriminator) == (True, True)
    assert tie.matrix[1] == (0.5, 0.5)


def command(*words):
    return build_parser().parse_args(["train", "manifest.csv", "--out", "none", *words])


def test_auto_follows_the_published_rule_for_fine_tuning_too_and_what_is_said_counts_more():
    assert (auto(64).ada_kimg, auto(64).ema_rampup) == (500.0, 0.05)
    tuned = recipe_of(command("--resolution", "64", "--from", "weights"))
    assert (tuned.ada_kimg, tuned.ema_rampup) == (100.0, None)
    assert tuned.changes(auto(64)) == ["ema_rampup", "ada_kimg"]
    said = recipe_of(command("--resolution", "64", "--from", "weights", "--set", "ada_kimg=250"))
    assert (said.ada_kimg, said.ema_rampup) == (250.0, None)
    assert recipe_of(command("--recipe", "tiny", "--from", "weights")) == preset("tiny")


def test_auto_counts_the_processes_that_share_the_batch(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert recipe_of(command("--resolution", "256")) == auto(256, gpus=2)
    assert recipe_of(command("--resolution", "256", "--set", "batch=16")).batch == 16
    assert recipe_of(command("--recipe", "tiny")) == preset("tiny")


def test_a_transition_on_the_command_line_judges_without_label_too():
    recipe = recipe_of(command("--recipe", "tiny", "--transition", "2,8"))
    assert (recipe.transition, recipe.unconditional_loss) == ((2.0, 8.0), True)
    assert recipe.shape(("a", "b")).d_unconditional
    assert not preset("tiny").shape(("a", "b")).d_unconditional
    with pytest.raises(SystemExit):
        command("--transition", "2")


def test_labels_fade_in_along_a_line():
    recipe = preset("tiny").with_options(transition=(20.0, 60.0))
    assert [recipe.label_share(kimg) for kimg in (0, 20, 30, 40, 60, 90)] == [0, 0, 0.25, 0.5, 1, 1]
    assert preset("tiny").label_share(0) == 1


def test_a_recipe_survives_json_and_lists_what_changed():
    recipe = preset("authors-nf1").with_options(transition=(1.0, 2.0))
    again = Recipe.from_json(__import__("json").loads(__import__("json").dumps(recipe.to_json())))
    assert again == recipe
    assert recipe.changes(recipe.with_options(gamma=9.0, total_kimg=1.0)) == ["gamma"]


def test_every_recipe_reports_kid_as_it_goes():
    assert all(preset(name).kid_images >= 200 for name in ("authors-nf1", "authors-7", "auto", "tiny"))


def test_the_command_line_takes_a_gpu_where_there_is_one_and_full_speed_on_request():
    import torch

    from generative.core.cli import build_parser
    from generative.core.commands.training import recipe_of
    from generative.core.device import device_of

    words = ["train", "manifest.csv", "--recipe", "tiny", "--out", "run"]
    plain, fast = (build_parser().parse_args([*words, *more]) for more in ([], ["--fast", "--set", "precision=fp16"]))
    assert device_of(plain.device) == ("cuda" if torch.cuda.is_available() else "cpu")
    assert (recipe_of(plain).precision, recipe_of(plain).compiled) == ("float32", False)
    assert (recipe_of(fast).precision, recipe_of(fast).compiled, recipe_of(fast).channels_last) == ("fp16", True, True)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="authors-nf1, authors-7, auto, tiny"):
        preset("ffhq")
    with pytest.raises(InputError, match="no recipe option gama; gamma may be meant; there are ada_kimg"):
        auto(64).with_options(gama=1.0)
    with pytest.raises(InputError, match="power of two"):
        preset("tiny", 100)
    with pytest.raises(InputError, match="three different classes"):
        preset("authors-nf1").shape(("HMI", "IP", "NF1"))
    with pytest.raises(InputError, match="pipeline must be one of"):
        auto(64).with_options(pipeline="all")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lr": "abc"}, "lr must be a number; found 'abc'"),
        ({"lr": 0}, "lr must be above 0; found 0"),
        ({"batch": 8.5}, "batch must be a whole number; found 8.5"),
        ({"batch": True}, "batch must be a whole number; found True"),
        ({"mirror": 1}, "mirror must be true or false; found 1"),
        ({"gamma": None}, "gamma must be a number; found None"),
        ({"gamma": -1.0}, "gamma must be 0 or more; found -1.0"),
        ({"gamma": float("nan")}, "gamma must be a number; found nan"),
        ({"z_dim": 0}, "z_dim must be above 0; found 0"),
        ({"fixed_p": 2}, "fixed_p must lie in 0 to 1; found 2"),
        ({"transition": 3}, "transition needs 2 numbers; found 3"),
        ({"transition": [60, 20]}, "transition goes from an earlier to a later kimg; found 60 to 20"),
        ({"unconditional_loss": True}, "unconditional_loss belongs to a transition; name the kimg between which labels fade in, too"),
        ({"ordinal": ["early", "late"]}, r"ordinal needs 3 names; found \('early', 'late'\)"),
        ({"channel_base": 16}, "channel_base must be 64, the resolution, or more; found 16"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_one_sentence(options, sentence):
    with pytest.raises(InputError, match=f"^{sentence}\\.$"):
        auto(64).with_options(**options)


def test_options_as_json_has_them():
    made = auto(64).with_options(transition=[1, 2.5], ordinal=["a", "b", "c"], clamp=None, lr=1, fixed_p=None)
    assert (made.transition, made.ordinal, made.clamp, made.lr) == ((1, 2.5), ("a", "b", "c"), None, 1)


def test_pipeline_names_known_without_torch_are_those_that_exist():
    from generative.core.training.augment import PIPELINES

    assert tuple(PIPELINES) == PIPELINE_NAMES


def test_a_run_of_an_earlier_version_keeps_its_recipe_though_an_option_is_gone():
    stored = auto(64).to_json()
    assert Recipe.from_json(stored | {"compiled_lazy": True}) == auto(64)
    with pytest.raises(TypeError):
        Recipe.from_json(stored | {"made_up": True})
