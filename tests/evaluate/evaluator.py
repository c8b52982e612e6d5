"""One process's model, and what it is asked about a sample."""
import functools
import json
import pathlib
import tomllib

import cv2
import librosa
import numpy as np
import onnxruntime
import soundfile
from PIL import Image

import draws
import pictures
import sounds
from streams import STREAMS, shown

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "zoo" / "av-digits"
SEVERITIES = tomllib.loads((ROOT / "calibration" / "src" / "corruption" / "severities.toml").read_text())
# The bit of each in the number of a combination.
MODALITIES = {"image": 1, "audio": 2}
# Whose noise is played at a model that has one modality alone, too.
NOISES = {"image": "gaussian_noise", "audio": "white_noise"}


def listed(folder):
    """The samples of the test split."""
    path = folder / "samples.jsonl"
    lines = (path if path.exists() else folder / "metadata.jsonl").read_text().splitlines()
    return [sample for sample in map(json.loads, lines) if sample["split"] == "test"]


def figures_of(name, severity):
    """A corruption's figures at a severity from 0 to 4."""
    return {column: values[severity] for column, values in SEVERITIES[name].items() if column != "source"}


class Evaluator:
    """The tables, and one process's models, that come with `open`."""

    def __init__(self, folder, samples, seed, without=None):
        cv2.setNumThreads(0)
        self.folder, self.samples, self.seed, self.without = folder, samples, seed, without
        manifest = tomllib.loads((MODEL / "model.toml").read_text())
        self.labels = manifest["labels"]
        self.truth = [self.labels.index(sample["label"]) for sample in samples]
        self.image, self.audio = manifest["input"]
        self.files = {arithmetic: MODEL / variant["file"] for arithmetic, variant in manifest["variant"].items()}
        features, self.rate = self.audio["features"], self.audio["sample_rate_hz"]
        self.features = features
        self.window = librosa.filters.get_window("hann", features["window_samples"], fftbins=True)
        self.mel = librosa.filters.mel(sr=self.rate, n_fft=features["fft"], n_mels=features["bands"], fmin=features["low_hz"],
                                       fmax=features["high_hz"])
        self.figures = {name: [figures_of(name, severity) for severity in range(5)] for name in SEVERITIES}
        self.streams = {name: [shown(name, self.figures[name][severity], len(samples), np.random.default_rng([seed, severity]))
                               for severity in range(5)] for name in STREAMS}
        self.order = draws.stratified(samples, seed)
        self.standing_in = draws.others(len(samples), MODALITIES, seed)
        # A black picture, and silence.
        self.nothing = {"image": self.image_tensor(np.zeros((self.image["height"], self.image["width"]), dtype=np.uint8)),
                        "audio": self.audio_tensor(np.zeros(self.rate * self.audio["window_ms"] // 1000, dtype=np.float32))}

    def open(self, is_exact):
        """Where the processor lacks VNNI, ONNX Runtime's products of 8 bits saturate unless it is told to be exact, which is slower."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", "1" if is_exact else "0")
        self.sessions = {arithmetic: onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
                         for arithmetic, file in self.files.items()}

    def compile(self):
        """Lets librosa and numba compile what they compile."""
        pictures.shuffle(np.zeros((5, 5), dtype=np.float32), 1, np.zeros((25, 2), dtype=np.int64))
        self.audio_tensor(np.zeros(2 * self.rate, dtype=np.float32))

    def forget(self):
        """What was read is read anew."""
        for kept in (Evaluator.picture, Evaluator.sound, Evaluator.tensor):
            kept.cache_clear()

    # Pictures and sounds are asked for again where they stand in for others', and sounds for babble.
    @functools.cache
    def picture(self, place):
        return np.asarray(Image.open(self.folder / self.samples[place]["image"]).convert("L"))

    @functools.cache
    def sound(self, place):
        return soundfile.read(self.folder / self.samples[place]["audio"], dtype="float32")[0]

    @functools.cache
    def tensor(self, place, modality):
        """What the model is given of a sample."""
        if modality == self.without:
            return self.nothing[modality]
        return self.image_tensor(self.picture(place)) if modality == "image" else self.audio_tensor(self.sound(place))

    def tensors(self, place):
        return {modality: self.tensor(place, modality) for modality in MODALITIES}

    def others(self, place, modality):
        """The places of the samples that stand in for a sample's modality."""
        return self.standing_in[modality][place]

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

    def ask(self, tensors, arithmetic="int8"):
        """Probabilities and the two embeddings."""
        logits, *embeddings = self.sessions[arithmetic].run(["logits", "image_embedding", "audio_embedding"], tensors)
        exponents = np.exp(logits[0] - logits[0].max())
        return exponents / exponents.sum(), *(embedding[0] for embedding in embeddings)

    def clean(self, place):
        return self.ask(self.tensors(place))

    def is_right(self, place, tensors):
        return int(self.ask(tensors)[0].argmax() == self.truth[place])
