"""How many parts of a photo are found again, against loops, and on pictures whose answer is known."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.evaluation.part_matching import as_cells, directions, found_in_others, parts_found


def cells(seed: int, count: int, side: int = 3, width: int = 24) -> Tensor:
    drawn = torch.randn(count, side * side, width, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=2)


def test_it_is_the_mean_over_the_photos_cells_of_the_nearest_cell() -> None:
    photos, pictures = cells(0, 3), cells(1, 2, side=2)
    found = parts_found(photos, pictures)
    assert found.shape == (3, 2)
    for row in range(3):
        for column in range(2):
            picture = pictures[column]
            best = [max(float((one * other).sum()) for other in picture) for one in photos[row]]
            assert abs(found[row, column].item() - sum(best) / len(best)) < 1e-6


def test_where_the_parts_are_does_not_matter_but_whether_they_are_there_does() -> None:
    photo = cells(0, 1)
    moved = photo[:, torch.randperm(photo.shape[1], generator=torch.Generator().manual_seed(2))]
    assert parts_found(photo, moved).item() > 1 - 1e-6
    half = torch.cat([photo[:, :4], -photo[:, 4:]], dim=1)
    assert parts_found(photo, half).item() < parts_found(photo, moved).item() - 0.1


def test_of_each_photo_the_others_are_looked_for_and_not_itself() -> None:
    photos = cells(3, 3)
    found = parts_found(photos, photos)
    expected = [sum(found[row, one].item() for row in range(3) if row != one) / 2 for one in range(3)]
    torch.testing.assert_close(found_in_others(photos), torch.tensor(expected))
    assert found_in_others(photos).max() < 0.99  # each finds itself whole


def test_cells_are_seen_from_their_centre() -> None:
    features = torch.arange(12.0).reshape(1, 3, 2, 2)
    assert as_cells(features).tolist() == [[[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]]
    (seen,) = directions([torch.tensor([[[3.0, 4.0], [1.0, 2.0]]])], torch.tensor([3.0, 2.0]))
    torch.testing.assert_close(seen, torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]]))


def test_only_cells_with_a_weight_are_looked_for() -> None:
    photos, pictures = cells(0, 2), cells(1, 2)
    weights = torch.zeros(2, 9)
    weights[0, 3], weights[1, :2] = 5.0, 0.5
    found = parts_found(photos, pictures, weights)
    torch.testing.assert_close(found[:1], parts_found(photos[:1, 3:4], pictures))
    torch.testing.assert_close(found[1:], parts_found(photos[1:, :2], pictures))
