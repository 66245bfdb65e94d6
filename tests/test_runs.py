"""Run folders and checkpoints: whole, or answered with a sentence."""

import pickle

import pytest
import torch

from pix2pix_utils.errors import UserError
from pix2pix_utils.files import replacing, write_json
from pix2pix_utils.runs import Run, load_checkpoint, save_checkpoint


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


class Payload:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_a_checkpoint_with_code_is_refused_and_not_executed(tmp_path):
    path = tmp_path / "evil.pt"
    torch.save({"config": {}, "palette": {}, "generator": Payload()}, path)
    with pytest.raises(UserError, match=r"evil.pt is not a plain file of tensors"):
        load_checkpoint(path)
    path.write_bytes(pickle.dumps(Payload(), protocol=2))
    with pytest.raises(UserError, match=r"evil.pt"):
        load_checkpoint(path)


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_a_damaged_checkpoint_is_named(tmp_path, keep):
    path = tmp_path / "torn.pt"
    save_checkpoint(path, {"config": {}, "palette": {}, "generator": {"w": torch.rand(1000)}})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"torn.pt"):
        load_checkpoint(path)


def test_files_that_are_no_checkpoint_are_named(tmp_path):
    with pytest.raises(UserError, match=r"no checkpoint .*none.pt"):
        load_checkpoint(tmp_path / "none.pt")
    torch.save({"weights": torch.rand(2)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=r"holds no checkpoint of this package"):
        load_checkpoint(tmp_path / "other.pt")


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no run folder .*missing"):
        Run.open(tmp_path / "missing")
    with pytest.raises(UserError, match=r"is not a run: it has no config.json"):
        Run.open(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json is not a JSON file"):
        Run.open(tmp_path)
    write_json(tmp_path / "config.json", {"epocs": 3})
    with pytest.raises(UserError, match=r"'epocs'; did you mean 'epochs'"):
        Run.open(tmp_path)


def test_an_unfinished_run_has_no_result(smoke_config, street_data, tmp_path):
    run = Run.create(tmp_path, smoke_config, street_data)
    with pytest.raises(UserError, match=r"is not finished"):
        run.result()


def test_a_file_where_the_output_folder_should_be(smoke_config, street_data, tmp_path):
    (tmp_path / "output").write_text("")
    with pytest.raises(UserError, match=r"cannot write the run to .*choose another .*--output"):
        Run.create(tmp_path / "output", smoke_config, street_data)
