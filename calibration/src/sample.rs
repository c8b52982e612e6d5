//! One sample: a line of `samples.jsonl`, or of the `metadata.jsonl` that Hugging Face's datasets have.

use std::collections::BTreeMap;

use edgeval_models::{Modality, Turn};
use serde::Deserialize;
use serde_json::{Map, Value};

/// No text of a sample is longer.
const MAXIMUM_TEXT_BYTES: usize = 64 << 10;
/// No sample has more references, turns or regions.
const MAXIMUM_TEXTS: usize = 256;

/// One sample. Paths are relative to the set's folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its id, unique in the set.
    pub id: String,
    /// What it is for: `test`, `calibration`, …
    pub split: String,
    /// Picture file.
    pub image: Option<String>,
    /// Sound file.
    pub audio: Option<String>,
    /// Words.
    pub text: Option<String>,
    /// What is asked for, of a model that can be asked for several things: `answer`, `caption`, … It is a slice, too.
    pub ask: Option<String>,
    /// What was said before, the oldest first.
    pub turns: Vec<Turn>,
    /// A longer sound around this one, so that it can be shifted.
    pub context: Option<String>,
    /// Right answers in words, for models that generate.
    pub references: Vec<String>,
    /// Where in the picture the answer is.
    pub regions: Vec<PixelBox>,
    /// The right class.
    pub label: Option<String>,
    /// What samples share that aren't independent: a speaker, a scene.
    pub cluster: Option<String>,
    /// Groups that figures are wanted for, such as `speaker` or `language`.
    pub slices: BTreeMap<String, String>,
}

/// A box in a picture, in pixels from the upper left.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Value")]
pub struct PixelBox {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// Its width, over 0.
    pub width: f64,
    /// Its height, over 0.
    pub height: f64,
}

impl TryFrom<Value> for PixelBox {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let number = |key: &str| value.get(key).and_then(Value::as_f64).filter(|number| number.is_finite());
        match (number("x"), number("y"), number("width"), number("height")) {
            (Some(x), Some(y), Some(width), Some(height)) if width > 0.0 && height > 0.0 => {
                Ok(Self { x, y, width, height })
            }
            _ => Err("a region must be {\"x\":…,\"y\":…,\"width\":…,\"height\":…} in pixels, wider and higher than 0"
                .to_owned()),
        }
    }
}

/// The keys that edgeval knows; any other text or number is a slice.
#[derive(Deserialize)]
struct Line {
    id: Option<String>,
    split: Option<String>,
    image: Option<String>,
    audio: Option<String>,
    file_name: Option<String>,
    image_file_name: Option<String>,
    audio_file_name: Option<String>,
    text: Option<String>,
    ask: Option<Value>,
    turns: Option<Value>,
    label: Option<Value>,
    cluster: Option<String>,
    context: Option<Value>,
    references: Option<Value>,
    #[serde(default)]
    regions: Vec<PixelBox>,
    #[serde(default)]
    slice: BTreeMap<String, Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Sample {
    /// Reads a line of JSON; `number` counts lines from 1 and names a sample without an id.
    ///
    /// # Errors
    /// With what is wrong with the line.
    pub fn from_line(line: &str, number: usize) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let mut sample = Self {
            id: line.id.unwrap_or_else(|| format!("line-{number}")),
            split: line.split.unwrap_or_else(|| "test".to_owned()),
            image: line.image.or(line.image_file_name),
            audio: line.audio.or(line.audio_file_name),
            text: line.text,
            ask: line.ask.as_ref().and_then(plain),
            turns: line.turns.as_ref().map(turns).transpose()?.unwrap_or_default(),
            context: line.context.as_ref().and_then(plain).filter(|file| is_sound(file)),
            references: line.references.as_ref().map(texts).unwrap_or_default(),
            regions: line.regions,
            label: line.label.as_ref().and_then(plain),
            cluster: line.cluster,
            slices: line.slice.iter().filter_map(slice).collect(),
        };
        sample.slices.extend(line.rest.iter().filter_map(slice));
        let named = [("ask", &line.ask), ("turns", &line.turns)];
        let named = named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), plain(value.as_ref()?)?)));
        sample.slices.extend(named);
        if let Some(file) = line.file_name {
            sample.place(file)?;
        }
        sample.check_bounds()?;
        Ok(sample)
    }

    /// What a model reads, or is held against, takes time that grows with it.
    fn check_bounds(&self) -> Result<(), String> {
        let (references, turns, regions) = (self.references.len(), self.turns.len(), self.regions.len());
        for (key, count) in [("references", references), ("turns", turns), ("regions", regions)] {
            if count > MAXIMUM_TEXTS {
                return Err(format!("`{key}` has {count} entries; at most {MAXIMUM_TEXTS} are read"));
            }
        }
        let turns = self.turns.iter().flat_map(|turn| [("turns", &turn.text), ("turns", &turn.answer)]);
        let references = self.references.iter().map(|text| ("references", text));
        let mut texts = self.text.iter().map(|text| ("text", text)).chain(references).chain(turns);
        match texts.find(|(_, text)| text.len() > MAXIMUM_TEXT_BYTES) {
            Some((key, text)) => {
                Err(format!("`{key}` has a text of {} bytes; at most {MAXIMUM_TEXT_BYTES} are read", text.len()))
            }
            None => Ok(()),
        }
    }

    /// Sorts Hugging Face's one `file_name` by its ending.
    fn place(&mut self, file: String) -> Result<(), String> {
        match ending(&file).as_str() {
            "png" | "jpg" | "jpeg" => self.image = Some(file),
            _ if is_sound(&file) => self.audio = Some(file),
            other => return Err(format!("`file_name` ends in `{other}`: PNG, JPEG, WAV and FLAC are read")),
        }
        Ok(())
    }

    /// Whether it has something of a modality.
    #[must_use]
    pub const fn has(&self, modality: Modality) -> bool {
        match modality {
            Modality::Image => self.image.is_some(),
            Modality::Audio => self.audio.is_some(),
            Modality::Text => self.text.is_some() || !self.turns.is_empty(),
        }
    }

    /// The files that it names.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.image.iter().chain(&self.audio).chain(&self.context).map(String::as_str)
    }
}

