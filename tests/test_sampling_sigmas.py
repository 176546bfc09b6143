"""Sigma tables: the original's to the last digit, and finite where it fails."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from audioviz.errors import InputError
from audioviz.models.denoisers.unet import betas_to_sigmas, stable_diffusion_betas
from audioviz.sampling import SCHEDULERS, sigmas_for
from tests.fakes import fake_sigmas

REFERENCE = Path(__file__).parent / "reference"
TABLES = json.loads((REFERENCE / "sigma_tables.json").read_text())
SIGMAS = betas_to_sigmas(stable_diffusion_betas())


def test_training_sigmas_are_stable_diffusions():
    known = load_file(REFERENCE / "model_sigmas.safetensors")
    assert torch.equal(SIGMAS.float(), known["sigmas"])
    assert torch.equal(SIGMAS.log().float(), known["log_sigmas"])


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_whole_tables_are_equal(scheduler):
    """To the last bit or the one before it: processors round exp and log differently there."""
    named = {
        int(name.split("|")[1]): table for name, table in TABLES["tables"].items() if name.split("|")[0] == scheduler
    }
    assert len(named) > 5
    for steps, table in named.items():
        ours = sigmas_for(scheduler, SIGMAS, steps)
        assert torch.allclose(ours, torch.tensor(table), rtol=2.4e-7, atol=0), steps


def test_tables_cut_by_denoise_agree():
    for name, table in TABLES["truncated"].items():
        sampler, scheduler, steps, denoise = name.split("|")
        ours = sigmas_for(scheduler, SIGMAS, int(steps), float(denoise), drop_penultimate=sampler == "dpm_2")
        assert torch.allclose(ours, torch.tensor(table), rtol=2e-7, atol=0), name


def test_a_denoise_just_below_1_keeps_the_end_of_the_table():
    """ddim_uniform makes one step more of 12, which only a denoise of 1 runs."""
    whole = sigmas_for("ddim_uniform", SIGMAS, 12, 0.99995)
    assert len(whole) == 14
    assert torch.equal(sigmas_for("ddim_uniform", SIGMAS, 12, 0.9999), whole[1:])


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 50, 400])
def test_tables_descend_to_zero(scheduler, steps):
    for sigmas in (SIGMAS, fake_sigmas()):
        table = sigmas_for(scheduler, sigmas, steps)
        assert table.isfinite().all() and table[-1] == 0 and (table[:-1] > 0).all()
        assert (table.diff() < 0).all()
        assert table.dtype == torch.float32


@pytest.mark.parametrize("scheduler", sorted(set(SCHEDULERS) - {"beta", "ddim_uniform"}))
@pytest.mark.parametrize("denoise", [0.05, 0.3, 0.55, 0.9999, 1.0])
def test_every_denoise_costs_the_same_steps(scheduler, denoise):
    assert len(sigmas_for(scheduler, SIGMAS, 8, denoise)) == 9


def test_denoise_zero_has_no_steps():
    assert len(sigmas_for("normal", SIGMAS, 8, 0.0)) == 0


def test_a_function_is_a_scheduler():
    assert sigmas_for(lambda sigmas, steps: torch.tensor([2.0, 1.0, 0.0]), SIGMAS, 2).tolist() == [2.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("cosine", SIGMAS, 8), "scheduler 'cosine' is not known: expected one of simple, ddim_uniform, normal"),
        (("normal", SIGMAS, 0), "steps is 0: expected a whole number, at least 1"),
        (("normal", SIGMAS, 2.5), "steps is 2.5"),
        (("normal", SIGMAS, 8, 1.5), "denoise is 1.5: expected a number from 0 to 1"),
        (("normal", SIGMAS, 8, float("nan")), "denoise is nan"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        sigmas_for(*arguments)
