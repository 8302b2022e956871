import pickle

import pytest
import torch

from models_ml.core.config import ModelSpec
from models_ml.core.errors import CoreError
from models_ml.core.files import sha256_file
from models_ml.core.training.network import MultiSampleHead, build, translate_keys, weights_hash


def spec(**changes):
    return ModelSpec(**{"backbone": "test_efficientnet", **changes})


def test_the_head_is_the_mean_of_dropouts_in_training_and_plain_in_evaluation():
    head = MultiSampleHead(8, 3, dropouts=5, p=0.5)
    feature = torch.ones(4, 8)
    torch.manual_seed(0)
    found = head.train()(feature)
    torch.manual_seed(0)
    by_hand = torch.stack([head.linear(torch.nn.functional.dropout(feature, 0.5)) for _ in range(5)]).mean(0)
    torch.testing.assert_close(found, by_hand)
    torch.testing.assert_close(head.eval()(feature), head.linear(feature))


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "test_vit2", "test_convnext"])
def test_any_backbone_gives_logits_and_leaves_the_callers_random_state(backbone):
    arguments = {"img_size": 64} if "vit" in backbone else {}
    torch.manual_seed(5)
    before = torch.get_rng_state()
    network = build(ModelSpec(backbone=backbone, backbone_args=arguments), 16, size_px=64, seed=0)
    assert torch.equal(before, torch.get_rng_state())
    assert network.eval()(torch.rand(2, 3, 64, 64)).shape == (2, 16)


def test_the_seed_decides_the_first_weights():
    a, b, c = (weights_hash(build(spec(), 3, size_px=32, seed=s)) for s in (0, 0, 1))
    assert a == b != c


def test_files_in_the_authors_form_load(tmp_path):
    """Keys module.enet.* and module.myfc.*, as their DataParallel checkpoints have; 16 classes."""
    source = build(spec(), 16, size_px=32, seed=1)
    state = source.state_dict()
    renamed = {
        "module." + k.replace("backbone.", "enet.").replace("head.linear.", "myfc."): v for k, v in state.items()
    }
    assert "module.myfc.weight" in renamed
    torch.save(renamed, tmp_path / "9c_b4ns_best_fold0.pth")
    loaded = build(spec(weights=str(tmp_path / "9c_b4ns_best_fold0.pth")), 16, size_px=32, seed=2)
    assert weights_hash(loaded) == weights_hash(source)
    seven = build(spec(weights=str(tmp_path / "9c_b4ns_best_fold0.pth")), 7, size_px=32, seed=2)
    assert seven.head.linear.weight.shape[0] == 7
    assert torch.equal(seven.backbone.conv_stem.weight, source.backbone.conv_stem.weight)


def test_plain_timm_names_are_backbone_names():
    assert set(translate_keys({"conv.weight": torch.zeros(1)})) == {"backbone.conv.weight"}


def test_another_file_than_the_pinned_one_is_refused(tmp_path):
    source = build(spec(), 3, size_px=32, seed=1)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    digest = sha256_file(tmp_path / "w.pth")
    build(spec(weights=str(tmp_path / "w.pth"), weights_sha256=digest), 3, size_px=32, seed=0)
    with pytest.raises(CoreError, match="is not the pinned file"):
        build(spec(weights=str(tmp_path / "w.pth"), weights_sha256="0" * 64), 3, size_px=32, seed=0)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(build(ModelSpec(backbone="test_resnet"), 3, size_px=32, seed=1).state_dict(), tmp_path / "w.pth")
    with pytest.raises(CoreError, match="does not fit test_efficientnet"):
        build(spec(weights=str(tmp_path / "w.pth")), 3, size_px=32, seed=0)


class Bomb:
    def __reduce__(self):
        return (open, ("/tmp/diptych-was-run", "w"))


def test_a_pickle_that_would_run_code_runs_none(tmp_path):
    from pathlib import Path

    Path("/tmp/diptych-was-run").unlink(missing_ok=True)
    (tmp_path / "w.pth").write_bytes(pickle.dumps({"x": Bomb()}))
    with pytest.raises(CoreError, match="cannot be read as weights"):
        build(spec(weights=str(tmp_path / "w.pth")), 3, size_px=32, seed=0)
    assert not Path("/tmp/diptych-was-run").exists()


def test_an_unknown_network_and_a_missing_file_are_sentences(tmp_path):
    with pytest.raises(CoreError, match="timm has no network 'efficientnot'"):
        build(ModelSpec(backbone="efficientnot"), 3, size_px=32, seed=0)
    with pytest.raises(CoreError, match="there is no such file"):
        build(spec(weights=str(tmp_path / "none.pth")), 3, size_px=32, seed=0)


def test_paper_network_has_the_authors_shape():
    """tf_efficientnet_b4 with a linear layer of 1792 to 16 and five dropouts of 0.2."""
    from dataclasses import replace

    from models_ml.core.config import preset

    cfg = preset("paper-focused")
    network = build(replace(cfg.model, weights="none"), 16, size_px=64, seed=0)
    assert network.head.linear.weight.shape == (16, 1792)
    assert (network.head.dropouts, network.head.p) == (5, 0.2)
    keys = {k.removeprefix("backbone.") for k in network.state_dict() if k.startswith("backbone.")}
    assert {"conv_stem.weight", "blocks.6.1.se.conv_reduce.weight", "bn2.running_var"} <= keys


def test_layers_learn_slower_the_earlier_they_are_and_vectors_do_not_decay():
    from models_ml.core.config import Recipe
    from models_ml.core.training.optim import make_optimizer, set_rate

    network = build(spec(), 3, size_px=32, seed=0)
    optimizer = make_optimizer(network, Recipe(layer_decay=0.5, weight_decay=0.1))
    set_rate(optimizer, 1.0)
    rate = {id(p): g["lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rate[id(network.backbone.conv_stem.weight)] < 0.1
    assert rate[id(network.head.linear.weight)] == 1.0
    assert all(g["weight_decay"] == 0 for g in optimizer.param_groups for p in g["params"] if p.ndim <= 1)
    assert len(rate) == len(list(network.parameters()))


def test_linear_probing_moves_the_head_alone(bank, tiny_cfg, tmp_path):
    from dataclasses import replace

    from models_ml.core import read_manifest
    from models_ml.core.pictures.folds import with_folds
    from models_ml.core.training.loop import fit

    cfg = replace(
        tiny_cfg, recipe=replace(tiny_cfg.recipe, epochs=1, head_only_epochs=1, ema_decay=0.0, weight_decay=0.5)
    )
    manifest = with_folds(read_manifest(bank), folds=2, source="grouped", seed=0)
    fit(cfg, manifest, 0, tmp_path / "run")
    state = torch.load(tmp_path / "run/state.pt", weights_only=True)["network"]
    from models_ml.core.pictures.sampling import seed_of

    first = build(cfg.model, 3, size_px=32, seed=int(seed_of(0, "init", 0).generate_state(1)[0])).state_dict()
    moved = {key for key in first if not torch.equal(first[key], state[key])}
    assert moved == {"head.linear.weight", "head.linear.bias"}
