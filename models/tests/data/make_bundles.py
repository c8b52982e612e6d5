"""Makes the small bundles of tests/generation.rs, with random weights, and records what ONNX Runtime answers.

    python -m venv venv && venv/bin/pip install --requirement requirements.txt && venv/bin/python make_bundles.py

talk/      a model that generates: picture and text in, an encoder, a decoder with two states, fp32 and int8
find/      a model for retrieval: embeddings of a picture and of a text with mask and segments
text.onnx  a bare text encoder with open dimensions, as people export them
expected.json   windows, and what comes of them
"""

import hashlib
import json
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

HERE = pathlib.Path(__file__).parent
SPECIAL = ["<pad>", "<sep>", "<unk>", "<end>", "<answer>", "<caption>"]
WORDS = "a an the is it what which shape color circle square star red green teal where left right above and its".split()
VOCABULARY = SPECIAL + WORDS
SIDE, WIDTH, EMBEDDING, TOKENS, LONGEST = 4, 8, 4, 8, 6
BEGIN = {"caption": "<caption>", "answer": "<answer>"}
SEED = 6


def main():
    random = np.random.default_rng(SEED)
    talk, find = HERE / "talk", HERE / "find"
    for folder in (talk, find):
        folder.mkdir(exist_ok=True)
        make_tokenizer().save(str(folder / "tokenizer.json"))
    weights = {name: random.normal(0, scale, shape).astype(np.float32) for name, scale, shape in [
        ("image_weights", 0.5, (SIDE * SIDE, WIDTH)), ("words", 1.0, (len(VOCABULARY), WIDTH)),
        ("mood_weights", 0.8, (WIDTH, WIDTH)), ("image_head", 0.7, (WIDTH, EMBEDDING)), ("text_head", 0.7, (WIDTH, EMBEDDING)),
        ("token_weights", 1.2, (WIDTH, WIDTH)), ("state_weights", 1.0, (WIDTH, WIDTH)), ("memory_weights", 1.0, (WIDTH, WIDTH)),
        ("out_weights", 1.5, (WIDTH, len(VOCABULARY))),
    ]}
    # Special tokens but the end are never said.
    weights["out_bias"] = np.array([-9, -9, -9, 1.5, -9, -9] + [0] * len(WORDS), np.float32)
    save(talk, encoder(weights), decoder(weights), random)
    onnx.save(retrieval(weights), find / "model.fp32.onnx")
    (find / "model.toml").write_text(find_manifest(find))
    onnx.save(text_encoder(weights), HERE / "text.onnx")
    windows = make_windows(random)
    expected = {"windows": windows, "talk": {precision: [greedy(talk, precision, window) for window in windows] for precision in ("fp32", "int8")},
                "find": [embed(find, window) for window in windows]}
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    for answers in expected["talk"].values():
        print([(answer["text"], answer["complete"], round(answer["margin"], 3)) for answer in answers])


def make_tokenizer():
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    tokenizer.normalizer = tokenizers.normalizers.Lowercase()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([tokenizers.pre_tokenizers.WhitespaceSplit(), tokenizers.pre_tokenizers.Punctuation("removed")])
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def model(name, nodes, inputs, outputs, weights):
    used = {name for node in nodes for name in node.input}
    initializers = [numpy_helper.from_array(array, key) for key, array in weights.items() if key in used]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def encoder(weights):
    constants = {"flat": np.array([1, SIDE * SIDE], np.int64), "one": np.array([1], np.int64)}
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["pixels"]),
        helper.make_node("MatMul", ["pixels", "image_weights"], ["seen"]),
        helper.make_node("Gather", ["words", "text"], ["vectors"]),
        helper.make_node("ReduceMean", ["vectors"], ["read"], axes=[1], keepdims=0),
        helper.make_node("Add", ["seen", "read"], ["both"]),
        helper.make_node("Tanh", ["both"], ["memory"]),
        helper.make_node("MatMul", ["memory", "mood_weights"], ["mood"]),
        helper.make_node("MatMul", ["seen", "image_head"], ["image_embedding"]),
        helper.make_node("MatMul", ["read", "text_head"], ["text_embedding"]),
    ]
    inputs = [value("image", TensorProto.FLOAT, [1, 1, SIDE, SIDE]), value("text", TensorProto.INT64, [1, TOKENS])]
    outputs = [value("memory", TensorProto.FLOAT, [1, WIDTH]), value("mood", TensorProto.FLOAT, [1, WIDTH]),
               value("image_embedding", TensorProto.FLOAT, [1, EMBEDDING]), value("text_embedding", TensorProto.FLOAT, [1, EMBEDDING])]
    return model("encoder", nodes, inputs, outputs, weights | constants)


