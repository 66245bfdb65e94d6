"""Edits of class maps by regions."""

import numpy as np
import pytest
from studio_helpers import BACKGROUND, BUILDING, CAR, PERSON, ROAD, SKY

from pix2pix_utils.errors import UserError
from pix2pix_utils.widgets.studio import regions


def test_a_region_is_connected_over_corners_and_has_one_class(street):
    street[9, 2] = CAR  # touches the car by a corner
    street[0, 0] = CAR  # somewhere else
    region = regions.connected_region(street, 6, 4)
    expected = street == CAR
    expected[0, 0] = False
    np.testing.assert_array_equal(region, expected)


@pytest.mark.parametrize(("row", "column"), [(-1, 0), (0, -1), (12, 0), (0, 12)])
def test_a_pixel_outside_is_refused(street, row, column):
    with pytest.raises(UserError, match="outside the 12 x 12"):
        regions.connected_region(street, row, column)


def test_the_layers_continue_where_a_car_was_removed(street):
    before = street.copy()
    removed = regions.remove(street, street == CAR, BACKGROUND)
    assert (removed[5:7, 3:7] == BUILDING).all()  # not the person, who is as near
    assert (removed[7:9, 3:7] == ROAD).all()
    assert removed.dtype == np.uint8
    np.testing.assert_array_equal(removed[street != CAR], street[street != CAR])
    np.testing.assert_array_equal(street, before)  # the argument stays as it is


def test_a_removed_building_is_not_filled_with_the_next_building(street):
    street[:, 8:] = SKY
    street[:, 10:] = BUILDING
    removed = regions.remove(street, regions.connected_region(street, 3, 0), BACKGROUND)
    assert not (removed[:7, :8] == BUILDING).any()


def test_where_no_background_is_left_any_other_class_fills(street):
    street[:] = CAR
    street[0, 0] = PERSON
    assert (regions.remove(street, street == CAR, BACKGROUND) == PERSON).all()


def test_a_map_of_one_class_has_nothing_to_fill_with():
    class_map = np.full((4, 4), CAR, dtype=np.uint8)
    with pytest.raises(UserError, match="only this class"):
        regions.remove(class_map, class_map == CAR, BACKGROUND)


def test_a_moved_region_keeps_its_shape_and_leaves_its_place(street):
    car = street == CAR
    moved = regions.move(street, car, 2, -3, BACKGROUND)
    np.testing.assert_array_equal(moved == CAR, np.roll(car, (2, -3), axis=(0, 1)))
    assert (moved[5:7, 3:7] == BUILDING).all()


def test_what_moves_over_the_edge_is_cut_off_and_comes_in_nowhere(street):
    moved = regions.move(street, street == CAR, 0, -5, BACKGROUND)
    np.testing.assert_array_equal(np.unique(np.nonzero(moved == CAR)[1]), [0, 1])
    assert not (regions.move(street, street == CAR, 0, 12, BACKGROUND) == CAR).any()


def test_a_shape_is_placed_by_its_foot_and_cut_at_the_edge(street):
    shape = np.array([[0, 1, 0], [1, 1, 1]], dtype=bool)
    put = regions.put(street, shape, PERSON, 10, 5)
    assert [put[9, 5], *put[10, 4:7]] == [PERSON] * 4
    assert (put != street).sum() == 4
    at_the_edge = regions.put(street, shape, PERSON, 0, 0)
    np.testing.assert_array_equal(np.argwhere(at_the_edge != street), [[0, 0], [0, 1]])
