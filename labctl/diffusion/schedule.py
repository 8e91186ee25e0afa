"""The noise schedule: how much of the data is left at each training step, and which steps a sampler visits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError

TRAIN_STEPS = 1000


def cosine_alpha_bars(train_steps: int = TRAIN_STEPS, offset: float = 0.008) -> NDArray[np.float64]:
    """The signal's share of the variance after each step: float64 (train_steps,), falling from near 1 to near 0.

    The cosine schedule of Nichol and Dhariwal (arXiv 2102.09672), with each beta held below 0.999 so that the
    last step still divides by something.
    """
    phase = (np.arange(train_steps + 1) / train_steps + offset) / (1 + offset)
    wanted = np.cos(phase * np.pi / 2) ** 2
    betas = np.minimum(1 - wanted[1:] / wanted[:-1], 0.999)
    result: NDArray[np.float64] = np.cumprod(1 - betas)
    return result


def timesteps(steps: int, train_steps: int = TRAIN_STEPS) -> NDArray[np.int64]:
    """The training steps that a sampler of ``steps`` steps visits: int64 (steps,), from the noisiest down to 0.

    Evenly spaced and rounded half to even; a sampler of one step visits the noisiest only.

    Raises ParameterError for fewer than one or more than ``train_steps`` steps.
    """
    if not 1 <= steps <= train_steps:
        raise ParameterError(
            f"{steps} sampling steps were asked for; the model knows {train_steps}, so ask for 1 to {train_steps}"
        )
    return np.rint(np.linspace(train_steps - 1, 0, steps)).astype(np.int64)