def decoder(weights):
    nodes = [
        helper.make_node("Gather", ["words", "token"], ["vector"]),
        helper.make_node("Reshape", ["vector", "row"], ["spoken"]),
        helper.make_node("MatMul", ["spoken", "token_weights"], ["from_token"]),
        helper.make_node("MatMul", ["state_in", "state_weights"], ["from_state"]),
        helper.make_node("MatMul", ["memory", "memory_weights"], ["from_memory"]),
        helper.make_node("Sum", ["from_token", "from_state", "from_memory", "mood_in"], ["sum"]),
        helper.make_node("Tanh", ["sum"], ["state_out"]),
        helper.make_node("Sub", ["mood_in", "state_out"], ["mood_out"]),
        helper.make_node("MatMul", ["state_out", "out_weights"], ["scores"]),
        helper.make_node("Add", ["scores", "out_bias"], ["logits"]),
    ]
    row = ["batch", WIDTH]
    inputs = [value("token", TensorProto.INT64, [1, 1]), value("memory", TensorProto.FLOAT, row),
              value("state_in", TensorProto.FLOAT, row), value("mood_in", TensorProto.FLOAT, row)]
    outputs = [value("logits", TensorProto.FLOAT, ["batch", len(VOCABULARY)]), value("state_out", TensorProto.FLOAT, row),
               value("mood_out", TensorProto.FLOAT, row)]
    return model("decoder", nodes, inputs, outputs, weights | {"row": np.array([1, WIDTH], np.int64)})


def retrieval(weights):
    """The text's embedding is a mean over tokens that are there, shifted by their segments."""
    constants = {"flat": np.array([1, SIDE * SIDE], np.int64), "last": np.array([2], np.int64), "middle": np.array([1], np.int64),
                 "little": np.array(1e-6, np.float32)}
    nodes = [
        helper.make_node("Reshape", ["image", "flat"], ["pixels"]),
        helper.make_node("MatMul", ["pixels", "image_weights"], ["seen"]),
        helper.make_node("MatMul", ["seen", "image_head"], ["image_embedding"]),
        helper.make_node("Gather", ["words", "ids"], ["vectors"]),
        helper.make_node("Gather", ["words", "segments"], ["kinds"]),
        helper.make_node("Add", ["vectors", "kinds"], ["tokens"]),
        helper.make_node("Cast", ["mask"], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["there", "last"], ["column"]),
        helper.make_node("Mul", ["tokens", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
        helper.make_node("ReduceSum", ["there", "middle"], ["count"], keepdims=1),
        helper.make_node("Add", ["count", "little"], ["some"]),
        helper.make_node("Div", ["total", "some"], ["read"]),
        helper.make_node("MatMul", ["read", "text_head"], ["text_embedding"]),
    ]
    inputs = [value("image", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])]
    inputs += [value(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("ids", "mask", "segments")]
    outputs = [value(name, TensorProto.FLOAT, ["batch", EMBEDDING]) for name in ("image_embedding", "text_embedding")]
    return model("retrieval", nodes, inputs, outputs, weights | constants)


def text_encoder(weights):
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["vectors"]),
        helper.make_node("Gather", ["words", "token_type_ids"], ["kinds"]),
        helper.make_node("Add", ["vectors", "kinds"], ["sum"]),
        helper.make_node("Cast", ["attention_mask"], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["there", "last"], ["column"]),
        helper.make_node("Mul", ["sum", "column"], ["kept"]),
        helper.make_node("MatMul", ["kept", "mood_weights"], ["last_hidden_state"]),
    ]
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [value(name, TensorProto.INT64, ["batch_size", "sequence_length"]) for name in names]
    outputs = [value("last_hidden_state", TensorProto.FLOAT, ["batch_size", "sequence_length", WIDTH])]
    return model("text", nodes, inputs, outputs, weights | {"last": np.array([2], np.int64)})


class Samples(CalibrationDataReader):
    """Random inputs of a graph, for calibration."""

    def __init__(self, proto, random):
        self.samples = iter([{port.name: sample(port, random) for port in proto.graph.input} for _ in range(64)])

    def get_next(self):
        return next(self.samples, None)


def sample(port, random):
    shape = [dim.dim_value or 1 for dim in port.type.tensor_type.shape.dim]
    if port.type.tensor_type.elem_type == TensorProto.INT64:
        return random.integers(0, len(VOCABULARY), shape)
    return random.uniform(-1, 1, shape).astype(np.float32)


