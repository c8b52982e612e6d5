"""Trains everything together, on easy-vqa's training part and pools of spoken questions.

    python -m shape_talk.train --pools POOLS --out weights.npz --steps 5000

A part of a batch hears a question and translates or answers it; the rest reads: answers, captions, dialogues. Either
may lack its picture or its question. Beside the words that are to come out, the audio encoder is taught to spell the
sounds it hears (CTC), to tell the 107 questions and the four languages apart; the image encoder, to name shape and colour;
the fusion, to say what is asked about and whether it is there; and attention to leave alone what is missing.

A run that was interrupted goes on from OUT's `.state.npz` when it is started again, as if nothing had happened.
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
from shape_talk import phones, tokens
from shape_talk.material import QUIET, Material
from shape_talk.model import PHONES, decode, encode_audio, encode_image, encode_text, fuse, initial_parameters

# Until which share of the training a batch has so many rows that hear and that read: typed words are learnt long before heard ones.
ROWS = [(0.3, (36, 32)), (1.0, (48, 20))]
PEAK_RATE = 2e-3
WARM_UP = 150
WEIGHT_DECAY = 0.02
SPELL_WEIGHT, QUESTION_WEIGHT, LANGUAGE_WEIGHT, LOOK_WEIGHT, MATCH_WEIGHT, GUIDE_WEIGHT = 0.5, 0.5, 0.05, 0.3, 0.5, 0.05
NOISE_SHARE = 0.4                        # of sounds that may get further noise at each step; half of them do
DISTORTED = (0.3, 0.9, 0.3)              # share of sounds distorted anew: at first, in the end, and when that is reached
SMOOTHING = 0.02


def known_loss(logits, labels):
    """Cross-entropy where there is a label; -1 is none."""
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.maximum(labels, 0))
    return (losses * (labels >= 0)).sum() / jnp.maximum((labels >= 0).sum(), 1)


def normalise(pixels):
    """uint8 [n, 64, 64, 3] -> float32 [n, 3, 64, 64] in -1..1."""
    return (pixels.astype(jnp.float32) * (1 / 255) - 0.5).transpose(0, 3, 1, 2) / 0.5


def paint(key, image):
    """Cameras differ: a little gain, colour cast and noise, but black stays black."""
    keys = jax.random.split(key, 3)
    gain = jnp.exp(jax.random.normal(keys[0], (len(image), 3, 1, 1)) * 0.04)
    noisy = (image + 1) * gain - 1 + jax.random.normal(keys[1], image.shape) * jax.random.uniform(keys[2], (len(image), 1, 1, 1), maxval=0.06)
    return jnp.where(image.max((1, 2, 3), keepdims=True) <= -1, image, jnp.clip(noisy, -1, 1))


def spell_loss(parameters, audio_tokens, wanted):
    """CTC over the sounds; sentences said too fast to be spelt don't count."""
    logits = JaxOps(parameters).linear("training.phones", audio_tokens).reshape(len(wanted), -1, PHONES)
    losses = optax.ctc_loss(logits, jnp.zeros(logits.shape[:2]), wanted, (wanted == 0).astype(jnp.float32))
    length = jnp.maximum((wanted != 0).sum(1), 1)
    return jnp.where(losses < 1e4, losses / length, 0).mean()


def words_loss(parameters, state, memory, inputs, targets):
    """Cross-entropy of the words, with the right words before."""
    ops = JaxOps(parameters)

    def step(state, token):
        logits, state = decode(ops, token[:, None], state, *memory)
        return state, logits

    _, logits = jax.lax.scan(step, state, inputs.T)
    wanted = optax.smooth_labels(jax.nn.one_hot(targets.T, logits.shape[-1]), SMOOTHING)
    losses, there = optax.softmax_cross_entropy(logits, wanted), targets.T != 0
    right = ((logits.argmax(-1) == targets.T) | ~there).all(0)
    return (losses * there).sum() / there.sum(), right


def guide(attention, seen, heard, read):
    """Cross-entropy of the shares against equal ones of what is there."""
    there = jnp.stack([seen, heard, read], 1)
    target = there / jnp.maximum(there.sum(1, keepdims=True), 1)
    return -(target * jnp.log(attention + 1e-4)).sum(1).mean()


def look_loss(ops, summary, batch):
    """Cross-entropy of shape and colour, where there is a picture."""
    losses = sum(
        optax.softmax_cross_entropy_with_integer_labels(ops.linear(f"training.{what}", summary), batch[f"{what}s"]) for what in ("shape", "colour"))
    return (losses * batch["seen"]).sum() / jnp.maximum(batch["seen"].sum(), 1)


