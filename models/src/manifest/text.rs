//! What `model.toml` says of words that go in and words that come out.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

/// How a text becomes token ids: `max_tokens` of them, as 64-bit integers. A missing text is all padding.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextInput {
    /// The graph's name for the ids.
    pub name: String,
    /// The tokenizer's file beside the manifest, in the format of Hugging Face's `tokenizers`.
    pub tokenizer: String,
    /// Tokens in the tensor. A shorter text is filled up with padding; of a longer one the last tokens are kept.
    pub max_tokens: usize,
    /// Put between the earlier turns of a dialogue and the text; without one earlier turns aren't told to the model.
    pub turn_separator: Option<String>,
    /// The graph's name for a further input: 1 where a token is, 0 where padding is.
    pub mask: Option<String>,
    /// The graph's name for a further input: the tokens' segment ids, as BERT has them.
    pub segments: Option<String>,
}

/// How words are made, one token after the other, each time the most probable one (greedy decoding).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decode {
    /// The tokenizer of the tokens that come out, beside the manifest.
    pub tokenizer: String,
    /// The decoder's input for the last token: an integer.
    pub token: String,
    /// The decoder's output: one number a token of the vocabulary, before softmax.
    pub logits: String,
    /// The token that ends an answer.
    pub end: String,
    /// Tokens of an answer at most, without the first and the end.
    pub longest: usize,
    /// The first token for each kind of thing that can be asked; the first of them is asked unless a window says another.
    pub begin: Begins,
    /// What the decoder keeps from one token to the next.
    #[serde(default)]
    pub state: Vec<Carried>,
}

/// An output of the decoder that is an input of its next run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// The decoder's input.
    pub input: String,
    /// The decoder's output that the input is next.
    pub output: String,
    /// The encoder's output that the input is at first; zeros without one.
    pub initial: Option<String>,
}

/// What can be asked, with the token that asks it, in the manifest's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begins(pub Vec<(String, String)>);

impl Begins {
    /// The token that asks for `ask`, or for the first thing; `None` when it can't be asked.
    #[must_use]
    pub fn token(&self, ask: Option<&str>) -> Option<&str> {
        let found = match ask {
            Some(ask) => self.0.iter().find(|(name, _)| name == ask),
            None => self.0.first(),
        };
        found.map(|(_, token)| token.as_str())
    }

    /// What can be asked, in words: `answer, caption`.
    #[must_use]
    pub fn names(&self) -> String {
        self.0.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl<'de> Deserialize<'de> for Begins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BeginsVisitor)
    }
}

/// A map would lose the order, and with it the default.
struct BeginsVisitor;

impl<'de> Visitor<'de> for BeginsVisitor {
    type Value = Begins;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a table of what can be asked, each with its token, such as { answer = \"<answer>\" }")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Begins, A::Error> {
        let mut begins = Begins::default();
        while let Some(entry) = table.next_entry()? {
            begins.0.push(entry);
        }
        Ok(begins)
    }
}
