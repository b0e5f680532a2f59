"""Published features of the images, put into the data set's order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from saccade.models.data.features import image_features
from saccade.models.data.images import ImageList, read_images
from saccade.realtime.errors import ConfigError, RecordingError

IMAGES = ImageList.of([f"{c}/{c}_{i}.jpg" for c in "abc" for i in range(2)])
VECTORS = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


@pytest.mark.parametrize("shape", [(6, 4), (3, 2, 4), (6, 1, 4)])
def test_rows_of_an_array_are_images(tmp_path, shape):
    np.save(tmp_path / "f.npy", VECTORS.reshape(shape))
    got = image_features(tmp_path / "f.npy", IMAGES)
    np.testing.assert_array_equal(got, VECTORS)
    got[0] = 0  # it is ours


def test_a_torch_file_of_features(tmp_path):
    parts = {"img_features": torch.from_numpy(VECTORS), "text_features": torch.zeros(3, 4)}
    torch.save(parts, tmp_path / "f.pt")
    np.testing.assert_array_equal(image_features(tmp_path / "f.pt", IMAGES), VECTORS)


def test_vectors_by_path_are_put_in_order(tmp_path):
    order = np.random.default_rng(1).permutation(6)
    named = {f"train_images/0000{i}_{IMAGES.names[i]}": torch.tensor(VECTORS[i]) for i in order}
    torch.save({"img_features": named}, tmp_path / "f.pt")
    np.testing.assert_array_equal(image_features(tmp_path / "f.pt", IMAGES), VECTORS)


def test_levels_of_blur_are_chosen(tmp_path):
    levels = {
        level: {name: torch.tensor(v * k) for name, v in zip(IMAGES.names, VECTORS, strict=True)}
        for k, level in enumerate(("low", "medium", "high"), start=1)
    }
    torch.save({"img_features": levels}, tmp_path / "f.pt")
    got = image_features(tmp_path / "f.pt", IMAGES, level="medium")
    np.testing.assert_array_equal(got, VECTORS * 2)
    for wrong in ("none", None):
        with pytest.raises(ConfigError, match="has the levels high, low, medium of blur, and none"):
            image_features(tmp_path / "f.pt", IMAGES, level=wrong)


def test_features_of_another_data_set_are_refused(tmp_path):
    np.save(tmp_path / "f.npy", VECTORS[:5])
    with pytest.raises(RecordingError, match=r"6 images need a vector each, .* but 5 came"):
        image_features(tmp_path / "f.npy", IMAGES)
    with pytest.raises(ConfigError, match="has no levels of blur, and low was asked for"):
        image_features(tmp_path / "f.npy", IMAGES, level="low")
    np.save(tmp_path / "f.npy", VECTORS[0])
    with pytest.raises(RecordingError, match=r"not \(4,\)"):
        image_features(tmp_path / "f.npy", IMAGES)
    torch.save({name: torch.zeros(4) for name in IMAGES.names[1:]}, tmp_path / "f.pt")
    with pytest.raises(RecordingError, match=r"1 of 6 images have no vector \(first: a/a_0.jpg\)"):
        image_features(tmp_path / "f.pt", IMAGES)
    uneven = {name: torch.zeros(3 + (k == 2)) for k, name in enumerate(IMAGES.names)}
    torch.save(uneven, tmp_path / "f.pt")
    with pytest.raises(RecordingError, match=r"one shape \(D,\), not \[\(3,\), \(4,\)\]"):
        image_features(tmp_path / "f.pt", IMAGES)


def test_vectors_by_number_or_of_words_are_refused(tmp_path):
    torch.save({"img_features": dict(enumerate(torch.ones(6, 4)))}, tmp_path / "f.pt")
    with pytest.raises(RecordingError, match="by the path of each image, but 6 of 6 have 0 or"):
        image_features(tmp_path / "f.pt", IMAGES)
    np.save(tmp_path / "f.npy", np.full((6, 4), "x"))
    with pytest.raises(RecordingError, match="features must be numbers, not <U1"):
        image_features(tmp_path / "f.npy", IMAGES)


def test_nan_in_features_is_refused(tmp_path):
    bad = VECTORS.copy()
    bad[3, 1] = np.nan
    np.save(tmp_path / "f.npy", bad)
    with pytest.raises(RecordingError, match=r"1 of 6 rows hold NaN .* \(first: b/b_1.jpg\)"):
        image_features(tmp_path / "f.npy", IMAGES)


def test_a_pickle_is_not_trusted_by_itself(tmp_path):
    np.save(tmp_path / "f.npy", {"img_features": VECTORS})
    with pytest.raises(RecordingError, match="--trust-pickle"):
        image_features(tmp_path / "f.npy", IMAGES)
    got = image_features(tmp_path / "f.npy", IMAGES, trust_pickle=True)
    np.testing.assert_array_equal(got, VECTORS)


@pytest.mark.real_data
def test_the_published_features_of_the_test_images(real_data):
    folder = real_data / "clip" / "things200-vitl14"
    images = read_images(folder / "things_eeg2_test200_names.txt", "test")
    shown = image_features(folder / "clip_feature_maps_test.npy", images)
    centres = image_features(folder / "center_clip.npy", images)
    assert shown.shape == centres.shape == (200, 768)
    np.testing.assert_allclose(np.linalg.norm(shown, axis=1), 1, atol=1e-3)