def loss(parameters, batch):
    """The sum of all losses for one batch, and which rows came out word for word."""
    ops = JaxOps(parameters)
    hear, read = len(batch["audio"]), len(batch["image"]) - len(batch["audio"])
    audio, summary = encode_audio(ops, jnp.concatenate([batch["audio"], batch["quiet"]]))
    which = jnp.concatenate([jnp.arange(hear), hear + jnp.arange(read) % QUIET])
    image, text = encode_image(ops, batch["image"]), encode_text(ops, batch["text"])
    found = fuse(ops, image, (audio[which], summary[which]), text)
    memory = (found["memory_keys"], found["memory_values"], found["memory_bias"])
    words, right = words_loss(parameters, found["state"], memory, batch["inputs"], batch["targets"])
    spelt = spell_loss(parameters, audio[:hear], batch["spelling"])
    said = ops.linear("training.question", summary[:hear, 0])
    question = optax.softmax_cross_entropy_with_integer_labels(said, batch["questions"]).mean()
    language = optax.softmax_cross_entropy_with_integer_labels(ops.linear("training.language", summary[:hear, 0]), batch["languages"]).mean()
    heard = (jnp.arange(hear + read) < hear).astype(jnp.float32)
    watched = guide(found["attention"], batch["seen"], heard, (batch["text"] != 0).any(1).astype(jnp.float32))
    looked = look_loss(ops, image[1][:, 0], batch)
    matched = sum(
        known_loss(ops.linear(f"training.{what}", found[source][:, 0]), batch[what]) for what, source in (("about", "question"), ("there", "found")))
    total = words + MATCH_WEIGHT * matched + LOOK_WEIGHT * looked + SPELL_WEIGHT * spelt + QUESTION_WEIGHT * question
    total += LANGUAGE_WEIGHT * language + GUIDE_WEIGHT * watched
    return total, (jnp.stack([words, spelt, question, language, looked, matched, watched, (said.argmax(1) == batch["questions"]).mean()]), right)


def rows_of(share):
    """How many rows hear and read at this share of the training."""
    return next(rows for until, rows in ROWS if share <= until)


def distorted_share(share):
    first, last, reached = DISTORTED
    return first + (last - first) * min(share / reached, 1)


def prepare(batch, spelling, share, key):
    """What every step does to its batch anew: distorted sounds, other cameras; and what is to be spelt."""
    keys = jax.random.split(key, 4)
    heard, count = batch["audio"].astype(jnp.float32), len(batch["audio"])
    noisy = jax.random.uniform(keys[2], (count,)) < NOISE_SHARE
    distorted = augment(keys[0], heard, batch["noise"].astype(jnp.float32), noisy)
    chosen = jax.random.uniform(keys[3], (count, 1, 1)) < share
    return batch | {
        "audio": jnp.where(chosen, distorted, heard), "quiet": batch["quiet"].astype(jnp.float32),
        "image": paint(keys[1], normalise(batch["image"])), "spelling": spelling[batch["languages"], batch["questions"]],
    }


def optimiser_for(steps, parameters):
    """AdamW with warm-up and cosine."""
    schedule = optax.warmup_cosine_decay_schedule(0.0, PEAK_RATE, min(WARM_UP, steps // 10), steps, 2e-5)
    decayed = {name: value.ndim > 1 for name, value in parameters.items()}
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=WEIGHT_DECAY, mask=decayed))


def train(material, steps, seed, out):
    """Writes the running average of the weights, and beside it what a later start needs to go on."""
    parameters = {name: jnp.array(value) for name, value in initial_parameters(seed).items()}
    optimiser, spelling, key = optimiser_for(steps, parameters), jnp.array(phones.targets()), jax.random.key(seed)
    whole, begun = restored(out.with_suffix(".state.npz"), (parameters, parameters, optimiser.init(parameters)))

    @jax.jit
    def step(whole, batch, share, key):
        parameters, average, state = whole
        keys = jax.random.split(key)
        (_, parts), gradients = jax.value_and_grad(loss, has_aux=True)(parameters, prepare(batch, spelling, share, keys[0]))
        updates, state = optimiser.update(gradients, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        average = jax.tree.map(lambda old, new: 0.995 * old + 0.005 * new, average, parameters)
        return (parameters, average, state), parts

    started, shown = time.monotonic(), []
    for number in range(begun + 1, steps + 1):
        batch = material.batch(number, *rows_of(number / steps))
        whole, (parts, right) = step(whole, batch, distorted_share(number / steps), jax.random.fold_in(key, number))
        shown.append((np.asarray(parts), batch["inputs"][:, 0], np.asarray(right), np.arange(len(right)) < len(batch["audio"])))
        if number % 50 == 0 or number == steps:
            print(report(number, shown, time.monotonic() - started), flush=True)
            shown = []
        if number % 100 == 0 or number == steps:
            np.savez(out, **{name: np.asarray(value) for name, value in whole[1].items()})
            keep(out.with_suffix(".state.npz"), whole, number)


def keep(path, whole, number):
    """Weights, their average and the optimiser's state, all at once."""
    written = path.with_name("written.npz")
    np.savez(written, number=number, **{str(place): np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(whole))})
    written.replace(path)


def restored(path, whole):
    """What keep kept, and after how many steps; otherwise what is given, and 0."""
    if not path.exists():
        return whole, 0
    leaves, shape = jax.tree.flatten(whole)
    with np.load(path) as archive:
        return jax.tree.unflatten(shape, [jnp.array(archive[str(place)]) for place in range(len(leaves))]), int(archive["number"])


def report(number, shown, seconds):
    """One line: losses, and the share of each kind of row that came out word for word."""
    parts = np.mean([item[0] for item in shown], 0)
    first, right, heard = (np.concatenate([item[place] for item in shown]) for place in (1, 2, 3))
    shares = {f"{ask}{'-heard' if ear else ''}": right[(first == begin) & (heard == ear)] for ask, begin in tokens.BEGIN.items() for ear in (False, True)}
    told = " ".join(f"{name} {value.mean():.3f}" for name, value in shares.items() if len(value))
    return f"{number} {seconds:.0f} s  words/spell/question/language/look/match/guide/told {np.round(parts, 3)}  {told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    train(Material(arguments.pools, arguments.seed), arguments.steps, arguments.seed, arguments.out)


if __name__ == "__main__":
    main()
