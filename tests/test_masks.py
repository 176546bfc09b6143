"""Attention masks of texts: how texts of several lengths mix, and are read together."""

from itertools import pairwise

import pytest
import torch

from audioviz.errors import InputError
from audioviz.sampling import Conditioning, lerp, slerp
from audioviz.sampling.conditioning import padded

WIDTH = 6


def text(read: int, tokens: int, *, seed: int = 0, rows: int = 1) -> Conditioning:
    """A conditioning of so many tokens, of which the first are read."""
    embeddings = torch.randn(rows, tokens, WIDTH, generator=torch.Generator().manual_seed(seed))
    return Conditioning(embeddings, mask=(torch.arange(tokens) < read).expand(rows, -1))


def read_of(mixed: Conditioning) -> torch.Tensor:
    """The tokens of the first row that are read."""
    return mixed.embeddings[0, mixed.mask[0]]


@pytest.mark.parametrize("mix", [lerp, slerp])
def test_a_mix_of_masked_texts_begins_and_ends_as_they_are(mix):
    a, b = text(3, 8), text(7, 16, seed=1)
    assert mix(a, b, 0.0) is a and mix(a, b, 1.0) is b
    assert torch.allclose(read_of(mix(a, b, 1e-4)), read_of(a), atol=1e-2)
    assert torch.allclose(read_of(mix(a, b, 1 - 1e-4)), read_of(b), atol=1e-2)


@pytest.mark.parametrize("read, other", [(3, 11), (11, 3)])
def test_tokens_come_in_and_go_one_by_one(read, other):
    a, b = text(read, 16), text(other, 16, seed=1)
    steps = [lerp(a, b, t) for t in torch.linspace(0, 1, 101).tolist()]
    counts = [int(step.mask.sum()) for step in steps]
    assert counts[0] == read and counts[-1] == other
    assert sorted(counts, reverse=other < read) == counts and {abs(n - m) for n, m in pairwise(counts)} <= {0, 1}
    assert all(step.mask[0, :n].all() for step, n in zip(steps, counts))


def test_what_a_text_does_not_read_does_not_mix_in():
    a, b = text(2, 8), text(6, 8, seed=1)
    strange = Conditioning(torch.where(a.mask[..., None], a.embeddings, torch.nan), mask=a.mask)
    assert torch.equal(lerp(strange, b, 0.75).embeddings, lerp(a, b, 0.75).embeddings)
    last = lerp(a, b, 0.75).embeddings[0, 4]
    assert torch.allclose(last, torch.lerp(a.embeddings[0, 1], b.embeddings[0, 4], 0.75))  # where a has no token


def test_rows_mix_each_by_its_own_mask():
    masks = torch.arange(8) < torch.tensor([[2], [5]])
    a = Conditioning(torch.randn(2, 8, WIDTH), mask=masks)
    halfway = lerp(a, text(8, 8, seed=1), 0.5)
    assert halfway.mask.sum(1).tolist() == [5, 6]  # 6.5 rounds to the even number


def test_padding_is_not_read():
    a = text(3, 4)
    wide = padded(a, 9)
    assert wide.embeddings.shape == (1, 9, WIDTH) and wide.mask.sum() == 3
    assert torch.equal(read_of(wide), read_of(a)) and padded(a, 4) is a


def test_masks_that_fit_nothing_are_refused():
    with pytest.raises(InputError, match=r"an attention mask has the shape \(1, 3\) .*: expected \(1, 4\)"):
        Conditioning(torch.zeros(1, 4, WIDTH), mask=torch.ones(1, 3, dtype=torch.bool))
    with pytest.raises(InputError, match="torch.bool"):
        Conditioning(torch.zeros(1, 4, WIDTH), mask=torch.ones(1, 4))
    with pytest.raises(InputError, match="different text encoders"):
        lerp(text(2, 4), Conditioning(torch.zeros(1, 4, WIDTH)), 0.5)
