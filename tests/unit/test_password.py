"""A password and its hash belong together, and what only looks like a hash is told."""

import re

import pytest

from relay import password

# From RFC 7914, section 12: N = 1024, r = 8, p = 16 is beyond our form; this is N = 16384, p = 1.
RFC = (
    "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU"
    "$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr5"
    "5h6F3A1lHkDfzwF7RVdYhw"
)


def test_a_hash_made_elsewhere_is_understood() -> None:
    assert password.matches("pleaseletmein", RFC)
    assert not password.matches("pleaseletmeout", RFC)


def test_a_password_opens_its_hash_and_none_other_does() -> None:
    kept = password.hashed("open, sesame: ✨")
    password.check(kept)
    assert password.matches("open, sesame: ✨", kept)
    assert not password.matches("open, sesame", kept)
    assert not password.matches(kept, kept)


def test_two_hashes_of_one_password_differ_and_show_nothing_of_it() -> None:
    one, other = password.hashed("sesame"), password.hashed("sesame")
    assert one != other
    assert "sesame" not in one
    assert re.fullmatch(r"\$scrypt\$ln=15,r=8,p=3\$[\w+/]{22}\$[\w+/]{43}", one)


@pytest.mark.parametrize("kept", ["sesame", "", "$2b$12$abc", "päss", "$scrypt"])
def test_what_is_no_hash_is_the_password_itself(kept: str) -> None:
    password.check(kept)
    assert password.matches(kept, kept)
    assert not password.matches(kept + "x", kept)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param("$scrypt$", id="nothing"),
        pytest.param(RFC.replace("ln=14", "ln=24"), id="more memory than there may be"),
        pytest.param(RFC.replace("ln=14", "ln=0"), id="no work"),
        pytest.param(RFC.rpartition("$")[0], id="half of it"),
        pytest.param(RFC.replace("U29k", "U2 k"), id="a blank"),
    ],
)
def test_a_hash_that_cannot_be_used_is_told(kept: str) -> None:
    with pytest.raises(ValueError, match="relay password"):
        password.check(kept)
