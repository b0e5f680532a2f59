"""Protocols: read, checked, written and read again; and the pictures they name."""

from __future__ import annotations

import dataclasses
import tomllib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from saccade.calibration.pictures import pictures_of
from saccade.calibration.protocol import BUILT_IN, Protocol, load_protocol, protocol_from
from saccade.realtime.errors import ConfigError

RSVP = Protocol("rsvp", trials_per_block=40, trials=80, sequence_length=20)


@pytest.mark.parametrize("name", BUILT_IN)
def test_those_built_in_are_read_and_called_by_their_name(name):
    protocol = load_protocol(name)
    assert protocol.name == name
    assert protocol_from(tomllib.loads(protocol.to_toml()), "it") == protocol


def test_that_of_the_things_data_has_its_times():
    protocol = load_protocol("rsvp")
    assert (protocol.on_s, protocol.soa_s, protocol.sequence_length) == (0.1, 0.2, 20)
    assert protocol.catch_share > 0


def test_one_of_your_own_is_a_file_and_has_its_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('kind = "single"\ntrials_per_block = 10\nrepetitions = 3\nsoa_s = 1\n')
    protocol = load_protocol(str(path))
    assert protocol == Protocol("single", 10, repetitions=3, soa_s=1.0, name="mine")


@given(
    st.builds(
        Protocol,
        kind=st.just("rsvp"),
        trials_per_block=st.integers(1, 50).map(lambda n: 4 * n),
        sequence_length=st.just(4),
        trials=st.integers(1, 10_000),
        name=st.text(max_size=10),
        concepts=st.lists(st.text(), max_size=3).map(tuple),
        images=st.none() | st.text(min_size=1),
        on_s=st.floats(0.01, 0.2),
        seed=st.integers(0, 2**40),
    )
)
def test_what_is_written_is_read_again(protocol):
    again = protocol_from(tomllib.loads(protocol.to_toml()), "it")
    assert again == protocol
    assert protocol_from(protocol.asdict(), "it") == protocol


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trials": None}, "neither came: give one of the two"),
        ({"repetitions": 3}, "both came: give one of the two"),
        ({"trials": 0}, "trials of a protocol must be 1 to 100000, not 0"),
        ({"seed": -1}, "seed of a protocol must be at least 0, not -1"),
        ({"on_s": 0.3}, r"stays 0.3 s of 0.2 s from onset to onset: shorten on_s"),
        ({"soa_s": float("nan")}, "soa_s of a protocol must be"),
        ({"catch_share": 1.5}, "catch_share of a protocol must be 0 to 1, not 1.5"),
        ({"sequence_length": None}, "needs sequence_length, as 20"),
        ({"trials_per_block": 50}, "50 trials are not a multiple of 20: say trials_per_block = 40"),
        ({"jitter_s": 0.1}, "jitter_s would change nothing in a protocol of kind rsvp"),
        ({"targets": ("dog",)}, "targets are asked for only if catch_share is above 0"),
        ({"kind": "single"}, "sequence_length would change nothing in a protocol of kind single"),
        (
            {"kind": "external", "pictures": 2},
            "pictures, sequence_length would change nothing in a protocol of kind external",
        ),
        (
            {"kind": "external", "sequence_length": None, "trials": None, "repetitions": 2},
            "only if the protocol names its concepts",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        dataclasses.replace(RSVP, **changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("trial = 3", "has no setting 'trial': did you mean 'trials'"),
        ('soa_s = "long"', "soa_s of the protocol x.toml must be a number, not 'long'"),
        ("trials = 2.5", "must be a whole number"),
        (
            'kind = "movie"\ntrials_per_block = 5',
            "must be 'rsvp' or 'single' or 'external', not 'movie'",
        ),
        ("", "needs kind, which is not given"),
        ("kind = ", "x.toml is not valid TOML"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_a_sentence(tmp_path, text, said):
    path = tmp_path / "x.toml"
    whole = "" if "kind" in said or "kind" in text else 'kind = "single"\ntrials_per_block = 5\n'
    path.write_text(whole + text)
    with pytest.raises(ConfigError, match=said):
        load_protocol(str(path))


def test_a_name_that_is_none_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"no protocol 'rvsp' \(did you mean 'rsvp'\?\)"):
        load_protocol("rvsp")
    with pytest.raises(ConfigError, match=r"no protocol can be read at .*none\.toml: No such"):
        load_protocol(str(tmp_path / "none.toml"))


class TestPictures:
    @pytest.fixture
    def folder(self, tmp_path):
        for name, n in (("Dog", 3), ("ice_cream", 2)):
            (tmp_path / name).mkdir()
            for i in range(n):
                (tmp_path / name / f"{i}.jpg").touch()
            (tmp_path / name / "notes.txt").touch()
        return tmp_path

    def test_are_drawn_where_no_folder_is_named(self):
        assert pictures_of(RSVP, ("dog", "cat")) == {"dog": (), "cat": ()}

    def test_are_found_whatever_the_spelling_in_the_order_of_their_names(self, folder):
        protocol = dataclasses.replace(RSVP, images=str(folder), pictures=2)
        found = pictures_of(protocol, ("dog", "ice cream"))
        assert [p.name for p in found["dog"]] == ["0.jpg", "1.jpg"]
        assert [p.parent.name for p in found["ice cream"]] == ["ice_cream"] * 2

    @pytest.mark.parametrize(
        ("concepts", "n", "said"),
        [
            (("dog", "cat"), 1, "1 of 2 have none, as 'cat': make them"),
            (("ice cream",), 3, r"shows 3 pictures of each concept, but .*ice_cream has 2"),
        ],
    )
    def test_that_are_missing_are_told(self, folder, concepts, n, said):
        protocol = dataclasses.replace(RSVP, images=str(folder), pictures=n)
        with pytest.raises(ConfigError, match=said):
            pictures_of(protocol, concepts)

    def test_in_no_folder_are_told(self, tmp_path):
        with pytest.raises(ConfigError, match="which is no folder"):
            pictures_of(dataclasses.replace(RSVP, images=str(tmp_path / "no")), ("dog",))
