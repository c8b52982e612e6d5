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
            _ if value.get("input").is_some_and(|input| input != "image") => {
                Err(format!("a region's `input` must be \"image\"; it is {}", value["input"]))
            }
            (Some(x), Some(y), Some(width), Some(height)) if x >= 0.0 && y >= 0.0 && width > 0.0 && height > 0.0 => {
                Ok(Self { x, y, width, height })
            }
            _ => Err("a region must be {\"x\":…,\"y\":…,\"width\":…,\"height\":…} in pixels from the upper left, wider and higher than 0"
                .to_owned()),
        }
    }
}

impl Sample {
    /// Reads a line of JSON; `number` counts lines from 1 and names a sample without an id. Keys that edgeval doesn't know are slices, if they have a
    /// text or a number.
    ///
    /// # Errors
    /// With what is wrong with the line.
    pub fn from_line(line: &str, number: usize) -> Result<Self, String> {
        let mut line = Fields::parse(line)?;
        let sample = Self {
            id: line.name("id")?.unwrap_or_else(|| format!("line-{number}")),
            split: line.name("split")?.unwrap_or_else(|| "test".to_owned()),
            image: line.file("image")?.or(line.file("image_file_name")?),
            audio: line.file("audio")?.or(line.file("audio_file_name")?),
            text: line.text("text")?,
            ask: line.get("ask").and_then(plain),
            turns: line.get("turns").map(turns).transpose()?.unwrap_or_default(),
            context: line.take("context").as_ref().and_then(plain).filter(|file| is_sound(file)),
            references: line.take("references").as_ref().map(texts).unwrap_or_default(),
            regions: line.take("regions").map(regions).transpose()?.unwrap_or_default(),
            label: line.name("label")?,
            cluster: line.name("cluster")?,
            slices: BTreeMap::new(),
        };
        let file = line.file("file_name")?;
        let mut sample = Self { slices: line.slices()?, ..sample };
        if let Some(file) = file {
            sample.place(file)?;
        }
        sample.check_bounds()?;
        sample.check_names()?;
        Ok(sample)
    }

    /// A terminal obeys control characters.
    fn check_names(&self) -> Result<(), String> {
        let fixed = [("id", Some(&self.id)), ("split", Some(&self.split)), ("label", self.label.as_ref())];
        let others = [("ask", self.ask.as_ref()), ("cluster", self.cluster.as_ref())];
        let files = self.files().map(|file| ("a file's name", file));
        let slices = self.slices.iter().flat_map(|(key, value)| [("a slice", key.as_str()), ("a slice", value)]);
        let named = fixed.into_iter().chain(others).filter_map(|(key, name)| Some((key, name?.as_str())));
        match named.chain(files).chain(slices).find(|(_, name)| name.contains(char::is_control)) {
            Some((key, name)) => Err(format!("`{key}` has a character that isn't to be seen: {name:?}")),
            None => Ok(()),
        }
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

/// The keys of a line that aren't read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn parse(line: &str) -> Result<Self, String> {
        match serde_json::from_str(line) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err("a sample must be an object, {\"id\":…}".to_owned()),
            // It counts lines of the line.
            Err(error) => Err(error.to_string().replace(" at line 1 column", ", at character")),
        }
    }

    /// What stays a slice.
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("`{key}` must be a text; it is {other}")),
        }
    }

    /// A text, or a number as a text.
    fn name(&mut self, key: &str) -> Result<Option<String>, String> {
        let Some(value) = self.take(key) else { return Ok(None) };
        plain(&value).map(Some).ok_or_else(|| format!("`{key}` must be a text or a number; it is {value}"))
    }

    fn file(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.text(key)? {
            Some(file) if file.is_empty() => Err(format!("`{key}` is empty: name a file, or leave the key out")),
            file => Ok(file),
        }
    }

    /// What is left, and what stands under `slice`.
    fn slices(mut self) -> Result<BTreeMap<String, String>, String> {
        let mut slices: BTreeMap<_, _> = match self.take("slice") {
            None => BTreeMap::new(),
            Some(Value::Object(named)) => named.iter().filter_map(slice).collect(),
            Some(other) => return Err(format!("`slice` must be an object of texts; it is {other}")),
        };
        slices.extend(self.0.iter().filter_map(slice));
        Ok(slices)
    }
}

fn regions(value: Value) -> Result<Vec<PixelBox>, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
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
        let negative = r#"[{"x":-1,"y":2,"width":1,"height":4}]"#;
        let of_another = r#"[{"input":"picture","x":1,"y":2,"width":1,"height":4}]"#;
        let error = Sample::from_line(&format!(r#"{{"regions":{of_another}}}"#), 1).unwrap_err();
        assert!(error.contains("must be \"image\""), "{error}");
        for wrong in ["[[1,2,3,4]]", r#"[{"x":1,"y":2,"width":0,"height":4}]"#, negative] {
            let error = Sample::from_line(&format!(r#"{{"regions":{wrong}}}"#), 1).unwrap_err();
            assert!(error.contains("a region must be"), "{error}");
        }
    }

    #[test]
    fn errors_name_the_key() {
        let refused = |line: &str, words: &str| {
            let error = Sample::from_line(line, 1).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused("[1]", "a sample must be an object");
        refused("{\"id\":\"a\"", "at character");
        refused(r#"{"id":["a"]}"#, "`id` must be a text or a number");
        refused(r#"{"image":3}"#, "`image` must be a text; it is 3");
        refused(r#"{"image":""}"#, "`image` is empty");
        refused(r#"{"slice":3}"#, "`slice` must be");
        refused("{\"id\":\"\\u001b[31mred\"}", "`id` has a character that isn't to be seen");
        refused("{\"room\":\"\\u0007\"}", "`a slice` has a character");
        let numbers = Sample::from_line(r#"{"id":7,"cluster":3,"text":null}"#, 1).unwrap();
        assert_eq!((numbers.id.as_str(), numbers.cluster.as_deref()), ("7", Some("3")));
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
