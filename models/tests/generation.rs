//! Models that generate and models for retrieval: what ONNX Runtime answers, and bundles and windows that can't be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on has failed")]

mod common;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use edgeval_models::{
    Bundle, Channels, Dimensions, Engine, Execution, Modality, Model, Picture, Precision, Prediction, Task, Turn,
    Window, sha256,
};
use serde_json::Value;
use tempfile::TempDir;

/// Floats may be rounded differently from ONNX Runtime's; the nearest choices are 0.2 apart.
const TOLERANCE: f64 = 1e-4;
/// Where those floats become bytes, a byte may be the next one.
const STEP: f64 = 3e-3;

fn data(file: &str) -> std::path::PathBuf {
    common::path("tests/data").join(file)
}

fn expected() -> Value {
    common::json(&data("expected.json"))
}

fn windows() -> Vec<Window> {
    expected()["windows"].as_array().unwrap().iter().map(window).collect()
}

fn window(recorded: &Value) -> Window {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let levels =
        |levels: &Vec<Value>| levels.iter().map(|level| u8::try_from(level.as_u64().unwrap()).unwrap()).collect();
    let picture = |data| Picture { width: 4, height: 4, channels: Channels::Gray, data };
    let turn = |turn: &Value| Turn { text: text(&turn["text"]).unwrap(), answer: text(&turn["answer"]).unwrap() };
    Window {
        image: recorded["image"].as_array().map(levels).map(picture),
        audio: None,
        text: text(&recorded["text"]),
        ask: text(&recorded["ask"]),
        turns: recorded["turns"].as_array().unwrap().iter().map(turn).collect(),
    }
}

fn load(folder: &Path, precision: Precision, engine: Engine) -> Result<Model, String> {
    let bundle = Bundle::open(folder).map_err(|error| error.to_string())?;
    Model::load(&bundle, precision, Execution { engine, threads: 1 }).map_err(|error| error.to_string())
}

fn talk(precision: Precision, engine: Engine) -> Model {
    load(&data("talk"), precision, engine).unwrap()
}

fn predict(model: &mut Model, window: &Window) -> Result<Prediction, String> {
    let timed = model.predict(window, &|| Duration::ZERO).map_err(|error| error.to_string())?;
    Ok(timed.prediction)
}

