//! Words to token ids and back, with a tokenizer in Hugging Face's format.

use std::path::{Path, PathBuf};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use tokenizers::{PaddingDirection, PostProcessor, Tokenizer, TruncationDirection, TruncationParams};

use crate::bundle::MAXIMUM_TOKENIZER_BYTES;
use crate::files::{FileError, read_bounded};
use crate::guard::without_panic;
use crate::manifest::TextInput;
use crate::tensor::{MAXIMUM_EXACT, Tensors};
use crate::window::{Turn, Window};

/// Names that padding has where a tokenizer's file doesn't say which token it is.
const PADDING_NAMES: [&str; 3] = ["<pad>", "[PAD]", "<|pad|>"];
/// No text that is asked is longer: a tokenizer's work grows with it.
const MAXIMUM_TEXT_BYTES: usize = 1 << 20;

/// Why words can't be turned into tokens, or tokens into words.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// The tokenizer's file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The tokenizer's file isn't one.
    #[error("{path} isn't a tokenizer: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It lacks a token.
    #[error("{path} has no token `{token}`, which {field} names")]
    NoToken {
        /// The file.
        path: PathBuf,
        /// The token.
        token: String,
        /// The manifest's field.
        field: String,
    },
    /// It doesn't say what padding is.
    #[error("{0} doesn't say which token is padding: give it `padding`, or a token `<pad>`")]
    NoPadding(PathBuf),
    /// A text isn't fit.
    #[error("the text can't be turned into tokens: {0}")]
    Encoding(String),
    /// An answer isn't fit.
    #[error("the answer's tokens can't be turned into words: {0}")]
    Decoding(String),
}

/// A tokenizer of a bundle.
#[derive(Clone, Debug)]
pub struct Words {
    path: PathBuf,
    tokenizer: Tokenizer,
}

impl Words {
    /// Reads a tokenizer's file.
    ///
    /// # Errors
    /// When it can't be read, isn't a tokenizer, or has ids that floats can't hold exactly.
    pub fn open(path: &Path) -> Result<Self, TextError> {
        let bytes = read_bounded(path, MAXIMUM_TOKENIZER_BYTES)?;
        let damaged = |reason: String| TextError::Damaged { path: path.to_owned(), reason: in_one_line(&reason) };
        let tokenizer = without_panic(|| Tokenizer::from_bytes(&bytes))
            .unwrap_or_else(|_| Err("it contradicts itself".into()))
            .map_err(|error| damaged(error.to_string()))?;
        let greatest = tokenizer.get_vocab(true).values().copied().max();
        match greatest {
            None => Err(damaged("its vocabulary is empty".to_owned())),
            Some(id) if id >= MAXIMUM_EXACT => {
                Err(damaged(format!("it has a token {id}; ids are under {MAXIMUM_EXACT}")))
            }
            Some(_) => Ok(Self { path: path.to_owned(), tokenizer }),
        }
    }

    /// The id of a token that a field of the manifest names.
    ///
    /// # Errors
    /// When there is none.
    pub fn id(&self, token: &str, field: &str) -> Result<u32, TextError> {
        self.tokenizer.token_to_id(token).ok_or_else(|| TextError::NoToken {
            path: self.path.clone(),
            token: token.to_owned(),
            field: field.to_owned(),
        })
    }

    /// The words of tokens; special tokens say nothing.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String, TextError> {
        let decoded = without_panic(|| self.tokenizer.decode(ids, true));
        let decoded = decoded.unwrap_or_else(|_| Err("the tokenizer gave up on it".into()));
        decoded.map_err(|error| TextError::Decoding(in_one_line(&error.to_string())))
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Everything about a text input that can be known before a text comes.
#[derive(Clone, Debug)]
pub struct TextPlan {
    input: TextInput,
    words: Words,
    padding: Padding,
}

/// What a text is filled up with. It isn't left to the library, which would start a thread a core for it.
#[derive(Clone, Copy, Debug)]
struct Padding {
    id: u32,
    in_front: bool,
}

impl TextPlan {
    /// Plans for an input of a checked manifest; `directory` is the bundle's.
    ///
    /// # Errors
    /// When the tokenizer can't be used, or lacks padding or the separator.
    pub fn new(input: &TextInput, directory: &Path) -> Result<Self, TextError> {
        let mut words = Words::open(&directory.join(&input.tokenizer))?;
        if let Some(separator) = &input.turn_separator {
            words.id(separator, &format!("{}.turn_separator", input.name))?;
        }
        let padding = padding(&words)?;
        let truncation = TruncationParams {
            max_length: input.max_tokens,
            direction: TruncationDirection::Left,
            ..TruncationParams::default()
        };
        words.tokenizer.with_padding(None);
        let damaged = |reason: String| TextError::Damaged { path: words.path.clone(), reason };
        let added = words.tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        if added >= input.max_tokens {
            return Err(damaged(format!(
                "it adds {added} tokens to each text, and {} are all there are",
                input.max_tokens
            )));
        }
        words.tokenizer.with_truncation(Some(truncation)).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { input: input.clone(), words, padding })
    }

