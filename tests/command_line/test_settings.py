"""What `--set` accepts."""

import pytest

from pix2pix_utils.__main__ import main


@pytest.mark.parametrize(
    "setting",
    [
        "weights=../../x",
        "generator=../../x",
        "discriminator=/etc/passwd",
        "augmentation=..",
        "distance=../x",
        "adversarial_loss=../x",
        "experiment=../../x",
    ],
)
def test_settings_cannot_name_a_place(tmp_path, setting, capsys):
    output = tmp_path / "output"
    arguments = ["train", "baseline", "--profile", "smoke", "--output", str(output)]
    assert main([*arguments, "--set", setting]) == 2
    assert setting.partition("=")[2] in capsys.readouterr().err or setting.startswith("experiment")
    assert {path.name for path in tmp_path.iterdir()} <= {"output"}
    for path in output.rglob("*"):
        assert path.resolve().is_relative_to(output)
