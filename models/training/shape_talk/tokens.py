"""Words as numbers: one word-level tokenizer for what is typed and what is said, in Hugging Face's format.

    python -m shape_talk.tokens ../zoo/shape-talk/tokenizer.json
"""

import sys

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from shape_talk.questions import COLOURS, QUESTIONS, SHAPES
from shape_talk.sentences import COLOUR_THEN, SHAPE_THEN, SURE, answer, caption

SPECIAL = ["<pad>", "<unk>", "<sep>", "<end>", "<answer>", "<caption>", "<translate>", "<dialogue>"]
PAD, UNKNOWN, SEPARATOR, END = range(4)
ASKS = ["answer", "caption", "translate", "dialogue"]
BEGIN = {ask: SPECIAL.index(f"<{ask}>") for ask in ASKS}
MAX_TOKENS = 48      # of what is typed, earlier turns included
LONGEST = 14         # tokens of an answer at most; the longest has 9


def texts():
    """Every sentence that is ever typed or said, to collect words from."""
    yield from (question.text for question in QUESTIONS)
    yield from (SURE + COLOUR_THEN + SHAPE_THEN + ["and a one?", "what about a", "yes, no, there is no"])
    for shape in SHAPES:
        for colour in COLOURS:
            yield caption(shape, colour)
            yield from (answer(question, shape, colour) for question in QUESTIONS)


def build():
    """The tokenizer: lower case, words and punctuation apart; a decoder that puts punctuation back."""
    splitter = pre_tokenizers.Whitespace()
    words = sorted({word for text in texts() for word, _ in splitter.pre_tokenize_str(text.lower())})
    vocabulary = {word: number for number, word in enumerate(SPECIAL + words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


TOKENIZER = build()
VOCABULARY = TOKENIZER.get_vocab_size()


def numbers(text):
    return TOKENIZER.encode(text, add_special_tokens=False).ids


def typed(text, turns=()):
    """int64 [48]: earlier turns, each question and answer followed by <sep>, then the text; the newest words stay."""
    ids = [token for turn in turns for part in (turn.text, turn.answer) for token in [*numbers(part), SEPARATOR]]
    ids = [*ids, *numbers(text)][-MAX_TOKENS:]
    return np.array(ids + [PAD] * (MAX_TOKENS - len(ids)), np.int64)


def words(ids):
    """Tokens as text, up to the end token."""
    ids = list(ids)
    return TOKENIZER.decode(ids[: ids.index(END)] if END in ids else ids, skip_special_tokens=True)


if __name__ == "__main__":
    TOKENIZER.save(sys.argv[1])
