"""Trains both encoders and the fusion together, on pools of pools.py.

    python train.py --pool pool.npz --out weights.npz --steps 5000

Five losses share the work: each side's own answer through its embedding and the classes' directions, the two sides'
embeddings pulled together by class, the fused answer, and where the fusion's attention goes.
"""

import argparse
import pathlib
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from augment import augment
from backend import JaxOps
from features import normalise
from model import PROTOTYPES, forward, initial_parameters

BATCH = 64
PEAK_RATE = 2e-3
WEIGHT_DECAY = 0.02
TEMPERATURE = 0.1          # of the shared space
CONTRAST_WEIGHT, GUIDE_WEIGHT, SIDE_WEIGHT = 0.2, 0.3, 0.7
SMOOTHING = 0.05

CONTRARY_SHARE = 0.05      # of pairs: the sound says another digit than the picture shows

# How often a pair has which sides clear, noisy or missing.
SITUATIONS = {
    ("clean", "clean"): 0.46, ("clean", "empty"): 0.11, ("empty", "clean"): 0.14, ("clean", "noisy"): 0.12,
    ("noisy", "clean"): 0.12, ("noisy", "noisy"): 0.05,
}


class Pool:
    """The arrays of pools.py, drawn from by kind and label."""

    def __init__(self, path, left_out):
        with np.load(path) as archive:
            self.arrays = {name: archive[name] for name in archive.files}
        self.index = {}
        for side in ("sound", "picture"):
            for kind in ("clean", "noisy", "empty"):
                labels = self.arrays[f"{side}_{kind}_labels"]
                allowed = np.ones(len(labels), bool)
                if side == "sound":
                    allowed = ~np.isin(self.arrays[f"sound_{kind}_voices"], list(left_out))
                self.index[side, kind] = [np.flatnonzero((labels == label) & allowed) for label in range(10)]

    def draw(self, rng, side, kinds, labels):
        """(values, quality) of one side for a batch."""
        values, quality = [], []
        for kind, label in zip(kinds, labels):
            choices = self.index[side, kind][label]
            row = choices[rng.integers(len(choices))]
            values.append(self.arrays[f"{side}_{kind}_values"][row])
            quality.append(self.arrays[f"{side}_{kind}_quality"][row])
        return np.stack(values), np.array(quality, np.float32)

    def batch(self, rng):
        """One batch of pairs: image, audio, the label and the quality of either side."""
        labels = rng.integers(0, 10, BATCH)
        heard = np.where(rng.random(BATCH) < CONTRARY_SHARE, (labels + rng.integers(1, 10, BATCH)) % 10, labels)
        situations = list(SITUATIONS)
        kinds = [situations[i] for i in rng.choice(len(situations), BATCH, p=list(SITUATIONS.values()))]
        pictures, image_quality = self.draw(rng, "picture", [kind for kind, _ in kinds], labels)
        sounds, audio_quality = self.draw(rng, "sound", [kind for _, kind in kinds], heard)
        return {
            "image": normalise(pictures), "audio": sounds.astype(np.float32), "image_labels": labels, "audio_labels": heard,
            "image_quality": image_quality, "audio_quality": audio_quality,
            "noise": self.draw(rng, "sound", ["empty"] * BATCH, labels)[0].astype(np.float32),
        }


def cross_entropy(logits, targets, weights):
    """Against smoothed shares of the classes [n, 10], weighted by how much of the digit there is."""
    targets = (1 - SMOOTHING) * targets + SMOOTHING / targets.shape[1]
    return (optax.softmax_cross_entropy(logits, targets) * weights).sum() / jnp.maximum(weights.sum(), 1)


def contrast(image, audio, belongs):
    """Supervised contrast between the sides; belongs [images, sounds] is 1 where both are clear and of one class."""
    similarity = image @ audio.T / TEMPERATURE
    losses = 0.0
    for scores, pairs in ((similarity, belongs), (similarity.T, belongs.T)):
        log_share = jax.nn.log_softmax(scores, axis=1)
        losses += -(log_share * pairs).sum() / jnp.maximum(pairs.sum(), 1)
    return losses / 2


def guide(attention, image_quality, audio_quality):
    """Cross-entropy of the attention against the sides' shares of quality; pairs with nothing to see don't count."""
    total = image_quality + audio_quality
    target = jnp.stack([image_quality, audio_quality], 1) / jnp.maximum(total, 1e-6)[:, None]
    return -(target * jnp.log(attention + 1e-6)).sum(1).mean(where=total > 0.05)


def loss(parameters, batch):
    """The sum of all losses for one batch. What is to be answered is what each side says, by its share of quality."""
    answer = forward(JaxOps(parameters), batch["image"], batch["audio"])
    directions = parameters[PROTOTYPES] / jnp.linalg.norm(parameters[PROTOTYPES], axis=0)
    seen, heard = batch["image_quality"], batch["audio_quality"]
    shown, said = (jax.nn.one_hot(batch[f"{side}_labels"], 10) for side in ("image", "audio"))
    sides = sum(
        cross_entropy(answer[f"{side}_embedding"] @ directions / TEMPERATURE, targets, quality)
        for side, targets, quality in (("image", shown, seen), ("audio", said, heard))
    )
    shares = (shown * seen[:, None] + said * heard[:, None]) / jnp.maximum(seen + heard, 1e-6)[:, None]
    fused = cross_entropy(answer["logits"], shares, jnp.maximum(seen, heard))
    belongs = (shown * (seen > 0.7)[:, None]) @ (said * (heard > 0.7)[:, None]).T
    together = contrast(answer["image_embedding"], answer["audio_embedding"], belongs)
    return fused + SIDE_WEIGHT * sides + CONTRAST_WEIGHT * together + GUIDE_WEIGHT * guide(answer["attention"], seen, heard)


def train(pool, steps, seed):
    """AdamW with warm-up and cosine; returns the running average of the weights."""
    parameters = initial_parameters(seed)
    schedule = optax.warmup_cosine_decay_schedule(0.0, PEAK_RATE, min(200, steps // 10), steps, 1e-5)
    decayed = {name: value.ndim > 1 for name, value in parameters.items()}
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=WEIGHT_DECAY, mask=decayed))
    state, average = optimiser.init(parameters), parameters

    @jax.jit
    def step(parameters, average, state, batch, key):
        batch |= {"audio": augment(key, batch["audio"], batch["noise"], batch["audio_quality"] > 0.7)}
        value, gradients = jax.value_and_grad(loss)(parameters, batch)
        updates, state = optimiser.update(gradients, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        average = jax.tree.map(lambda old, new: 0.998 * old + 0.002 * new, average, parameters)
        return parameters, average, state, value

    rng, key, started = np.random.default_rng(seed), jax.random.key(seed), time.monotonic()
    for number in range(1, steps + 1):
        parameters, average, state, value = step(parameters, average, state, pool.batch(rng), jax.random.fold_in(key, number))
        if number % 200 == 0:
            print(f"step {number}/{steps}  loss {value:.4f}  {time.monotonic() - started:.0f} s", flush=True)
    return average


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--leave-out", action="append", default=[], help="a voice not to hear, such as fsdd-jackson")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    weights = train(Pool(arguments.pool, arguments.leave_out), arguments.steps, arguments.seed)
    np.savez(arguments.out, **{name: np.asarray(value) for name, value in weights.items()})


if __name__ == "__main__":
    main()
