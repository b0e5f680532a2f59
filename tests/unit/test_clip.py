"""CLIP through real open_clip, with a tiny model and random weights: no download, same code."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from saccade.models.galleries.clip import Clip, ClipSettings, import_open_clip
from saccade.models.galleries.prompts import imagenet_templates, sentences
from saccade.realtime.errors import ConfigError, GalleryError

open_clip = import_open_clip()


@pytest.fixture(autouse=True)
def tiny(tiny_clip) -> Path:
    return tiny_clip


@pytest.fixture(scope="module")
def clip(tiny_clip) -> Clip:
    return Clip(ClipSettings("saccade-tiny", weights_file=tiny_clip, device="cpu"))


def picture(path: Path, seed: int, size=(40, 48)) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


class TestVectors:
    def test_texts_are_those_of_open_clip_at_unit_length(self, clip, tiny):
        texts = ["a red car", "a house", "naïve art"]
        model = open_clip.create_model("saccade-tiny", pretrained=str(tiny)).eval()
        with torch.no_grad():
            raw = model.encode_text(open_clip.get_tokenizer("saccade-tiny")(texts)).numpy()
        vectors = clip.texts(texts)
        np.testing.assert_allclose(
            vectors, raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-6
        )
        assert (vectors.dtype, vectors.shape) == (np.float32, (3, clip.dim))

    def test_images_are_those_of_open_clip_at_unit_length(self, clip, tiny, tmp_path):
        paths = [picture(tmp_path / f"{i}.png", i) for i in range(3)]
        model, _, prepare = open_clip.create_model_and_transforms(
            "saccade-tiny", pretrained=str(tiny)
        )
        with torch.no_grad():
            raw = model.eval().encode_image(
                torch.stack([prepare(Image.open(path)) for path in paths])
            )
        vectors = clip.images(paths)
        np.testing.assert_allclose(vectors, raw / raw.norm(dim=1, keepdim=True), atol=1e-6)

    def test_grey_and_transparent_images_are_read_as_colours(self, clip, tmp_path):
        for mode in ("L", "RGBA", "P"):
            Image.new(mode, (40, 40), 7).save(tmp_path / f"{mode}.png")
        vectors = clip.images([tmp_path / f"{mode}.png" for mode in ("L", "RGBA", "P")])
        assert np.isfinite(vectors).all()

    def test_resizing_changes_vectors_and_what_is_said_of_them(self, clip, tiny, tmp_path):
        path = picture(tmp_path / "wide.png", 0, (40, 90))
        squashed = Clip(ClipSettings("saccade-tiny", None, tiny, "squash", "cpu"))
        assert not np.allclose(clip.images([path]), squashed.images([path]))
        assert "resize_mode shortest" in clip.preprocessing
        assert "resize_mode squash" in squashed.preprocessing
        assert "size 32×32" in clip.preprocessing

    def test_a_file_without_tag_is_named_by_its_digest(self, clip, tiny):
        assert clip.weights == f"sha256:{clip.weights_sha256[:32]}"
        assert clip.backbone == "saccade-tiny"


class TestTags:
    """What open_clip knows of a tag is used with a local file too."""

    @pytest.fixture
    def tagged(self, monkeypatch):
        def add(**about):
            known = {"hf_hub": "lab/tiny/", "mean": (0.1,) * 3, "std": (0.2,) * 3, **about}
            table = sys.modules["open_clip.pretrained"]._PRETRAINED
            monkeypatch.setitem(table, "saccade-tiny", {"lab_v1": known})

        return add

    def settings(self, tiny):
        return ClipSettings("saccade-tiny", "lab-v1", tiny, device="cpu")

    def test_its_preprocessing(self, tagged, tiny):
        tagged(resize_mode="squash", interpolation="bilinear")
        clip = Clip(self.settings(tiny))
        assert clip.weights == "lab_v1"
        assert "mean 0.1×0.1×0.1" in clip.preprocessing
        assert "interpolation bilinear" in clip.preprocessing
        assert "resize_mode squash" in clip.preprocessing

    def test_its_activation_function(self, tagged, tiny):
        tagged(quick_gelu=True)
        quick = Clip(self.settings(tiny)).texts(["a red car"])
        model = open_clip.create_model("saccade-tiny", str(tiny), force_quick_gelu=True).eval()
        with torch.no_grad():
            tokens = open_clip.get_tokenizer("saccade-tiny")(["a red car"])
            expected = model.encode_text(tokens, normalize=True).numpy()
        np.testing.assert_allclose(quick, expected, atol=1e-6)
        tagged()
        assert not np.allclose(quick, Clip(self.settings(tiny)).texts(["a red car"]), atol=1e-4)

    def test_no_network_names_the_file_and_where_to_put_it(self, tagged, monkeypatch):
        tagged()

        def unreachable(about):
            try:
                raise OSError("Name or service not known\nwith details")
            except OSError as error:
                raise FileNotFoundError("Failed to download") from error

        monkeypatch.setattr(open_clip, "download_pretrained", unreachable)
        with pytest.raises(GalleryError) as caught:
            Clip(ClipSettings("saccade-tiny", "lab_v1", device="cpu"))
        assert "\n" not in str(caught.value)
        assert (
            "(Name or service not known): where there is a network get https://huggingface.co/lab/"
            "tiny/resolve/main/open_clip_pytorch_model.bin (or open_clip_model.safetensors beside "
            "it), put it anywhere here, and add --weights-file open_clip_pytorch_model.bin"
        ) in str(caught.value)

    def test_openai_weights_need_the_rough_activation(self):
        assert open_clip.get_pretrained_cfg("ViT-B-32", "openai")["quick_gelu"]
        assert not open_clip.get_model_config("ViT-B-32").get("quick_gelu", False)


class TestRefused:
    def refused(self, message, error=GalleryError, **fields):
        known = {"backbone": "saccade-tiny", "device": "cpu"}
        with pytest.raises(error, match=message):
            Clip(ClipSettings(**(known | fields)))

    def test_unknown_model(self):
        self.refused(
            r"no model 'ViT-B-31' among its \d+: nearest are ViT-B",
            backbone="ViT-B-31",
            weights="x",
        )

    def test_unknown_tag(self):
        self.refused(
            "ViT-B-32 has no weights 'opanai': the tags that exist are openai, laion400m_e31",
            backbone="ViT-B/32",
            weights="opanai",
        )

    def test_neither_tag_nor_file(self):
        self.refused("weights of saccade-tiny are needed", ConfigError)

    def test_unknown_way_to_resize(self, tiny):
        self.refused(
            "by shortest, longest, squash, not 'crop'",
            ConfigError,
            weights_file=tiny,
            resize="crop",
        )

    @pytest.mark.parametrize("device", ["cuda:77", "tpu!"])
    def test_no_such_device(self, tiny, device):
        self.refused(
            f"can't use the device '{device}'", ConfigError, weights_file=tiny, device=device
        )

    def test_no_such_file(self, tmp_path):
        self.refused("no weights can be read from .*none.pt", weights_file=tmp_path / "none.pt")

    def test_weights_of_something_else(self, tmp_path):
        for name, content in (("a.pt", b"no weights"), ("b.pt", b""), ("c.safetensors", b"x" * 99)):
            (tmp_path / name).write_bytes(content)
            self.refused("must hold weights of saccade-tiny", weights_file=tmp_path / name)
        torch.save({"visual.proj": torch.zeros(3)}, tmp_path / "d.pt")
        self.refused("must hold weights of saccade-tiny", weights_file=tmp_path / "d.pt")

    def test_pickled_code_is_not_run(self, tmp_path):
        torch.save({"w": Path("x")}, tmp_path / "code.pt")
        self.refused("without pickled code", weights_file=tmp_path / "code.pt")

    def test_a_text_that_would_be_cut(self, clip):
        clip.texts(["dog " * 18])  # 20 tokens with start and end
        with pytest.raises(GalleryError, match=r"at most 20 tokens, but 'dog dog .* has more"):
            clip.texts(["short", "dog " * 19])

    @pytest.mark.parametrize("separated", [False, True])
    def test_a_text_that_another_tokenizer_would_cut(self, clip, monkeypatch, separated):
        def transformers_like(texts, context_length=20):
            """Cut what is too long and pad by 1, as transformers do; at the end a separator."""
            rows = [[7 + len(word) for word in text.split()] for text in texts]
            if separated:
                rows = [[*row[: context_length - 1], 0] for row in rows]
            return torch.tensor([[*row, *[1] * context_length][:context_length] for row in rows])

        monkeypatch.setattr(clip, "_tokenizer", transformers_like)
        fit = 20 - separated
        assert clip.texts(["dog", "dog " * fit]).shape == (2, clip.dim)
        with pytest.raises(GalleryError, match=r"at most 20 tokens, but 'cat cat .* has more"):
            clip.texts(["short", "cat " * (fit + 1)])

    def test_what_is_no_image(self, clip, tmp_path):
        (tmp_path / "a.jpg").write_bytes(b"hello")
        with pytest.raises(GalleryError, match=r"a\.jpg can't be read as an image"):
            clip.images([tmp_path / "a.jpg"])
        whole = picture(tmp_path / "b.png", 0).read_bytes()
        (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(GalleryError, match=r"b\.png can't be read as an image"):
            clip.images([tmp_path / "b.png"])


class TestPrompts:
    def test_imagenets_set(self):
        templates = imagenet_templates()
        assert len(set(templates)) == 80
        assert "a photo of a {}." in templates
        assert all(template.count("{}") == 1 for template in templates)

    def test_names_take_their_place(self):
        assert sentences("aircraft_carrier", ["a {}.", "{x} {}"]) == (
            "a aircraft carrier.",
            "{x} aircraft carrier",
        )

    @pytest.mark.parametrize("template", ["a photo", "{} and {}"])
    def test_a_template_has_one_place(self, template):
        with pytest.raises(GalleryError, match=r"one \{\} for the name"):
            sentences("dog", [template])

    def test_no_template(self):
        with pytest.raises(GalleryError, match="at least one template"):
            sentences("dog", [])


def test_a_broken_torchvision_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(GalleryError, match=r"open_clip can't be imported .* of matching versions"):
        import_open_clip.__wrapped__()
