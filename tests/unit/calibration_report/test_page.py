"""The page and the file: the same, self-contained, and readable by everybody."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from saccade.calibration.choose import Calibrated
from saccade.calibration.collect import Trials
from saccade.calibration.report.contents import CalibrationReport, SignalQuality, load, to_json
from saccade.calibration.report.examine import Circumstances, examine
from saccade.calibration.report.files import report_lines, report_paths, write
from saccade.calibration.report.page import page
from saccade.calibration.session_summary import RunSummary, SessionSummary
from saccade.calibration.verdict_facts import VerdictSettings
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError
from saccade.realtime.simulation.observer import IdealAccuracy

IDEAL = IdealAccuracy(0.9, 0.99, 3.1, 1000, 4, 1, 0.25, 1.0, (0.88, 0.92), (0.98, 1.0))
QUALITY = SignalQuality(
    5.0, (3, 2), ("O1", "Oz"), ("gggdd", "-bbbb"), ("wandered 220 µV in 10 s", "railed")
)
SUMMARY = SessionSummary(
    runs=(RunSummary(1, True, 160, 160, shown=160, markers=158),),
    questions=20,
    targets=10,
    hits=9,
    false_alarms=1,
)


@pytest.fixture(scope="module")
def few_report(few: tuple[Trials, Gallery, Calibrated]) -> CalibrationReport:
    known = Circumstances(session=SUMMARY, command="saccade calibrate --set 'a=\"<b>\"'")
    found = examine(*few, VerdictSettings(), known).report
    return dataclasses.replace(found, quality=QUALITY, ideal=IDEAL)


@pytest.fixture(scope="module")
def many_report(many: tuple[Trials, Gallery, Calibrated]) -> CalibrationReport:
    return examine(*many, VerdictSettings()).report


class Tags(HTMLParser):
    """Counts open tags, so that each is closed, and keeps what is loaded."""

    VOID = frozenset({"meta", "br", "path", "rect", "circle", "image", "link", "img"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


@pytest.mark.parametrize("which", ["few_report", "many_report"])
def test_page_is_whole_and_loads_nothing(which: str, request: pytest.FixtureRequest) -> None:
    html = page(request.getfixturevalue(which))
    tags = read(html)
    assert tags.open == []
    assert all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert "<script" not in html
    assert not re.search(r"https?://", html)
    assert "nan" not in re.sub(r'(base64,[^"]*|<[^>]*title>)', "", html)


def test_page_says_it_all(few_report: CalibrationReport) -> None:
    words = " ".join(read(page(few_report)).words)
    for told in (
        "SIMULATED: no person was recorded",
        "GO",
        "top-1 of 4, single trials",
        "ideal observer 90 %",
        "promised live, top-1 of 4",
        "Learning curve",
        "What was tried",
        "Expected calibration error",
        "Response common to all pictures",
        "settling (1), peak to peak (1)",
        "158 of 160 received",
        "9 of 10 found",
        "1 of 10",
        "500.0 ms (median",
        "Oz bad 100 %",
        "railed",
        "run-01.xdf (SHA-256 abababababab…); run-02.xdf",
        "saccade calibrate --set 'a=\"<b>\"'",
    ):
        assert told in words, told


def test_names_are_no_markup(many_report: CalibrationReport) -> None:
    html = page(many_report)
    assert "group &lt;0&gt;" in html
    assert "group <0>" not in html


def test_every_drawing_is_told_in_words(few_report: CalibrationReport) -> None:
    html = page(few_report)
    assert html.count("<svg") == html.count('role="img" aria-label="') + 1  # the verdict's sign
    assert html.count('aria-hidden="true"') == 1


@pytest.mark.parametrize("decision", ["go", "more", "redo"])
def test_verdict_is_told_by_word_and_shape(few_report: CalibrationReport, decision: str) -> None:
    verdict = dataclasses.replace(few_report.verdict, decision=decision)
    html = page(dataclasses.replace(few_report, verdict=verdict))
    assert f"<b>{decision.upper()}</b>" in html
    assert f"shape-{decision}" in html.split("</style>")[1]
    assert f"Calibration: {decision}</title>" in html


def test_real_session_is_not_called_simulated(few_report: CalibrationReport) -> None:
    about = dataclasses.replace(few_report.about, simulated=False)
    assert "SIMULATED" not in page(dataclasses.replace(few_report, about=about))


def test_what_was_not_measured_is_left_out(few_report: CalibrationReport) -> None:
    bare = dataclasses.replace(
        few_report,
        growth=None,
        repeated=(),
        candidates=(),
        confusion=None,
        quality=None,
        session=None,
        timing=None,
        ideal=None,
        promises=(),
    )
    words = " ".join(read(page(bare)).words)
    for left_out in ("Learning curve", "What was tried", "Signal quality", "Session", "ideal"):
        assert left_out not in words
    assert report_lines(bare) == [f"verdict      GO: {bare.verdict.sentence}"]


def test_file_gives_the_same_report_back(
    few_report: CalibrationReport, many_report: CalibrationReport, tmp_path: Path
) -> None:
    for report in (few_report, many_report):
        html = write(report, tmp_path / "me.saccade")
        assert html == tmp_path / "me.report.html"
        assert load(tmp_path / "me.report.json") == report
        assert page(load(tmp_path / "me.report.json")) == html.read_text(encoding="utf-8")


def test_terminal_says_verdict_promise_and_outlook(few_report: CalibrationReport) -> None:
    verdict, promise, outlook = report_lines(few_report)
    assert verdict.startswith("verdict      GO: top-1 of 4 is ")
    assert promise.startswith("promise      top-1 of 4 in 200 live trials of concepts it learned: ")
    assert outlook.startswith("with more    ")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 99}, "version 99, but this saccade reads 1"),
        ({"timing": {"n": "many"}}, "is no calibration report: timing"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_file_that_is_none_is_refused(
    few_report: CalibrationReport, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = tmp_path / "x.report.json"
    path.write_text(json.dumps(json.loads(to_json(few_report)) | change))
    with pytest.raises(CalibrationError, match=words):
        load(path)


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_file_that_can_not_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "x.report.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CalibrationError, match="no calibration report can be read"):
        load(path)


def test_folder_that_can_not_be_written_to_is_told(
    few_report: CalibrationReport, tmp_path: Path
) -> None:
    with pytest.raises(CalibrationError, match="can't be written"):
        write(few_report, tmp_path / "no" / "me.saccade")


def test_paths_stand_beside_the_decoder() -> None:
    assert report_paths(Path("a/me.v2.saccade")) == (
        Path("a/me.v2.report.html"),
        Path("a/me.v2.report.json"),
    )