fn floats(recorded: &Value) -> Vec<f64> {
    recorded.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn close(actual: &[f32], recorded: &Value, tolerance: f64) {
    let recorded_all = floats(recorded);
    assert_eq!(actual.len(), recorded_all.len());
    for (actual, recorded) in actual.iter().zip(&recorded_all) {
        assert!((f64::from(*actual) - recorded).abs() <= tolerance, "{actual} for {recorded} of {recorded_all:?}");
    }
}

#[test]
fn answers_are_those_of_onnx_runtime() {
    let recorded = expected();
    let kinds = [
        (Precision::Fp32, Engine::Tract, "fp32"),
        (Precision::Int8, Engine::Int8, "int8"),
        (Precision::Int8, Engine::Tract, "int8"),
    ];
    for (precision, engine, name) in kinds {
        let tolerance = if engine == Engine::Int8 { STEP } else { TOLERANCE };
        let mut model = talk(precision, engine);
        assert_eq!((model.engine(), model.task()), (engine, Some(Task::Generation)));
        for (window, recorded) in windows().iter().zip(recorded["talk"][name].as_array().unwrap()) {
            let prediction = predict(&mut model, window).unwrap();
            let generated = prediction.generated.as_ref().unwrap();
            assert_eq!(Some(generated.text.as_str()), recorded["text"].as_str(), "{name} {engine}");
            assert_eq!(Some(generated.complete), recorded["complete"].as_bool());
            assert_eq!(generated.tokens.len(), recorded["tokens"].as_array().unwrap().len());
            close(&generated.probabilities, &recorded["probabilities"], tolerance);
            close(&prediction.embeddings[0].1, &recorded["image_embedding"], tolerance);
            let probabilities = floats(&recorded["probabilities"]);
            let mean = probabilities.iter().map(|p| p.ln()).sum::<f64>() / probabilities.len() as f64;
            assert!((f64::from(prediction.confidence) - mean.exp()).abs() <= tolerance);
            assert!(prediction.has_answer() && prediction.probabilities.is_empty());
        }
    }
}

/// The same window gives the same answer, whatever was asked before: no state is left over.
#[test]
fn an_answer_doesn_t_depend_on_the_last() {
    let mut model = talk(Precision::Int8, Engine::Int8);
    let windows = windows();
    let alone: Vec<Prediction> =
        windows.iter().map(|window| predict(&mut talk(Precision::Int8, Engine::Int8), window).unwrap()).collect();
    for (window, alone) in windows.iter().zip(&alone).chain(windows.iter().zip(&alone)) {
        assert_eq!(predict(&mut model, window).unwrap(), *alone);
    }
}

/// Tensors that are changed in parts give what the changed window gives.
#[test]
fn a_window_can_be_changed_in_one_modality() {
    let mut model = talk(Precision::Int8, Engine::Int8);
    for window in windows() {
        let mut tensors = model.preprocess(&window).unwrap();
        assert_eq!(model.ask(&tensors, window.ask.as_deref()).unwrap(), predict(&mut model, &window).unwrap());
        for modality in model.modalities() {
            model.refill(&Window::default(), modality, &mut tensors).unwrap();
        }
        let nothing = Window { ask: window.ask.clone(), ..Window::default() };
        assert_eq!(tensors, model.preprocess(&nothing).unwrap());
    }
}

/// An answer that the model gave is as probable as it was; another is less, and what can't be said is impossible.
#[test]
fn answers_can_be_weighed() {
    let mut model = talk(Precision::Fp32, Engine::Tract);
    let window = windows().remove(0);
    let generated = predict(&mut model, &window).unwrap().generated.unwrap();
    assert!(generated.complete);
    let tensors = model.preprocess(&window).unwrap();
    let weighed = model.probabilities_of(&tensors, window.ask.as_deref(), &generated.tokens).unwrap().unwrap();
    assert_eq!(weighed, generated.probabilities);
    let other = model.probabilities_of(&tensors, window.ask.as_deref(), &[generated.tokens[0], 6, 4_000_000_000]);
    assert!(other.is_err(), "a token that the vocabulary lacks can't be said before another");
    let other = model.probabilities_of(&tensors, window.ask.as_deref(), &[generated.tokens[0], 6]).unwrap().unwrap();
    assert!(other[0] == weighed[0] && other[1] < weighed[1] && other.len() == 3, "{other:?}");
    let mut find = load(&data("find"), Precision::Fp32, Engine::Int8).unwrap();
    assert_eq!(find.probabilities_of(&tensors, None, &[1]).unwrap(), None);
}

#[test]
fn words_become_the_recorded_tokens() {
    let mut model = talk(Precision::Fp32, Engine::Tract);
    for (window, recorded) in windows().iter().zip(expected()["talk"]["fp32"].as_array().unwrap()) {
        let tensors = model.preprocess(window).unwrap();
        close(&tensors.get("text").unwrap().values, &recorded["ids"], 0.0);
    }
}

/// A tokenizer that puts tokens around each text, and padding in front.
fn with_special_tokens(max_tokens: &str) -> TempDir {
    let folder = changed("find", &[("max_tokens = 8", max_tokens)]);
    let path = folder.path().join("tokenizer.json");
    let mut file = common::json(&path);
    let special = |token: &str, id: u32| serde_json::json!({ "id": token, "ids": [id], "tokens": [token] });
    file["post_processor"] = serde_json::json!({
        "type": "TemplateProcessing",
        "single": [
            { "SpecialToken": { "id": "<answer>", "type_id": 0 } },
            { "Sequence": { "id": "A", "type_id": 1 } },
            { "SpecialToken": { "id": "<end>", "type_id": 1 } }
        ],
        "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
        "special_tokens": { "<answer>": special("<answer>", 4), "<end>": special("<end>", 3) }
    });
    file["padding"] = serde_json::json!({
        "strategy": { "Fixed": 3 }, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 1, "pad_type_id": 0,
        "pad_token": "<sep>"
    });
    std::fs::write(&path, file.to_string()).unwrap();
    folder
}

#[test]
fn special_tokens_and_padding_are_what_the_tokenizer_s_file_says() {
    let folder = with_special_tokens("max_tokens = 8");
    let mut model = load(folder.path(), Precision::Fp32, Engine::Tract).unwrap();
    let mut tensors = |text: &str| {
        let window = Window { text: Some(text.to_owned()), ..Window::default() };
        let tensors = model.preprocess(&window).unwrap();
        ["ids", "mask", "segments"].map(|name| tensors.get(name).unwrap().values.clone())
    };
    let [ids, mask, segments] = tensors("Star, red!");
    assert_eq!(ids, [1.0, 1.0, 1.0, 1.0, 4.0, 17.0, 18.0, 3.0]);
    assert_eq!(mask, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(segments, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let [ids, mask, _] = tensors("a an the is it what which shape color circle");
    assert_eq!(ids, [4.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 3.0], "the newest words stay");
    assert_eq!(mask, [1.0; 8]);
    refused_by(with_special_tokens("max_tokens = 2").path(), &["tokenizer.json", "adds 2 tokens"]);
}

#[test]
fn without_a_separator_earlier_turns_aren_t_told() {
    let folder = changed("talk", &[("turn_separator = \"<sep>\"\n", "")]);
    let mut model = load(folder.path(), Precision::Fp32, Engine::Tract).unwrap();
    let with_turns = windows().into_iter().find(|window| !window.turns.is_empty()).unwrap();
    let without = Window { turns: Vec::new(), ..with_turns.clone() };
    assert_eq!(predict(&mut model, &with_turns).unwrap(), predict(&mut model, &without).unwrap());
}

#[test]
fn the_first_token_has_a_time_of_its_own() {
    let mut model = talk(Precision::Fp32, Engine::Tract);
    let ticks = Cell::new(0);
    let clock = || {
        ticks.set(ticks.get() + 1);
        Duration::from_micros(ticks.get())
    };
    let timed = model.predict(&windows()[0], &clock).unwrap();
    let microseconds = |time: Duration| time.as_micros();
    assert_eq!([timed.preprocess, timed.inference, timed.postprocess].map(microseconds), [1, 2, 1]);
    assert_eq!(timed.first_token.map(microseconds), Some(1));
}

#[test]
fn what_is_asked_picks_the_first_token_and_must_be_known() {
    let mut model = talk(Precision::Fp32, Engine::Tract);
    let asks = model.inspect().decoder.unwrap().asks;
    assert_eq!(asks, ["caption", "answer"], "in the manifest's order");
    let window = windows().remove(0);
    let ask = |ask: Option<&str>| Window { ask: ask.map(str::to_owned), ..window.clone() };
    let default = predict(&mut model, &ask(None)).unwrap();
    assert_eq!(default, predict(&mut model, &ask(Some("caption"))).unwrap());
    assert_ne!(default, predict(&mut model, &ask(Some("answer"))).unwrap());
    let error = predict(&mut model, &ask(Some("poem"))).unwrap_err();
    assert!(error.contains("`poem`") && error.contains("caption, answer"), "{error}");
}

#[test]
fn a_very_long_text_is_refused() {
    let mut model = talk(Precision::Fp32, Engine::Tract);
    let window = Window { text: Some("it ".repeat(1 << 19)), ..Window::default() };
    let error = predict(&mut model, &window).unwrap_err();
    assert!(error.contains("1572864 bytes"), "{error}");
}

#[test]
fn embeddings_for_retrieval_are_those_of_onnx_runtime() {
    let mut model = load(&data("find"), Precision::Fp32, Engine::Int8).unwrap();
    assert_eq!(model.task(), Some(Task::Retrieval));
    for (window, recorded) in windows().iter().zip(expected()["find"].as_array().unwrap()) {
        let prediction = predict(&mut model, window).unwrap();
        let [(Modality::Image, image), (Modality::Text, text)] = prediction.embeddings.as_slice() else {
            panic!("{:?}", prediction.embeddings)
        };
        close(image, &recorded["image"], TOLERANCE);
        close(text, &recorded["text"], TOLERANCE);
        assert!(!prediction.has_answer() && prediction.generated.is_none());
        let has_words = window.text.as_ref().is_some_and(|text| !text.is_empty());
        assert_eq!(prediction.embedding_distance().is_some(), has_words, "no words have no place");
    }
}

#[test]
fn both_graphs_are_inspected() {
    let inspection = talk(Precision::Fp32, Engine::Int8).inspect();
    let decoder = inspection.decoder.unwrap();
    let meanings: Vec<&str> = decoder.inputs.iter().map(|input| input.meaning.as_str()).collect();
    assert_eq!(meanings, ["the last token", "from the encoder", "state", "state"]);
    assert_eq!((decoder.longest, decoder.macs), (6, 3 * 8 * 8 + 8 * 27));
    assert_eq!(inspection.macs, decoder.macs + 16 * 8 + 8 * 8 + 2 * 8 * 4);
    assert_eq!(inspection.integer_share_of_macs, Some(0.0));
    let quantized = talk(Precision::Int8, Engine::Int8).inspect();
    let share = quantized.integer_share_of_macs.unwrap();
    assert!(share > 0.5 && quantized.quantized, "{share}: {:?}", quantized.in_float);
    let bytes = |file: &str| std::fs::metadata(data("talk").join(file)).unwrap().len();
    assert_eq!(inspection.model_bytes, bytes("encoder.fp32.onnx") + bytes("decoder.fp32.onnx"));
    assert!(inspection.assumed_dimensions.is_empty(), "{:?}", inspection.assumed_dimensions);
}

#[test]
fn open_dimensions_of_a_bare_text_encoder_get_lengths() {
    let load = |dimensions: &[(&str, usize)]| {
        let dimensions: Dimensions = dimensions.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
        Model::load_onnx(&data("text.onnx"), Execution::default(), &dimensions).map_err(|error| error.to_string())
    };
    let mut model = load(&[]).unwrap();
    let inspection = model.inspect();
    assert_eq!(
        (inspection.inputs[0].shape.as_slice(), inspection.inputs[0].data_type.as_str()),
        (&[1, 128][..], "i64")
    );
    let assumed: Vec<(&str, usize)> =
        inspection.assumed_dimensions.iter().map(|dimension| (dimension.name.as_str(), dimension.length)).collect();
    assert_eq!(assumed, [("batch_size", 1), ("sequence_length", 128)]);
    let inputs = model.seeded_inputs(1);
    assert!(inputs.iter().all(|input| input.values.iter().all(|&value| value == 0.0 || value == 1.0)));
    assert!(model.infer(&inputs).unwrap().iter().all(|output| output.shape == [1, 128, 8]));

    let model = load(&[("batch_size", 2), ("sequence_length", 5)]).unwrap();
    assert_eq!(
        (model.inspect().outputs[0].shape.as_slice(), model.inspect().assumed_dimensions.len()),
        (&[2, 5, 8][..], 0)
    );
    for (dimension, words) in [(("seq", 5), "batch_size, sequence_length"), (("batch_size", 0), "from 1 to")] {
        let error = load(&[dimension]).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn token_ids_that_aren_t_whole_are_refused() {
    let mut model = Model::load_onnx(&data("text.onnx"), Execution::default(), &Dimensions::new()).unwrap();
    let mut inputs = model.seeded_inputs(1);
    for value in [0.5, f32::NAN, 2.0_f32.powi(25)] {
        inputs.get_mut("input_ids").unwrap().values[3] = value;
        let error = model.infer(&inputs).unwrap_err().to_string();
        assert!(error.contains("input_ids") && error.contains("whole numbers"), "{error}");
    }
    inputs.get_mut("input_ids").unwrap().values[3] = 27.0;
    assert!(model.infer(&inputs).is_err(), "the vocabulary has 27 tokens: nothing is read behind its end");
}

/// A copy of a bundle with its manifest changed.
fn changed(name: &str, changes: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(data(name)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let path = folder.path().join("model.toml");
    let mut manifest = std::fs::read_to_string(&path).unwrap();
    for (from, to) in changes {
        assert!(manifest.contains(from), "{from}");
        manifest = manifest.replacen(from, to, 1);
    }
    std::fs::write(path, manifest).unwrap();
    folder
}

#[track_caller]
fn refused_by(folder: &Path, words: &[&str]) {
    let error = load(folder, Precision::Fp32, Engine::Int8).expect_err("it can't be");
    for word in words {
        assert!(error.contains(word), "no `{word}` in: {error}");
    }
    assert!(!error.contains('\n') && error.len() < 600, "one line: {error}");
}

#[track_caller]
fn refused(name: &str, from: &str, to: &str, words: &[&str]) {
    refused_by(changed(name, &[(from, to)]).path(), words);
}

#[test]
fn decoding_that_can_t_be_is_refused() {
    refused("talk", "longest = 6", "longest = 0", &["decode.longest", "0", "4096"]);
    refused("talk", "longest = 6", "longest = 1000000000", &["decode.longest", "1000000000", "4096"]);
    refused("talk", "longest = 6", "longest = -1", &["model.toml"]);
    refused("talk", "end = \"<end>\"", "end = \"<stop>\"", &["tokenizer.json", "<stop>", "decode.end"]);
    refused("talk", "caption = \"<caption>\"", "caption = \"<tell>\"", &["<tell>", "decode.begin.caption"]);
    refused("talk", "begin = { caption = \"<caption>\", answer = \"<answer>\" }", "begin = {}", &["decode.begin"]);
    refused("talk", "logits = \"logits\"", "logits = \"scores\"", &["decode.logits", "scores", "logits"]);
    refused("talk", "logits = \"logits\"", "logits = \"state_out\"", &["decode.state.output", "state_out"]);
    refused("talk", "token = \"token\"", "token = \"memory\"", &["decode.token", "memory", "f32"]);
    refused("talk", "token = \"token\"", "token = \"last\"", &["decode.token", "last", "only token"]);
}

#[test]
fn states_without_a_partner_are_refused() {
    refused("talk", "output = \"state_out\"", "output = \"state\"", &["decode.state.output", "state", "state_out"]);
    refused("talk", "input = \"state_in\"", "input = \"state\"", &["decode.state.input", "state", "state_in"]);
    refused("talk", ", initial = \"mood\"", ", initial = \"temper\"", &["decode.state.initial", "temper", "mood"]);
    refused("talk", ", initial = \"mood\"", "", &["output.mood", "kind state", "no state that begins with it"]);
    refused(
        "talk",
        ", initial = \"mood\"",
        ", initial = \"image_embedding\"",
        &["decode.state.initial", "[1, 4]", "[1, 8]"],
    );
    refused("talk", "output = \"mood_out\"", "output = \"state_out\"", &["decode.state.output", "state_out"]);
    refused("talk", "output = \"mood_out\"", "output = \"logits\"", &["decode.state.output", "logits"]);
}

#[test]
fn a_decoder_s_input_that_nobody_gives_is_refused() {
    let state = "{ input = \"state_in\", output = \"state_out\" }, ";
    refused("talk", state, "", &["decode", "state_in", "neither the token, a state nor an output of the encoder"]);
}

#[test]
fn tasks_and_their_parts_must_agree() {
    refused("talk", "task = \"generation\"", "task = \"translation\"", &["task", "translation", "retrieval"]);
    refused("talk", "task = \"generation\"", "task = \"retrieval\"", &["output", "kind state"]);
    refused("talk", "[decode]", "[decode_later]", &["decode_later", "decode"]);
    refused("talk", "decoder = {", "precision = \"int8\" # {", &["variant.int8.decoder", "missing"]);
    refused("talk", "licence", "labels = [\"a\"]\nlicence", &["labels", "generation"]);
    refused("find", "task = \"retrieval\"", "task = \"generation\"", &["variant.fp32.decoder", "missing"]);
    refused(
        "find",
        "kind = \"embedding\"\nmodality = \"text\"",
        "kind = \"logits\"",
        &["output", "logits", "retrieval"],
    );
    refused("find", "name = \"text_embedding\"", "name = \"image_embedding\"", &["output", "image_embedding", "once"]);
    let one = "[[output]]\nname = \"text_embedding\"\nkind = \"embedding\"\nmodality = \"text\"\n";
    refused("find", one, "", &["output", "1 of kind embedding", "two"]);
    refused("find", "task = \"retrieval\"", "task = \"classification\"", &["labels", "empty"]);
}

#[test]
fn text_inputs_that_can_t_be_are_refused() {
    refused("talk", "max_tokens = 8", "max_tokens = 9", &["input.text", "[9]", "[1, 8]"]);
    refused("talk", "max_tokens = 8", "max_tokens = 0", &["text.max_tokens", "0"]);
    refused("talk", "max_tokens = 8", "max_tokens = 99999", &["text.max_tokens", "99999"]);
    refused("talk", "<sep>", "<then>", &["tokenizer.json", "<then>", "text.turn_separator"]);
    refused("find", "mask = \"mask\"\n", "", &["nothing of it", "mask"]);
    refused("find", "mask = \"mask\"", "mask = \"ids\"", &["input", "ids", "once"]);
    refused(
        "talk",
        "tokenizer = \"tokenizer.json\"",
        "tokenizer = \"../tokenizer.json\"",
        &["text.tokenizer", "folder"],
    );
    refused("talk", "tokenizer = \"tokenizer.json\"", "tokenizer = \"words.json\"", &["words.json", "can't be read"]);
}

#[test]
fn bad_tokenizers_are_refused() {
    let whole = std::fs::read_to_string(data("talk/tokenizer.json")).unwrap();
    let refused = |text: &str, words: &[&str]| {
        let folder = changed("talk", &[]);
        std::fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        refused_by(folder.path(), &[&["tokenizer.json"], words].concat());
    };
    for part in 0..20 {
        refused(&whole[..whole.len() * part / 20], &["isn't a tokenizer"]);
    }
    refused("{}", &["isn't a tokenizer"]);
    refused(&"[".repeat(100_000), &["isn't a tokenizer"]);
    refused(
        &whole.replace("\"id\": 0", "\"id\": 4000000000").replace("\"<pad>\": 0", "\"<pad>\": 4000000000"),
        &["4000000000"],
    );
    refused(&whole.replace("<pad>", "<nothing>"), &["padding"]);
}

#[test]
fn the_identity_covers_decoders_and_tokenizers() {
    let identity = |folder: &Path| Bundle::open(folder).unwrap().identity().to_owned();
    let original = identity(&data("talk"));
    let folder = changed("talk", &[]);
    assert_eq!(identity(folder.path()), original);
    let tokenizer = folder.path().join("tokenizer.json");
    let text = std::fs::read_to_string(&tokenizer).unwrap();
    std::fs::write(&tokenizer, text + "\n").unwrap();
    assert_ne!(identity(folder.path()), original);

    let folder = changed("talk", &[]);
    let decoder = folder.path().join("decoder.int8.onnx");
    let mut bytes = std::fs::read(&decoder).unwrap();
    bytes.push(0);
    std::fs::write(&decoder, &bytes).unwrap();
    refused_by(folder.path(), &["decoder.int8.onnx", "SHA-256", &sha256(&bytes)]);
}

/// The decoder with every weight not a number.
#[test]
fn logits_that_aren_t_numbers_are_told_with_their_token() {
    let folder = changed("talk", &[]);
    let decoder = folder.path().join("decoder.fp32.onnx");
    let bytes = std::fs::read(&decoder).unwrap();
    let bias = 1.5_f32.to_le_bytes();
    // The end's bias follows three of −9.
    let before = [(-9.0_f32).to_le_bytes(); 3].concat();
    let place = bytes.windows(16).position(|part| part[..12] == before && part[12..] == bias).unwrap() + 12;
    let digest = sha256(&bytes);
    let mut damaged = bytes;
    damaged[place..place + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&decoder, &damaged).unwrap();
    let manifest = folder.path().join("model.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace(&digest, &sha256(&damaged))).unwrap();
    let mut model = load(folder.path(), Precision::Fp32, Engine::Tract).unwrap();
    let error = predict(&mut model, &windows()[0]).unwrap_err();
    assert!(error.contains("decoder.fp32.onnx") && error.contains("`logits`") && error.contains("token 1"), "{error}");
}

#[test]
fn damaged_decoders_are_refused() {
    let original = std::fs::read(data("talk/decoder.fp32.onnx")).unwrap();
    for part in 0..10 {
        let cut = &original[..original.len() * part / 10];
        let folder = changed("talk", &[(&sha256(&original), &sha256(cut))]);
        std::fs::write(folder.path().join("decoder.fp32.onnx"), cut).unwrap();
        refused_by(folder.path(), &["decoder.fp32.onnx"]);
    }
}

#[test]
fn a_seeded_window_is_answered() {
    for name in ["talk", "find"] {
        let mut model = load(&data(name), Precision::Fp32, Engine::Int8).unwrap();
        let window = model.seeded_window(3);
        assert_eq!(window, model.seeded_window(3));
        assert!(window.text.as_ref().is_some_and(|text| !text.is_empty()) && window.image.is_some());
        predict(&mut model, &window).unwrap();
    }
}