/// Other people's data sets have texts by the name of `context`.
fn is_sound(file: &str) -> bool {
    ["wav", "flac"].contains(&ending(file).as_str())
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().filter_map(plain).collect(),
        one => plain(one).into_iter().collect(),
    }
}

/// A dialogue's turns, each with what was asked and what was answered. Other people's data sets may count something by this name.
fn turns(value: &Value) -> Result<Vec<Turn>, String> {
    let wrong = || "`turns` must be a list of {\"text\":\"…\",\"answer\":\"…\"}".to_owned();
    let text = |turn: &Value, key: &str| turn.get(key).and_then(Value::as_str).map(str::to_owned).ok_or_else(wrong);
    let turn = |turn: &Value| Ok(Turn { text: text(turn, "text")?, answer: text(turn, "answer")? });
    value.as_array().map_or(Ok(Vec::new()), |turns| turns.iter().map(turn).collect())
}

/// A file's ending in lower case.
#[must_use]
pub(crate) fn ending(file: &str) -> String {
    file.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

fn slice((key, value): (&String, &Value)) -> Option<(String, String)> {
    Some((key.clone(), plain(value)?))
}

/// A text or number as text; lists and objects are no groups.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_become_slices() {
        let line = r#"{"id":"7","image":"a.png","label":3,"slice":{"speaker":"x"},"room":"kitchen","boxes":[1],
            "context":"long.wav","references":["three"]}"#;
        let sample = Sample::from_line(line, 1).unwrap();
        assert_eq!(sample.label.as_deref(), Some("3"));
        assert_eq!(sample.files().collect::<Vec<_>>(), ["a.png", "long.wav"]);
        assert_eq!(sample.references, ["three"]);
        let slices: Vec<(&str, &str)> = sample.slices.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(slices, [("room", "kitchen"), ("speaker", "x")]);
    }

    #[test]
    fn hugging_face_s_names_are_understood() {
        let sample = Sample::from_line(r#"{"file_name":"x.FLAC","label":"a"}"#, 4).unwrap();
        assert_eq!((sample.id.as_str(), sample.audio.as_deref()), ("line-4", Some("x.FLAC")));
        let both = Sample::from_line(r#"{"image_file_name":"x.png","audio_file_name":"y.wav"}"#, 1).unwrap();
        assert_eq!(both.files().collect::<Vec<_>>(), ["x.png", "y.wav"]);
        assert!(Sample::from_line(r#"{"file_name":"x.mp3"}"#, 1).is_err());
    }

    #[test]
    fn what_generation_needs_is_read() {
        let line = r#"{"id":"9","ask":"dialogue","text":"and its colour?","references":["teal","the shape is teal"],
            "turns":[{"text":"what is it?","answer":"a triangle"}]}"#;
        let sample = Sample::from_line(line, 1).unwrap();
        assert_eq!((sample.ask.as_deref(), sample.references.len()), (Some("dialogue"), 2));
        assert_eq!(sample.turns, [Turn { text: "what is it?".to_owned(), answer: "a triangle".to_owned() }]);
        assert_eq!(sample.slices.get("ask").map(String::as_str), Some("dialogue"));
    }

    #[test]
    fn regions_are_boxes() {
        let line = r#"{"image":"a.png","regions":[{"input":"image","x":1,"y":2,"width":3,"height":4.5}]}"#;
        let expected = PixelBox { x: 1.0, y: 2.0, width: 3.0, height: 4.5 };
        assert_eq!(Sample::from_line(line, 1).unwrap().regions, [expected]);
        for wrong in ["[[1,2,3,4]]", r#"[{"x":1,"y":2,"width":0,"height":4}]"#] {
            let error = Sample::from_line(&format!(r#"{{"regions":{wrong}}}"#), 1).unwrap_err();
            assert!(error.contains("a region must be"), "{error}");
        }
    }

    #[test]
    fn texts_are_bounded_and_turns_are_pairs() {
        let refused = |line: String, word: &str| {
            let error = Sample::from_line(&line, 1).unwrap_err();
            assert!(error.contains(word), "{error}");
        };
        refused(format!(r#"{{"text":"{}"}}"#, "a".repeat(MAXIMUM_TEXT_BYTES + 1)), "`text` has a text of 65537 bytes");
        refused(format!(r#"{{"references":[{}"x"]}}"#, r#""x","#.repeat(MAXIMUM_TEXTS)), "`references` has 257");
        refused(r#"{"turns":[{"text":"and?"}]}"#.to_owned(), "`turns` must be");
        refused(r#"{"turns":["what?"]}"#.to_owned(), "`turns` must be");
        let counted = Sample::from_line(r#"{"turns":3,"ask":1}"#, 1).unwrap();
        assert_eq!((counted.turns.len(), counted.ask.as_deref()), (0, Some("1")));
        assert_eq!(counted.slices.get("turns").map(String::as_str), Some("3"));
    }
}
