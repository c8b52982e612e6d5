"""One sample, tried in every way: corrupted, in noise without its other modality, without some, with others' in their places, in the other arithmetic.
What is right is 1, what is wrong 0."""
import numpy as np

import pictures
import sounds
from evaluator import MODALITIES, NOISES
from streams import STREAMS


def trial(evaluator, means, place, is_right):
    """All of a sample. `is_right` says whether the answer to it is right as it is, `means` are what the model is given on average. Without a modality
    the other is corrupted alone."""
    own, random = evaluator.tensors(place), np.random.default_rng([evaluator.seed, place])
    corrupted, alone = {}, {}
    if evaluator.without != "image":
        of_kinds(evaluator, place, own, "image", pictures_of(evaluator, place, random), (corrupted, alone))
        for name in STREAMS:
            corrupted[name] = [of_stream(evaluator, place, own, seen[place], is_right) for seen in evaluator.streams[name]]
    if evaluator.without != "audio":
        of_kinds(evaluator, place, own, "audio", sounds_of(evaluator, place, random), (corrupted, alone))
    if evaluator.without:
        return {"corrupted": corrupted}
    return {"corrupted": corrupted, "alone_in_noise": alone, "combinations": combinations(evaluator, own),
            "replaced": replaced(evaluator, place, own, means), "fp32": evaluator.ask(own, "fp32")[0]}


def of_kinds(evaluator, place, own, modality, changed, found):
    """Scores by corruption at each severity, and those without the other modality where noise is added."""
    corrupted, alone = found
    for name, tensors in changed:
        corrupted[name] = scores = []
        for tensor in tensors:
            scores.append(evaluator.is_right(place, own | {modality: tensor}))
            if name == NOISES[modality] and not evaluator.without:
                alone.setdefault(modality, []).append(evaluator.is_right(place, evaluator.nothing | {modality: tensor}))


def pictures_of(evaluator, place, random):
    """Names of corruptions, and what the model is given of the picture at each severity."""
    values = np.float32(evaluator.picture(place)) / np.float32(255)
    for kind in pictures.KINDS:
        changed = (pictures.corrupt(kind, values, figures, random) for figures in evaluator.figures[kind.__name__])
        yield kind.__name__, map(evaluator.image_tensor, changed)


def sounds_of(evaluator, place, random):
    """The same of the sound. Those babble whose sounds stand in for it, too."""
    sound, rate = evaluator.sound(place), evaluator.rate
    voices = [evaluator.sound(other) for other in evaluator.others(place, "audio")]
    for kind in sounds.KINDS:
        changed = (sounds.corrupt(kind, sound, rate, figures, random, voices) for figures in evaluator.figures[kind.__name__])
        yield kind.__name__, map(evaluator.audio_tensor, changed)


def of_stream(evaluator, place, own, seen, is_right):
    """With what a stream shows in a picture's place: another sample's, or nothing. The picture itself isn't asked about again."""
    if seen == place:
        return is_right
    image = evaluator.nothing["image"] if seen is None else evaluator.tensor(seen, "image")
    return evaluator.is_right(place, own | {"image": image})


def combinations(evaluator, own):
    """Probabilities by combination of modalities, by their bits; that of all is known."""
    of = [{modality: own[modality] if bits & bit else evaluator.nothing[modality] for modality, bit in MODALITIES.items()} for bits in range(3)]
    return [evaluator.ask(tensors)[0] for tensors in of]


def replaced(evaluator, place, own, means):
    """By modality: scores with the mean in its place, then with each other sample's."""
    scores = {}
    for modality in MODALITIES:
        others = [evaluator.tensor(other, modality) for other in evaluator.others(place, modality)]
        scores[modality] = [evaluator.is_right(place, own | {modality: tensor}) for tensor in (means[modality], *others)]
    return scores
