#!/usr/bin/env python3
"""What `edgeval evaluate` does, in Python: ONNX Runtime int8 with one thread in one process a core, Pillow, librosa, numpy and scipy.

    python_evaluation.py clean SET [--exact] [--out FILE]
    python_evaluation.py sweep SET [--exact] [--out FILE] [--without image|audio]

Writes JSON: figures, and how long they took. Timed is what is done once all processes are ready: interpreters, imports, compilation and
the model's loading are not. Nothing is kept from an earlier run.
"""
import argparse
import functools
import io
import json
import multiprocessing
import os
import pathlib
import sys
import time
import tomllib

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"
ROOT = pathlib.Path(__file__).resolve().parents[2]

import cv2
import librosa
import numpy as np
import onnxruntime
import soundfile
from PIL import Image
from sklearn.metrics import f1_score, roc_auc_score

import pictures
import sounds
from parity.reference import calibration_error

MODEL = ROOT / "models" / "zoo" / "av-digits"
SEVERITIES = tomllib.loads((ROOT / "calibration" / "src" / "corruption" / "severities.toml").read_text())
STREAMS = ["dropped_frames", "frozen_frames"]
VOICES = 5
# As many windows are timed one after the other, and as many resamples drawn, as edgeval does.
TIMED, RESAMPLES = 200, 1000


def listed(folder):
    """The samples of the test split."""
    path = folder / "samples.jsonl"
    lines = (path if path.exists() else folder / "metadata.jsonl").read_text().splitlines()
    return [sample for sample in map(json.loads, lines) if sample["split"] == "test"]


def figures_of(name, severity):
    """A corruption's figures at a severity from 0 to 4."""
    return {column: values[severity] for column, values in SEVERITIES[name].items() if column != "source"}


