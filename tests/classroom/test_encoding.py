"""What comes back from a hand-in is data: it arrives unchanged, or not at all."""

import json

import numpy as np
import pytest
import torch

from pix2pix_utils.classroom.encoding import Unreadable, decode, encode


def refuse(reference):
    raise Unreadable


def there_and_back(value):
    text = json.dumps(encode(value, lambda other: None))
    return decode(json.loads(text), refuse)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        10**30,
        0.1,
        "é\n",
        (1, [2.5, "x"], {}),
        {1, 2},
        {"a": (1, 2), 3: None},
        [],
    ],
)
def test_plain_values_keep_their_types(value):
    found = there_and_back(value)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int64", "float16", "float32", "float64", ">f8"])
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_arrays_keep_shape_kind_and_values(kind, shape):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
    found = there_and_back(values)
    assert found.shape == shape and found.dtype == values.dtype.newbyteorder("=")
    assert np.array_equal(found, values)
    found[...] = 1  # a check may change its copy


def test_tensors_arrive_without_gradients_and_numpy_numbers_as_python_s():
    found = there_and_back(torch.ones(2, requires_grad=True) * 2)
    assert isinstance(found, torch.Tensor) and not found.requires_grad
    assert found.tolist() == [2, 2]
    assert there_and_back(torch.ones(2, dtype=torch.bfloat16)).dtype == torch.float32
    assert there_and_back((np.float32(0.5), np.int64(3), np.bool_(True))) == (0.5, 3, True)
    assert np.isnan(there_and_back(float("nan")))


def test_other_objects_arrive_as_nothing_but_a_name():
    class Trojan:
        def __reduce__(self):
            raise AssertionError("pickled")

    found = there_and_back([Trojan(), np.array(["text"]), {1: Trojan()}.items()])
    assert type(found[0]).__name__ == "Trojan"
    assert type(found[1]).__name__ == "ndarray"


def test_an_answer_that_is_nested_without_end_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ValueError, match="levels"):
        there_and_back(endless)


@pytest.mark.parametrize(
    "forged",
    [
        [1],
        {"array": 3},
        {"array": {"shape": [2], "dtype": "<f8", "data": "AAAA"}},
        {"array": {"shape": [-1], "dtype": "<f8", "data": ""}},
        {"array": {"shape": [1], "dtype": "|O", "data": "AAAAAAAAAAA="}},
        {"array": {"shape": ["x"], "dtype": "<f8", "data": ""}},
        {"tensor": None},
        {"unheard": 1},
        {"list": {"a": 1}},
    ],
)
def test_what_no_hand_in_of_this_package_writes_is_refused(forged):
    with pytest.raises(Unreadable):
        decode(forged, refuse)
