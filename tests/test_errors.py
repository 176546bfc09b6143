"""The words of messages."""

import pytest

from audioviz.errors import kind_of, with_article


@pytest.mark.parametrize(
    "name",
    ("an AutoencoderTiny", "an int", "a float", "an ESRGAN", "a UNet", "a FluxPipeline", "an LTXPipeline", "a HAT"),
)
def test_a_name_has_the_article_that_is_said(name):
    assert with_article(name.split()[1]) == name


def test_a_kind_is_named_with_its_article():
    assert kind_of(3) == "an int"