class Evaluator:
    """The tables, and one process's model, that comes with `open`."""

    def __init__(self, folder, samples, seed):
        cv2.setNumThreads(0)
        self.folder, self.samples, self.seed = folder, samples, seed
        manifest = tomllib.loads((MODEL / "model.toml").read_text())
        self.labels = manifest["labels"]
        self.image, self.audio = manifest["input"]
        self.file = MODEL / manifest["variant"]["int8"]["file"]
        features, self.rate = self.audio["features"], self.audio["sample_rate_hz"]
        self.features = features
        self.window = librosa.filters.get_window("hann", features["window_samples"], fftbins=True)
        self.mel = librosa.filters.mel(sr=self.rate, n_fft=features["fft"], n_mels=features["bands"], fmin=features["low_hz"],
                                       fmax=features["high_hz"])
        self.figures = {name: [figures_of(name, severity) for severity in range(5)] for name in SEVERITIES}
        self.streams = {name: [shown(name, self.figures[name][severity], len(samples), np.random.default_rng([seed, severity]))
                               for severity in range(5)] for name in STREAMS}

    def open(self, is_exact):
        """Where the processor lacks VNNI, ONNX Runtime's products of 8 bits saturate unless it is told to be exact, which is slower."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", "1" if is_exact else "0")
        self.session = onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])

    def compile(self):
        """Lets librosa and numba compile what they compile."""
        pictures.shuffle(np.zeros((5, 5), dtype=np.float32), 1, np.zeros((25, 2), dtype=np.int64))
        self.audio_tensor(np.zeros(2 * self.rate, dtype=np.float32))

    def picture(self, sample):
        return np.asarray(Image.open(self.folder / sample["image"]).convert("L"))

    def sound(self, sample):
        return soundfile.read(self.folder / sample["audio"], dtype="float32")[0]

    # Babble asks for each sound several times.
    @functools.cache
    def voice(self, place):
        return self.sound(self.samples[place])

    def image_tensor(self, picture):
        size = (self.image["width"], self.image["height"])
        if picture.shape != size[::-1]:
            picture = np.asarray(Image.fromarray(picture).resize(size, Image.BILINEAR))
        values = (picture * np.float32(self.image["scale"]) - np.float32(self.image["mean"][0])) / np.float32(self.image["std"][0])
        return values[np.newaxis, np.newaxis]

    def audio_tensor(self, sound):
        features = self.features
        spectrum = librosa.stft(sound, n_fft=features["fft"], hop_length=features["hop_samples"], win_length=features["window_samples"],
                                window=self.window, center=False)
        bands = self.mel @ (spectrum.real**2 + spectrum.imag**2)
        return np.log(np.maximum(bands, np.float32(features["floor"]))).T[np.newaxis]

    def ask(self, image, audio):
        """Probabilities and the two embeddings."""
        logits, *embeddings = self.session.run(["logits", "image_embedding", "audio_embedding"], {"image": image, "audio": audio})
        exponents = np.exp(logits[0] - logits[0].max())
        return exponents / exponents.sum(), *(embedding[0] for embedding in embeddings)

    def clean(self, place):
        sample = self.samples[place]
        return self.ask(self.image_tensor(self.picture(sample)), self.audio_tensor(self.sound(sample)))

    def sweep(self, place, without):
        """Whether the answer is right, as it is and by corruption at each severity."""
        sample, random = self.samples[place], np.random.default_rng([self.seed, place])
        picture, sound = self.picture(sample), self.sound(sample)
        truth = self.labels.index(sample["label"])
        image = self.image_tensor(np.zeros_like(picture) if without == "image" else picture)
        audio = self.audio_tensor(np.zeros_like(sound) if without == "audio" else sound)

        def right(image, audio):
            return int(self.ask(image, audio)[0].argmax() == truth)

        found = {"clean": [right(image, audio)] * 5}
        if without != "image":
            values = np.float32(picture) / np.float32(255)
            for kind in pictures.KINDS:
                changed = (pictures.corrupt(kind, values, figures, random) for figures in self.figures[kind.__name__])
                found[kind.__name__] = [right(self.image_tensor(one), audio) for one in changed]
            for name in STREAMS:
                found[name] = [found["clean"][0] if seen[place] == place else right(self.frame(seen[place], picture), audio)
                               for seen in self.streams[name]]
        if without != "audio":
            others = random.permutation(len(self.samples))[:VOICES + 1]
            voices = [self.voice(other) for other in others if other != place][:VOICES]
            for kind in sounds.KINDS:
                changed = (sounds.corrupt(kind, sound, self.rate, figures, random, voices) for figures in self.figures[kind.__name__])
                found[kind.__name__] = [right(image, self.audio_tensor(one)) for one in changed]
        return found

    def frame(self, place, picture):
        """What a stream shows in a picture's place: another sample's, or nothing."""
        return self.image_tensor(np.zeros_like(picture) if place is None else self.picture(self.samples[place]))


def shown(name, figures, count, random):
    """For each sample, the one whose picture is shown in its place; none for a lost frame. The stream is the samples in an order that is drawn."""
    order, draws, share = random.permutation(count), random.random(count), figures["share"]
    seen = [None] * count
    if name == "dropped_frames":
        for place, draw in zip(order, draws):
            seen[place] = None if draw < share else place
        return seen
    leave = 1 / figures["length"]
    enter = leave * share / (1 - share)
    frozen, last = False, order[0]
    for place, draw in zip(order, draws):
        last = last if frozen else place
        seen[place] = last
        frozen = draw >= leave if frozen else draw < enter
    return seen


evaluator = barrier = None


def prepare(is_exact):
    """Everything of a process that isn't timed: its model is loaded and asked, all that runs has run once."""
    evaluator.open(is_exact)
    evaluator.sweep(0, None)
    evaluator.clean(0)
    Evaluator.voice.cache_clear()


def meet(_):
    """Returns when all processes have come: how much of the processor this one has used."""
    barrier.wait()
    return time.process_time()


def clean(place):
    return evaluator.clean(place)


def sweep(without, place):
    return evaluator.sweep(place, without)


def gathered(samples, answers):
    """Right classes, probabilities, embeddings of length 1, and the distances between them: a row a sample."""
    truth = np.array([evaluator.labels.index(sample["label"]) for sample in samples])
    probabilities, first, second = (np.stack(column) for column in zip(*answers))
    first, second = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (first, second))
    return truth, probabilities, first, second, 1 - first @ second.T


def clean_figures(truth, probabilities, first, second, distances):
    """Accuracy, calibration and distances of embeddings."""
    labels, said = evaluator.labels, probabilities.argmax(axis=1)
    belonging, others = distances.diagonal(), distances[truth[:, np.newaxis] != truth]
    nearer = roc_auc_score(np.repeat([1, 0], [len(belonging), len(others)]), -np.concatenate([belonging, others]))
    return {
        "top1": float(np.mean(said == truth)),
        "f1_macro": float(f1_score(truth, said, labels=range(len(labels)), average="macro", zero_division=0)),
        "ece": calibration_error(probabilities.max(axis=1), said == truth)[0],
        "belonging_distance": float(belonging.mean()),
        "shuffled_distance": float(others.mean()),
        "auc": float(nearer),
        "alignment": float(np.mean(np.sum((first - second) ** 2, axis=1))),
        "uniformity_first": uniformity(first),
        "uniformity_second": uniformity(second),
        "modality_gap": float(np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))),
    }, [labels[index] for index in said], probabilities


