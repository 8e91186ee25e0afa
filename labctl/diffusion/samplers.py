"""The reverse process: noise becomes pictures, and every random number comes in through the argument ``noise``.

Both samplers read x_T first, the whole batch in C order (picture by picture), then one batch of noise per
transition that needs any; the last transition never does. Everything else is arithmetic in float32, so the same
bits give the same pictures on the same machine and torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from labctl.core.errors import ParameterError
from labctl.diffusion.noise import NoiseSource
from labctl.diffusion.schedule import cosine_alpha_bars, timesteps

OnStep = Callable[[int, int], None]


class Denoiser(Protocol):
    """A model that predicts the noise in ``x`` (n, ...) at training steps ``t`` float32 (n,)."""

    def __call__(self, x: Tensor, t: Tensor, labels: Tensor, /) -> Tensor:
        """The noise, of the shape of ``x``."""
        ...


@dataclass(frozen=True)
class Transition:
    """One step down: at training step ``t``, from ``alpha_bar`` to ``alpha_bar_next``, adding ``sigma`` of noise."""

    t: int
    alpha_bar: float
    alpha_bar_next: float
    sigma: float


def transitions(steps: int, eta: float, alpha_bars: Sequence[float] | None = None) -> list[Transition]:
    """The steps of a sampler, noisiest first; the last ends on clean data and adds no noise.

    ``eta`` = 0 is DDIM without noise (arXiv 2010.02502, equation 16); ``eta`` = 1 is DDPM with the smaller of its
    two variances, the posterior's (arXiv 2006.11239, equation 7).

    Raises ParameterError for an eta outside 0 to 1 or an impossible number of steps.
    """
    if not 0.0 <= eta <= 1.0:
        raise ParameterError(f"eta is {eta}; it is a share of the DDPM noise, so choose it from 0 to 1")
    levels = cosine_alpha_bars() if alpha_bars is None else alpha_bars
    visited = [int(t) for t in timesteps(steps, len(levels))]
    plan = []
    for t, after in zip(visited, [*visited[1:], None], strict=True):
        here = float(levels[t])
        below = 1.0 if after is None else float(levels[after])
        sigma = eta * math.sqrt((1 - below) / (1 - here) * (1 - here / below))
        plan.append(Transition(t, here, below, sigma))
    return plan


def draws_needed(steps: int, eta: float) -> int:
    """How many batches of noise a sampler reads: x_T, and one per transition but the last if there is an ``eta``."""
    return 1 + sum(transition.sigma > 0 for transition in transitions(steps, eta))


@torch.inference_mode()
def trajectory(
    model: Denoiser,
    noise: NoiseSource,
    shape: Sequence[int],
    plan: Sequence[Transition],
    *,
    labels: Tensor,
    clip: float | None,
) -> Iterator[Tensor]:
    """The batch after each transition of ``plan``: float32 ``shape``; the last is the result.

    ``clip`` bounds the model's idea of the clean picture at each step; None trusts the model.
    """
    x = noise.randn(shape)
    for step in plan:
        signal, spread = math.sqrt(step.alpha_bar), math.sqrt(1 - step.alpha_bar)
        predicted = model(x, torch.full((len(x),), float(step.t)), labels)
        clean = (x - spread * predicted) / signal
        if clip is not None:
            clean = clean.clamp(-clip, clip)
            # What was clipped off is noise too; without this the step would not be the posterior's mean.
            predicted = (x - signal * clean) / spread
        direction = math.sqrt(max(0.0, 1 - step.alpha_bar_next - step.sigma**2))
        x = math.sqrt(step.alpha_bar_next) * clean + direction * predicted
        if step.sigma > 0:
            x = x + step.sigma * noise.randn(shape)
        yield x


def ddim(
    model: Denoiser,
    noise: NoiseSource,
    shape: Sequence[int],
    steps: int,
    eta: float = 0.0,
    *,
    labels: Tensor | None = None,
    alpha_bars: Sequence[float] | None = None,
    clip: float | None = 1.0,
    on_step: OnStep | None = None,
) -> Tensor:
    """A batch of samples by DDIM: float32 ``shape``. ``labels`` default to 0; ``on_step`` hears (done, total).

    Raises NotEnoughBits when the noise runs out, ParameterError for impossible ``steps`` or ``eta``.
    """
    labels = torch.zeros(shape[0], dtype=torch.int64) if labels is None else labels
    plan = transitions(steps, eta, alpha_bars)
    result = torch.empty(0)
    for done, x in enumerate(trajectory(model, noise, shape, plan, labels=labels, clip=clip), start=1):
        result = x
        if on_step is not None:
            on_step(done, steps)
    return result


def ddpm(
    model: Denoiser,
    noise: NoiseSource,
    shape: Sequence[int],
    steps: int,
    *,
    labels: Tensor | None = None,
    alpha_bars: Sequence[float] | None = None,
    clip: float | None = 1.0,
    on_step: OnStep | None = None,
) -> Tensor:
    """A batch of samples by DDPM, that is, by DDIM with all of its noise; arguments and errors as for ``ddim``."""
    return ddim(model, noise, shape, steps, 1.0, labels=labels, alpha_bars=alpha_bars, clip=clip, on_step=on_step)