def save(folder, encoder_proto, decoder_proto, random):
    for role, proto in (("encoder", encoder_proto), ("decoder", decoder_proto)):
        onnx.save(proto, folder / f"{role}.fp32.onnx")
        with tempfile.TemporaryDirectory() as scratch:
            source = pathlib.Path(scratch) / "model.onnx"
            onnx.save(proto, source)
            quantize_static(source, folder / f"{role}.int8.onnx", Samples(proto, random), quant_format=QuantFormat.QDQ,
                            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul"])
    (folder / "model.toml").write_text(talk_manifest(folder))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


PICTURE = f"""[[input]]
name = "image"
modality = "image"
width = {SIDE}
height = {SIDE}
channels = "gray"
mean = [0.5]
std = [0.5]
"""


def talk_manifest(folder):
    variants = "".join(f"""[variant.{precision}]
file = "encoder.{precision}.onnx"
sha256 = "{digest(folder / f'encoder.{precision}.onnx')}"
decoder = {{ file = "decoder.{precision}.onnx", sha256 = "{digest(folder / f'decoder.{precision}.onnx')}" }}

""" for precision in ("int8", "fp32"))
    begin = ", ".join(f'{name} = "{token}"' for name, token in BEGIN.items())
    return f"""schema = 1
name = "talk"
version = "1.0.0"
task = "generation"
licence = "MIT"
description = "Random weights, for tests"

{variants}{PICTURE}
[[input]]
name = "text"
modality = "text"
tokenizer = "tokenizer.json"
max_tokens = {TOKENS}
turn_separator = "<sep>"

[[output]]
name = "memory"
kind = "state"

[[output]]
name = "mood"
kind = "state"

[[output]]
name = "image_embedding"
kind = "embedding"
modality = "image"

[[output]]
name = "text_embedding"
kind = "embedding"
modality = "text"

[decode]
tokenizer = "tokenizer.json"
token = "token"
logits = "logits"
end = "<end>"
longest = {LONGEST}
begin = {{ {begin} }}
state = [{{ input = "state_in", output = "state_out" }}, {{ input = "mood_in", output = "mood_out", initial = "mood" }}]
"""


def find_manifest(folder):
    return f"""schema = 1
name = "find"
version = "1.0.0"
task = "retrieval"
licence = "MIT"
description = "Random weights, for tests"

[variant.fp32]
file = "model.fp32.onnx"
sha256 = "{digest(folder / 'model.fp32.onnx')}"

{PICTURE}
[[input]]
name = "ids"
modality = "text"
tokenizer = "tokenizer.json"
max_tokens = {TOKENS}
mask = "mask"
segments = "segments"

[[output]]
name = "image_embedding"
kind = "embedding"
modality = "image"

[[output]]
name = "text_embedding"
kind = "embedding"
modality = "text"
"""


def make_windows(random):
    def picture():
        return random.integers(0, 256, SIDE * SIDE).tolist()

    turn = {"text": "what shape is it?", "answer": "a star"}
    return [
        {"image": picture(), "text": "What shape is it?", "ask": "answer", "turns": []},
        {"image": picture(), "text": None, "ask": "caption", "turns": []},
        {"image": picture(), "text": None, "ask": None, "turns": []},
        {"image": None, "text": "which colour is the red circle, and where is the green square?", "ask": "answer", "turns": []},
        {"image": picture(), "text": "and its color?", "ask": "answer", "turns": [turn]},
        {"image": picture(), "text": "", "ask": "answer", "turns": []},
    ]


def pixels(window):
    levels = np.array(window["image"] or [0] * SIDE * SIDE, np.float32)
    return ((levels / 255 - 0.5) / 0.5).astype(np.float32).reshape(1, 1, SIDE, SIDE)


def token_ids(tokenizer, text):
    ids = tokenizer.encode(text).ids[-TOKENS:] if text is not None else []
    return np.array([ids + [tokenizer.token_to_id("<pad>")] * (TOKENS - len(ids))], np.int64), len(ids)


def spoken(window):
    """Earlier turns and the text, as model.toml says."""
    if not window["turns"]:
        return window["text"]
    return " ".join([part for turn in window["turns"] for part in (turn["text"], "<sep>", turn["answer"], "<sep>")] + [window["text"]])


def session(path):
    """What the file says: with its optimisations ONNX Runtime leaves out roundings that a quantized file states."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options)


def greedy(folder, precision, window):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    run = {role: session(folder / f"{role}.{precision}.onnx") for role in ("encoder", "decoder")}
    ids, _ = token_ids(tokenizer, spoken(window))
    memory, mood, image_embedding, _ = run["encoder"].run(None, {"image": pixels(window), "text": ids})
    state = np.zeros((1, WIDTH), np.float32)
    token = tokenizer.token_to_id(BEGIN[window["ask"] or "caption"])
    tokens, probabilities, margins, complete = [], [], [], False
    for _ in range(LONGEST + 1):
        feed = {"token": np.array([[token]], np.int64), "memory": memory, "state_in": state, "mood_in": mood}
        logits, state, mood = run["decoder"].run(None, feed)
        powers = np.exp(logits[0].astype(np.float64) - logits.max())
        token = int(logits[0].argmax())
        margins.append(float(np.sort(logits[0])[-1] - np.sort(logits[0])[-2]))
        complete = token == tokenizer.token_to_id("<end>")
        if not complete and len(tokens) == LONGEST:
            break
        probabilities.append(float((powers / powers.sum()).max()))
        if complete:
            break
        tokens.append(token)
    return {"ids": ids[0].tolist(), "tokens": tokens, "probabilities": probabilities, "complete": complete, "text": tokenizer.decode(tokens),
            "margin": min(margins), "image_embedding": image_embedding[0].tolist()}


def embed(folder, window):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids, count = token_ids(tokenizer, window["text"])
    mask = np.array([[1] * count + [0] * (TOKENS - count)], np.int64)
    feed = {"image": pixels(window), "ids": ids, "mask": mask, "segments": np.zeros_like(ids)}
    image, text = session(folder / "model.fp32.onnx").run(None, feed)
    return {"image": image[0].tolist(), "text": text[0].tolist()}


if __name__ == "__main__":
    main()