def latencies(count):
    """The 50th and 99th percentile in milliseconds, from decoded input to answer, of samples evenly apart, one after the other."""
    times = []
    for place in range(0, count, -(-count // TIMED)):
        picture, sound = evaluator.picture(evaluator.samples[place]), evaluator.sound(evaluator.samples[place])
        started = time.perf_counter()
        evaluator.ask(evaluator.image_tensor(picture), evaluator.audio_tensor(sound))
        times.append(time.perf_counter() - started)
    return [float(1000 * np.percentile(times, share)) for share in (50, 99)]


def intervals(truth, probabilities, first, second, distances, seed):
    """Bootstrapped intervals at 95 %: all resamples at once, as products of how often each sample was drawn."""
    count, classes = probabilities.shape
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES).astype(np.float64)
    said, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    confusion = (drawn @ np.eye(classes**2)[truth * classes + said]).reshape(-1, classes, classes)
    right, of_class, as_class = confusion.diagonal(axis1=1, axis2=2), confusion.sum(axis=2), confusion.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = np.nan_to_num(right / as_class), np.nan_to_num(right / of_class)
        f1 = np.nan_to_num(2 * right / (of_class + as_class))
    bins = np.eye(15)[np.minimum((confidence * 15).astype(int), 14)]
    apart = truth[:, np.newaxis] != truth
    of_truth = probabilities[np.arange(count), truth]
    statistics = {
        "top1": right.sum(axis=1) / count,
        "precision_macro": precision.mean(axis=1),
        "recall_macro": recall.mean(axis=1),
        "f1_macro": f1.mean(axis=1),
        "ece": np.abs((drawn * (confidence - (said == truth))) @ bins).sum(axis=1) / count,
        "brier": drawn @ ((probabilities - np.eye(classes)[truth]) ** 2).sum(axis=1) / count,
        "nll": drawn @ -np.log(of_truth) / count,
        "belonging_distance": drawn @ distances.diagonal() / count,
        "shuffled_distance": np.einsum("ri,ri->r", drawn @ (distances * apart), drawn) / np.einsum("ri,ri->r", drawn @ apart, drawn),
        "alignment": drawn @ ((first - second) ** 2).sum(axis=1) / count,
        "modality_gap": np.linalg.norm(drawn @ (first - second) / count, axis=1),
    }
    return {name: np.percentile(values, [2.5, 97.5]).tolist() for name, values in statistics.items()}


def split_mix(seed):
    """SplitMix64's first number from a seed."""
    mixed = (seed + 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
    return mixed ^ mixed >> 31


def uniformity(vectors):
    """Wang & Isola 2020, over all pairs of at most 200 samples: those whose places SplitMix64 gives the smallest numbers for."""
    vectors = vectors[sorted(range(len(vectors)), key=split_mix)[:200]]
    squares = 2 - 2 * vectors @ vectors.T
    return float(np.log(np.mean(np.exp(-2 * squares[np.triu_indices(len(vectors), 1)]))))


def main():
    global evaluator, barrier
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["clean", "sweep"])
    parser.add_argument("set", type=pathlib.Path)
    parser.add_argument("--without", choices=["image", "audio"])
    parser.add_argument("--exact", action="store_true", help="products of 8 bits never saturate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=argparse.FileType("w"), default=sys.stdout)
    arguments = parser.parse_args()
    samples = listed(arguments.set)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(arguments.jobs)
    evaluator = Evaluator(arguments.set, samples, arguments.seed)
    evaluator.compile()
    evaluator.open(arguments.exact)
    evaluator.clean(0)
    with context.Pool(arguments.jobs, prepare, [arguments.exact]) as pool:
        before = sum(pool.map(meet, range(arguments.jobs), chunksize=1)) + time.process_time()
        started = time.perf_counter()
        places, found = range(len(samples)), {}
        if arguments.what == "clean":
            answers = pool.map(clean, places, chunksize=16)
            rows = gathered(samples, answers)
            found["figures"], said, probabilities = clean_figures(*rows)
            found["intervals"] = intervals(*rows, arguments.seed)
            found["latency_ms"] = latencies(len(samples))
        else:
            tried = pool.map(functools.partial(sweep, arguments.without), places, chunksize=1)
            found["scores"] = {name: np.mean([one[name] for one in tried], axis=0).tolist() for name in tried[0]}
        seconds = time.perf_counter() - started
        after = sum(pool.map(meet, range(arguments.jobs), chunksize=1)) + time.process_time()
    if arguments.what == "clean":
        found |= {"said": dict(zip((sample["id"] for sample in samples), said)), "probabilities": probabilities.tolist()}
    json.dump(found | {"samples": len(samples), "seconds": seconds, "processor_seconds": after - before}, arguments.out)


if __name__ == "__main__":
    main()