    /// Puts a window's words, earlier turns first, into the input's tensors. Without any all is padding.
    ///
    /// # Errors
    /// When the text is too long for any use, or the tokenizer fails.
    pub fn fill(&self, window: &Window, tensors: &mut Tensors) -> Result<(), TextError> {
        let Some(text) = self.text(window) else {
            self.put(tensors, |_| (self.padding.id, 0, 0));
            return Ok(());
        };
        if text.len() > MAXIMUM_TEXT_BYTES {
            let reason = format!("it has {} bytes; at most {MAXIMUM_TEXT_BYTES} are read", text.len());
            return Err(TextError::Encoding(reason));
        }
        let encoded = without_panic(|| self.words.tokenizer.encode(text.as_str(), true));
        let encoded = encoded.unwrap_or_else(|_| Err("the tokenizer gave up on it".into()));
        let encoded = encoded.map_err(|error| TextError::Encoding(in_one_line(&error.to_string())))?;
        let (ids, segments) = (encoded.get_ids(), encoded.get_type_ids());
        let padded = if self.padding.in_front { self.input.max_tokens.saturating_sub(ids.len()) } else { 0 };
        self.put(tensors, |place| {
            let token = place.checked_sub(padded).and_then(|place| Some((*ids.get(place)?, 1, *segments.get(place)?)));
            token.unwrap_or((self.padding.id, 0, 0))
        });
        Ok(())
    }

    /// `question <sep> answer <sep> … text`, joined by single spaces; `None` when nothing was said.
    fn text(&self, window: &Window) -> Option<String> {
        let turns: &[Turn] = if self.input.turn_separator.is_some() { &window.turns } else { &[] };
        if turns.is_empty() {
            return window.text.clone();
        }
        let separator = self.input.turn_separator.as_deref().unwrap_or_default();
        let said = turns.iter().flat_map(|turn| [turn.text.as_str(), separator, turn.answer.as_str(), separator]);
        Some(said.chain(window.text.as_deref()).collect::<Vec<_>>().join(" "))
    }

    /// Writes each place's id, mask and segment.
    fn put(&self, tensors: &mut Tensors, of: impl Fn(usize) -> (u32, u32, u32)) {
        let names = [Some(&self.input.name), self.input.mask.as_ref(), self.input.segments.as_ref()];
        for (which, name) in names.into_iter().enumerate() {
            let Some(tensor) = name.and_then(|name| tensors.get_mut(name)) else { continue };
            for (place, value) in tensor.values.iter_mut().enumerate() {
                let (id, mask, segment) = of(place);
                // Ids are under 2^24: floats hold them exactly.
                *value = [id, mask, segment][which] as f32;
            }
        }
    }

    /// A text of random tokens, half as many as fit.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn seeded_text(&self, random: &mut Pcg64Mcg) -> Result<String, TextError> {
        let mut known: Vec<u32> = self.words.tokenizer.get_vocab(true).into_values().collect();
        known.sort_unstable();
        let count = self.input.max_tokens.div_ceil(2);
        let ids: Vec<u32> = (0..count).map(|_| known[random.random_range(0..known.len())]).collect();
        self.words.decode(&ids)
    }
}

/// What the tokenizer's file says of padding, or a token that is called so, behind the text.
fn padding(words: &Words) -> Result<Padding, TextError> {
    let none = || TextError::NoPadding(words.path.clone());
    if let Some(said) = words.tokenizer.get_padding() {
        let in_front = matches!(said.direction, PaddingDirection::Left);
        return if said.pad_id < MAXIMUM_EXACT { Ok(Padding { id: said.pad_id, in_front }) } else { Err(none()) };
    }
    let named = PADDING_NAMES.into_iter().find_map(|name| words.tokenizer.token_to_id(name));
    named.map(|id| Padding { id, in_front: false }).ok_or_else(none)
}
