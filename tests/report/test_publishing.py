"""Records in `data/results` grow from one publication to the next, and never mix what differs."""

import copy

import numpy as np
import pytest

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import read_json
from pix2pix_utils.report.published import record_summaries
from pix2pix_utils.report.publishing import join, publish, seeds_of
from pix2pix_utils.training.experiments import TABLE_1, configure

SUMMARY = {"mean": 0.5, "low": 0.4, "high": 0.6, "images": 2, "blocks": 2}
COMMON = {
    "dataset": "my streets/left",
    "fingerprint": "abc",
    "pairs": {"train": 4, "val": 2, "test": 2},
    "profile": "smoke",
    "protocol": {"image_size": 32, "epochs": 2},
    "ssim": "a convention",
    "groups": None,
}


def results(seeds, **changes):
    """A record of these models (name -> seeds), whose scores tell model and seed."""
    runs = [
        {
            "config": configure(name, "smoke", seed=seed).to_dict(),
            "test_ssim": [len(name) / 100, seed / 10],
        }
        for name, all_seeds in seeds.items()
        for seed in all_seeds
    ]
    measures = {name: {"ssim": SUMMARY, "seeds": len(found)} for name, found in seeds.items()}
    measures["mean image"] = {"ssim": SUMMARY}
    no_network = {"mean image": {"test": SUMMARY}}
    record = {"split_rule": "folders", "no_network": no_network, "measures": measures, "runs": runs}
    return copy.deepcopy(COMMON | record | changes)


def beyond(seeds, **changes):
    models = {
        name: {"seeds": [{"seed": seed, "test_ssim": [0.1, 0.2]} for seed in found]}
        for name, found in seeds.items()
    }
    no_network = {"mean image": {"class IoU": 0.1, "kernel distance": SUMMARY}}
    return copy.deepcopy(COMMON | {"no_network": no_network, "models": models} | changes)


WHOLE = dict.fromkeys(TABLE_1, (0,))
NOTHING = beyond({})


def test_the_first_publication_makes_files_named_after_data_and_profile(tmp_path):
    record, other = results(WHOLE), beyond({"best-ssim": (0,)})
    written = publish(tmp_path / "new", record, other)
    assert [path.name for path in written] == [
        "my-streets-left-smoke.json",
        "my-streets-left-smoke-beyond.json",
    ]
    assert [read_json(path) for path in written] == [record, other]


def test_a_protocol_of_no_profile_is_published_with_the_rows_that_are_trained(tmp_path):
    changed = {"profile": None, "protocol": {"image_size": 128, "epochs": 200}}
    (path,) = publish(tmp_path, results({"baseline": (0,)}, **changed), NOTHING)
    assert path.name == "my-streets-left-128px-200-epochs.json"
    assert list(seeds_of(read_json(path))) == ["baseline"]
    with pytest.raises(UserError, match="needs all of Table I"):
        publish(tmp_path / "new", results({}, **changed), NOTHING)


def test_a_part_of_table_1_is_not_published(tmp_path):
    part = results({"baseline": (0, 1)})
    with pytest.raises(UserError, match="all of Table I.*baseline-mse.*`study`"):
        publish(tmp_path, part, NOTHING)
    assert not list(tmp_path.iterdir())
    (path,) = publish(tmp_path, part, beyond({"best-look": (0,)}))
    assert path.name.endswith("-beyond.json")
    with pytest.raises(UserError, match="needs all of Table I, or a model beyond"):
        publish(tmp_path, part, beyond({"baseline": (0,)}))


def test_models_are_added_and_those_with_more_seeds_stay(tmp_path):
    publish(tmp_path, results(WHOLE | {"baseline": (0, 1, 2), "enhanced": (0, 1)}), NOTHING)
    (path,) = publish(
        tmp_path, results({"baseline": (3,), "enhanced": (5, 6), "scratch-unet": (0,)}), NOTHING
    )
    joined = read_json(path)
    expected = WHOLE | {"baseline": (0, 1, 2), "enhanced": (5, 6), "scratch-unet": (0,)}
    assert seeds_of(joined) == {name: set(seeds) for name, seeds in expected.items()}
    # everything about a model comes from one publication, and the tables keep their order
    for name, seeds in expected.items():
        assert joined["measures"][name]["seeds"] == len(seeds)
        found = record_summaries(joined)[name]["seeds"]
        assert np.allclose(found, [(len(name) / 100 + seed / 10) / 2 for seed in seeds])
    assert list(joined["measures"]) == [*TABLE_1, "scratch-unet", "mean image"]
    names = [run["config"]["experiment"] for run in joined["runs"]]
    assert list(dict.fromkeys(names)) == [*TABLE_1, "scratch-unet"]


def test_records_beyond_the_report_grow_likewise(tmp_path):
    publish(tmp_path, results({}), beyond({"best-ssim": (0, 1, 2), "best-ssim-l1": (0,)}))
    (path,) = publish(tmp_path, results({}), beyond({"best-ssim": (0,), "best-look": (0, 1)}))
    assert seeds_of(read_json(path)) == {
        "best-ssim": {0, 1, 2},
        "best-ssim-l1": {0},
        "best-look": {0, 1},
    }
    assert list(read_json(path)["models"]) == ["best-ssim", "best-ssim-l1", "best-look"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"fingerprint": "other"}, "fingerprint"),
        ({"protocol": {"image_size": 32, "epochs": 9}}, "protocol"),
        ({"split_rule": "by name"}, "split rule"),
    ],
)
def test_other_data_or_protocols_are_refused_and_destroy_nothing(tmp_path, change, named):
    record = results(WHOLE)
    (path,) = publish(tmp_path, record, NOTHING)
    with pytest.raises(UserError, match=f"{path.name} has other values of {named}"):
        publish(tmp_path, results(WHOLE, **change), NOTHING)
    assert read_json(path) == record


def test_models_scored_by_another_segmentation_network_are_not_mixed():
    old = beyond({"best-ssim": (0, 1), "best-look": (0,)})
    new = beyond({"best-ssim": (0,)})
    new["no_network"]["mean image"]["class IoU"] += 1e-5  # rounding
    assert seeds_of(join(old, new, "a.json"))["best-look"] == {0}
    new["no_network"]["mean image"]["class IoU"] += 0.02
    with pytest.raises(UserError, match="reference predictors.*best-ssim, best-look cannot"):
        join(old, new, "a.json")
    whole = beyond({"best-ssim": (0, 1), "best-look": (1,)})  # nothing of the old one is kept
    whole["no_network"]["mean image"]["class IoU"] = 0.5
    assert join(old, whole, "a.json") == whole
