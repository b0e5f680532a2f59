"""The page says what was measured, says when it was made up, and needs nothing but itself."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from saccade.models.evaluation.ablation import Ablation, Drop
from saccade.models.evaluation.accuracy import PermutationTest
from saccade.models.evaluation.bootstrap import Measured
from saccade.models.evaluation.report import page, write_report
from saccade.models.evaluation.result import About, Confusion, Evaluation, Level, Way
from saccade.realtime.simulation.observer import IdealAccuracy


def measured(value, n=80, chance=0.05):
    return Measured(value, n, chance, (value - 0.0417, value + 0.0419))


def level(repetitions, top1, people=()):
    return Level(
        repetitions=repetitions,
        n=80 // repetitions,
        n_concepts=20,
        n_people=max(1, len(people)),
        ways=(Way(2, measured(0.876), None), Way(20, measured(top1), measured(top1 + 0.2))),
        two_way=measured(0.912),
        bits=measured(1.234, chance=0.0),
        control=PermutationTest(top1, 0.051, (0.021, 0.083), 0.001, 999),
        people=people,
        intervals_over="20 concepts",
    )


DROPS = Ablation(1, measured(0.3), (Drop("Oz", measured(0.1)), Drop("Fz", measured(0.0))))


@pytest.fixture
def plain():
    about = About("ATM-S", "THINGS-EEG2", "in-subject", "RN50")
    return Evaluation(about, "image", 20, (level(1, 0.345), level(4, 0.678)))


@pytest.fixture
def full(plain):
    confusion = Confusion(4, ("animal", "tool"), ((3, 1), (2, 4)), (("tool", measured(0.667)),))
    return replace(plain, confusion=confusion, windows=DROPS, sensors=DROPS)


def pictures(html):
    """Return the SVG of each drawing by its title, parsed."""
    found = re.findall(r'<img alt="([^"]*)" src="data:image/svg\+xml;base64,([^"]*)">', html)
    return {title: ElementTree.fromstring(base64.b64decode(data)) for title, data in found}


def text(html):
    """Return what a reader reads."""

    class Words(HTMLParser):
        words = ""

        def handle_data(self, data):
            self.words += data

    words = Words()
    words.feed(html.partition("<body>")[2])
    return words.words


def test_numbers_stand_with_n_chance_and_interval(plain):
    words = text(page(plain))
    assert ".345top-1 of 20 [.303, .387]n = 80, chance .050" in words
    assert "1.234bits of 4.32 [1.192, 1.276]n = 80, chance .000" in words
    assert "Averages of 4 presentations, n = 20" in words
    assert ".678 [.636, .720] .050" in words
    assert "Permuted 999 times: top-1 .051 [.021, .083], p = .001" in words
    assert "gallery of 20 (image) from RN50 · 20 concepts shown to 1 person" in words


def test_simulated_data_says_so_in_title_and_page_and_real_data_does_not(plain):
    assert "SIMULATED" not in page(plain)
    html = page(replace(plain, about=replace(plain.about, simulated=True)))
    assert "<title>SIMULATED · ATM-S" in html
    assert "SIMULATED: no person" in text(html)


def test_only_single_trials_are_called_live(plain):
    assert "leftmost point is what one presentation gives live" in text(page(plain))
    averages = replace(plain, levels=(level(4, 0.678),))
    words = text(page(averages))
    assert "No point is of single trials" in words
    assert "Single trials" not in words
    assert "Averages of 4 presentations" in words


def test_needs_nothing_from_elsewhere(full):
    html = page(full)
    assert "<script" not in html
    assert "http" not in re.sub(r'src="data:[^"]*"', "", html)


def test_is_as_complete_as_what_was_measured(plain, full):
    assert list(pictures(page(plain))) == ["Accuracy and repetitions"]
    assert list(pictures(page(full))) == [
        "Accuracy and repetitions", "Hiding a time window", "Confusion by category",
        "Hiding a sensor",
    ]  # fmt: skip
    assert "Right category [95 %] chance: tool .667 [.625, .709] .050" in text(page(full))


def test_people_are_drawn_where_there_are_several(plain):
    people = (("sub-1", measured(0.25)), ("sub-2", measured(0.44)))
    html = page(replace(plain, levels=(level(1, 0.345, people), level(4, 0.678, people))))
    assert "Each person" in pictures(html)
    assert "Single trials: .250 to .440, n = 80 to 80 each" in text(html)
    assert "shown to 2 people" in text(html)


def test_people_with_too_few_averages_are_left_out_of_these(plain):
    people = (("sub-1", measured(0.25)), ("sub-2", measured(0.44)))
    for fewer in (people[1:], ()):
        levels = (level(1, 0.345, people), level(4, 0.678, fewer))
        html = page(replace(plain, levels=levels))
        assert "Each person" in pictures(html)
        assert "Single trials: .250 to .440" in text(html)


def test_a_small_probability_is_not_written_as_none(plain):
    control = replace(plain.levels[0].control, p=1 / 5001)
    assert "p < .001" in text(
        page(replace(plain, levels=(replace(plain.levels[0], control=control),)))
    )


def test_signs_of_formulas_in_names_are_drawn_as_they_are(full):
    for name in ("a$b_{$", "from $5 to $9"):
        confusion = replace(full.confusion, groups=(name, "tool"))
        assert "Confusion by category" in pictures(page(replace(full, confusion=confusion)))


def test_an_ideal_observer_who_learns_nothing_is_no_share(plain):
    ideal = IdealAccuracy(0.05, 0.25, 0.0, 2000, 20, 1, 0.05, 0.25, (0.04, 0.06), (0.24, 0.26))
    assert "of the ideal" not in text(page(replace(plain, ideal=(ideal,))))


def test_the_ideal_observer_stands_beside_where_it_is_known(plain):
    ideal = IdealAccuracy(0.5, 0.7, 2.468, 2000, 20, 1, 0.05, 0.25, (0.49, 0.51), (0.69, 0.71))
    html = page(replace(plain, ideal=(ideal,)))
    assert "n = 80, chance .000, 50% of the ideal" in text(html)
    assert "Dashed: ideal observer" in text(html)
    without = pictures(page(plain))["Accuracy and repetitions"]
    curve = pictures(html)["Accuracy and repetitions"]
    assert len(list(curve.iter())) > len(list(without.iter()))


def test_the_smallest_gallery_has_no_top5(plain):
    few = replace(level(1, 0.5), ways=(Way(2, measured(0.5, chance=0.5), None),))
    words = text(page(replace(plain, gallery_size=2, levels=(few,))))
    assert "top-5 of" not in words
    assert "top-1 of 2" in words


def test_names_cannot_break_the_page(full):
    confusion = replace(full.confusion, groups=("<b>", "a & b"), right=(("<b>", measured(0.6)),))
    about = About("<i>x", 'a"b', "pooled", "<script>")
    html = page(replace(full, about=about, confusion=confusion))
    assert not {"<i>x", "<script>", "<b>tool", "<b> "} & set(re.findall("<[^>]*>[^<]?", html))
    assert "&lt;i&gt;x" in html
    assert "<b> .600" in text(html)


def test_many_categories_and_sensors_still_draw(full):
    names = tuple(f"category {i}" for i in range(27))
    counts = tuple(tuple(int(i == j) for j in range(27)) for i in range(27))
    right = tuple((name, measured(0.3 + i / 100)) for i, name in enumerate(names))
    drops = tuple(Drop(f"MEG{i:04d}", measured(0.0)) for i in range(271))
    many = replace(
        full,
        confusion=Confusion(1, names, counts, right),
        sensors=replace(DROPS, drops=drops),
    )
    html = page(many)
    assert len(pictures(html)) == 4
    best_and_worst = "category 26 .560 [.518, .602] .050; category 0 .300 [.258, .342] .050."
    assert f"Best and worst category [95 %] chance: {best_and_worst}" in text(html)
    assert "of 271 some 14 exclude 0 by luck. Shown are the 80 that cost most." in text(html)


def test_the_same_numbers_give_the_same_file(full, tmp_path):
    write_report(full, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page(full)
