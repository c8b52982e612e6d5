//! Whole evaluations of small sets: the same whatever the workers and interruptions, and absent where nothing can be measured.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't go on fails")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use edgeval_calibration::{
    Evaluated, Evaluation, Journal, Kept, Observer, ReferenceErrors, ReferenceSet, SetError, SoundAttack, SquareAttack,
    Stage, TrialOptions, Worker,
};
use edgeval_models::{Bundle, Execution, Modality, Model, Precision};
use serde_json::Value;

/// Stops a stage after so many samples.
#[derive(Debug)]
struct StopAfter(Stage, usize, AtomicUsize);

impl StopAfter {
    const fn trials(count: usize) -> Self {
        Self(Stage::Trials, count, AtomicUsize::new(0))
    }
}

impl Observer for StopAfter {
    fn progress(&self, _: Stage, _: usize, _: usize) {}

    fn stops(&self, stage: Stage) -> bool {
        stage == self.0 && self.2.fetch_add(1, Ordering::Relaxed) >= self.1
    }

    fn drops(&self) -> bool {
        false
    }
}

/// Drops trials after so many queries.
#[derive(Debug)]
struct DropAfter(usize, AtomicUsize);

impl Observer for DropAfter {
    fn progress(&self, _: Stage, _: usize, _: usize) {}

    fn stops(&self, _: Stage) -> bool {
        false
    }

    fn drops(&self) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed) >= self.0
    }
}

const ALL: usize = usize::MAX;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn bundle(path: &str) -> Bundle {
    Bundle::open(&repository().join(path)).unwrap()
}

fn worker(bundle: &Bundle, other: bool) -> Worker {
    let load = |precision| Model::load(bundle, precision, Execution::default()).unwrap();
    Worker { model: load(Precision::Int8), other: other.then(|| load(Precision::Fp32)) }
}

/// Every 40th test sample of the shipped set, changed by `change`, as a Hugging Face folder.
fn some_digits(folder: &Path, change: impl Fn(&mut Value)) -> ReferenceSet {
    let shipped = repository().join("calibration/sets/av-digits");
    let lines = std::fs::read_to_string(shipped.join("samples.jsonl")).unwrap();
    let mut kept = String::new();
    for line in lines.lines().filter(|line| line.contains("\"test\"")).step_by(40) {
        let mut sample: Value = serde_json::from_str(line).unwrap();
        for key in ["image", "audio"] {
            let file = sample[key].as_str().unwrap().to_owned();
            let name = file.rsplit('/').next().unwrap();
            std::fs::copy(shipped.join(&file), folder.join(name)).unwrap();
            sample[key] = name.into();
        }
        change(&mut sample);
        kept += &format!("{sample}\n");
    }
    std::fs::write(folder.join("metadata.jsonl"), kept).unwrap();
    ReferenceSet::open(folder).unwrap()
}

fn options() -> TrialOptions {
    let attack = SquareAttack { epsilon: 8, queries: 12, share: 0.05 };
    let sound_attack = SoundAttack { epsilon: 0.01, queries: 12, share: 0.3 };
    TrialOptions { seed: 7, attack, sound_attack, examined: 3 }
}

struct Run<'a> {
    set: &'a ReferenceSet,
    bundle: &'a Bundle,
    without: Option<Modality>,
}

impl Run<'_> {
    fn run(&self, workers: usize, journal: &mut Journal, kept: Kept, stop: usize) -> Result<Evaluated, SetError> {
        self.until(workers, journal, kept, &StopAfter::trials(stop))
    }

    fn until(
        &self,
        workers: usize,
        journal: &mut Journal,
        kept: Kept,
        observer: &dyn Observer,
    ) -> Result<Evaluated, SetError> {
        let evaluation = Evaluation {
            set: self.set,
            split: "test",
            manifest: self.bundle.manifest(),
            precision: Precision::Int8,
            without: self.without,
            options: options(),
            trials: true,
            wrong_explained: 0,
            enough: None,
        };
        let mut workers: Vec<Worker> = (0..workers).map(|_| worker(self.bundle, true)).collect();
        evaluation.run(&mut workers, journal, kept, observer)
    }

    fn all(&self) -> Evaluated {
        self.run(2, &mut Journal::nowhere(), Kept::default(), ALL).unwrap()
    }
}

fn json(evaluated: &Evaluated) -> Value {
    serde_json::to_value(&evaluated.findings).unwrap()
}

fn value(figure: &Value) -> f64 {
    figure["value"].as_f64().unwrap_or_else(|| panic!("{figure}"))
}

#[test]
fn workers_and_interruptions_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |_| {});
    let bundle = bundle("models/zoo/av-digits");
    let run = Run { set: &set, bundle: &bundle, without: None };
    let whole = run.run(1, &mut Journal::nowhere(), Kept::default(), ALL).unwrap();
    assert_eq!((whole.trials.len(), whole.samples, whole.to_try), (10, 10, 10));

    let path = folder.path().join("journal");
    let part = run.run(2, &mut Journal::create(&path, "key").unwrap(), Kept::default(), 4).unwrap();
    assert_eq!(part.trials.len(), 4);
    assert!(part.trials[..] == whole.trials[..4], "every beginning is the same");
    let (mut journal, kept) = Journal::resume(&path, "key").unwrap();
    assert_eq!((kept.clean.len(), kept.trials.len()), (10, 4));
    let rest = run.run(2, &mut journal, kept, ALL).unwrap();
    assert!(rest.trials == whole.trials);
    assert_eq!(json(&rest), json(&whole));
}

#[test]
fn a_trial_that_was_begun_is_dropped_when_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |_| {});
    let bundle = bundle("models/zoo/av-digits");
    let run = Run { set: &set, bundle: &bundle, without: None };
    let path = folder.path().join("journal");
    let mut journal = Journal::create(&path, "key").unwrap();
    let observer = DropAfter(100, AtomicUsize::new(0));
    let part = run.until(1, &mut journal, Kept::default(), &observer).unwrap();
    assert_eq!((part.answers.count(), part.trials.len(), part.complete), (10, 0, false));
    assert_eq!(observer.1.into_inner(), 100 + part.to_try, "one look ends each");
}

#[test]
fn samples_that_can_t_be_told_apart_or_hold_nothing_are_refused() {
    let bundle = bundle("models/zoo/av-digits");
    let refused = |change: fn(&mut Value)| {
        let folder = tempfile::tempdir().unwrap();
        let set = some_digits(folder.path(), change);
        let run = Run { set: &set, bundle: &bundle, without: None };
        run.run(1, &mut Journal::nowhere(), Kept::default(), ALL).unwrap_err().to_string()
    };
    let error = refused(|sample| sample["id"] = "one".into());
    assert!(error.contains("two samples `one`"), "{error}");
    let error = refused(|sample| {
        sample.as_object_mut().unwrap().retain(|key, _| !["image", "audio"].contains(&key.as_str()));
        sample["text"] = "seven".into();
    });
    assert!(error.contains("none of what the model takes (audio, image)"), "{error}");
}

#[test]
fn every_dimension_of_two_modalities_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |_| {});
    let bundle = bundle("models/zoo/av-digits");
    let evaluated = Run { set: &set, bundle: &bundle, without: None }.all();
    let found = json(&evaluated);
    let robustness = &found["robustness"];
    assert_eq!(robustness["corruptions"].as_array().unwrap().len(), 19 + 2 + 10);
    assert!(value(&robustness["share_kept"]) > 0.9 && value(&robustness["attack"]["robust"]) > 0.5);
    assert_eq!(robustness["attack"]["clean"]["n"], 3, "as many as are examined");
    let on_sound = &robustness["attack"]["on_sound"];
    assert!(on_sound["clean"]["n"] == 3 && value(&on_sound["robust"]) > 0.5, "{on_sound}");
    assert_eq!((&on_sound["epsilon"], &on_sound["most_queries"]), (&0.01.into(), &12.into()));
    let ends = evaluated
        .trials
        .iter()
        .filter(|trial| trial.score > 0.0)
        .filter_map(|trial| Some(trial.attacked?.right && trial.attacked_sound?.right));
    let unbroken = ends.clone().filter(|right| *right).count() as f64 / ends.count() as f64;
    assert_eq!(value(&robustness["attack"]["unbroken"]), unbroken, "no attack alone breaks it");
    assert!(value(&robustness["precision"]["same"]) > 0.9);
    // Shapley's values add up to what all have over none.
    let shapley: f64 =
        found["fairness"]["modalities"].as_array().unwrap().iter().map(|row| value(&row["shapley"])).sum();
    let mean = |mask: usize| evaluated.trials.iter().map(|trial| trial.coalitions[mask]).sum::<f64>() / 10.0;
    assert!((shapley - (mean(3) - mean(0))).abs() < 1e-9, "{shapley}");
    let maps = found["interpretability"]["modalities"].as_array().unwrap();
    assert!(
        maps.iter().all(|map| map["insertion"]["n"] == 3 && value(&map["queries"]) < value(&map["cells"])),
        "{maps:?}"
    );
    assert!(value(&found["agreement"]) > 0.5);
    assert_eq!(found["groups"]["worst_by_best"]["not_measured"], "no slice key has two groups with 30 samples");
}

#[test]
fn a_cell_that_no_time_was_left_for_is_uncovered() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |sample| {
        let small = sample["label"].as_str().is_some_and(|label| ["zero", "two"].contains(&label));
        sample["room"] = if small { "kitchen" } else { "hall" }.into();
    });
    let bundle = bundle("models/zoo/av-digits");
    let run = Run { set: &set, bundle: &bundle, without: None };
    let stop = StopAfter(Stage::Clean, 1, AtomicUsize::new(0));
    let part = run.until(1, &mut Journal::nowhere(), Kept::default(), &stop).unwrap();
    assert_eq!(part.scores.len(), 1);
    let cells = |found: &Evaluated| json(found)["groups"]["diversity"]["uncovered"].to_string();
    assert!(cells(&part).contains("hall") && cells(&part).contains("kitchen"), "{}", cells(&part));
    assert_eq!(cells(&part), cells(&run.all()));
}

#[test]
fn what_the_set_or_the_model_lacks_isn_t_measured() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |sample| drop(sample.as_object_mut().unwrap().remove("audio")));
    let bundle = bundle("models/zoo/av-digits");
    let found = json(&Run { set: &set, bundle: &bundle, without: None }.all());
    assert_eq!(found["robustness"]["corruptions"].as_array().unwrap().len(), 21);
    assert_eq!(found["robustness"]["missing"][1]["nothing"]["not_measured"], "no sample has audio");
    let attack = &found["robustness"]["attack"];
    let reason = attack["on_sound"]["robust"]["not_measured"].as_str().unwrap();
    assert!(
        reason.starts_with("no sample with a sound") && attack["unbroken"] == attack["robust_by_clean"],
        "{attack}"
    );
    assert_eq!(found["agreement"]["not_measured"], "no sample has two modalities, or nothing is answered");
    let fairness = &found["fairness"];
    let reason = "the samples have fewer than two of the model's modalities";
    assert_eq!(fairness["modalities"].as_array().unwrap().len(), 1, "what no sample has contributes nothing");
    assert_eq!(fairness["modalities"][0]["share"]["not_measured"], reason);
    assert!(fairness["modalities"][0]["shapley"]["n"] == 10 && fairness["figure"]["not_measured"].is_string());
    assert_eq!(fairness["imbalance"]["not_measured"], reason);
    let noise = &found["robustness"]["noise"][0];
    assert_eq!(
        noise["effective"]["not_measured"],
        "no sample has image and another modality, or the model is never right"
    );
    assert!(value(&noise["relative"]) > 4.0, "{noise}");

    let nothing = json(&Run { set: &set, bundle: &bundle, without: Some(Modality::Image) }.all());
    assert!(nothing["robustness"]["share_kept"]["not_measured"].is_string(), "{nothing}");
    assert!(!nothing.to_string().contains("null,\"high\""), "no figure is a null: {nothing}");
}

/// Sounds that can be moved: the sample lies in the middle of a longer one.
#[test]
fn sound_is_moved_where_there_is_more_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |sample| {
        let id = sample["id"].as_str().unwrap().to_owned();
        sample["context"] = format!("{id}-context.wav").into();
    });
    for sample in set.samples() {
        let own = set.window(sample).unwrap().audio.unwrap();
        let rate = own.sample_rate_hz as usize;
        let silence = vec![0.0; rate * 64 / 100];
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: own.sample_rate_hz,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(folder.path().join(sample.context.as_ref().unwrap()), spec).unwrap();
        [&silence, &own.samples, &silence].into_iter().flatten().for_each(|value| writer.write_sample(*value).unwrap());
        writer.finalize().unwrap();
    }
    let bundle = bundle("models/zoo/av-digits");
    let evaluated = Run { set: &set, bundle: &bundle, without: None }.all();
    let shifts: Vec<f64> = evaluated.trials[0].shifted.iter().map(|(shift, _)| *shift).collect();
    assert_eq!(shifts, [0.0, -40.0, 40.0, -80.0, 80.0, -160.0, 160.0, -320.0, 320.0, -640.0, 640.0]);
    let skew = &json(&evaluated)["robustness"]["skew"];
    assert!((0.0..=640.0).contains(&value(&skew["widest_ms"])) && value(&skew["share_of_unshifted"]) > 0.5, "{skew}");
}

#[test]
fn a_model_that_generates_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = String::new();
    for (id, text, reference) in [
        ("1", "which colour is the red circle, and where is the green square?", "shape shape shape right right a"),
        ("2", "a star", "never said"),
        ("3", "no answer is known", ""),
    ] {
        lines +=
            &format!("{{\"id\":\"{id}\",\"ask\":\"answer\",\"text\":\"{text}\",\"references\":[\"{reference}\"]}}\n");
    }
    std::fs::write(folder.path().join("metadata.jsonl"), lines).unwrap();
    let set = ReferenceSet::open(folder.path()).unwrap();
    let bundle = bundle("models/tests/data/talk");
    let evaluated = Run { set: &set, bundle: &bundle, without: None }.all();
    let found = json(&evaluated);
    assert_eq!(found["score"], "exact_match");
    let words = &evaluated.trials.iter().find(|trial| trial.place == 0).unwrap().explained[&Modality::Text];
    assert_eq!((words.rows, words.columns, words.map.len()), (1, 12, 12));
    assert!(words.map.iter().any(|fall| fall.abs() > 0.0), "{words:?}");
    assert!((0.0..=1.0).contains(&words.insertion) && (0.0..=1.0).contains(&words.deletion), "{words:?}");
}

#[test]
fn words_of_a_long_text_are_covered_together() {
    let folder = tempfile::tempdir().unwrap();
    let line = format!(r#"{{"ask":"answer","text":"{}","references":["a"]}}"#, "which ".repeat(1000));
    std::fs::write(folder.path().join("metadata.jsonl"), line).unwrap();
    let set = ReferenceSet::open(folder.path()).unwrap();
    let bundle = bundle("models/tests/data/talk");
    let evaluated = Run { set: &set, bundle: &bundle, without: None }.all();
    let words = &evaluated.trials[0].explained[&Modality::Text];
    assert_eq!((words.columns, words.map.len()), (1000, 1000));
    assert!(words.queries <= 65, "{}", words.queries);
}

#[test]
fn a_model_errs_as_much_as_itself() {
    let folder = tempfile::tempdir().unwrap();
    let set = some_digits(folder.path(), |_| {});
    let bundle = bundle("models/zoo/av-digits");
    let alone = Run { set: &set, bundle: &bundle, without: None }.all();
    let mut errors = ReferenceErrors::of("this one".to_owned(), &alone.findings.robustness).unwrap();
    assert_eq!(errors.errors.len(), 31);
    // What never errs is nothing to be held against.
    errors.errors.retain(|_, errors| errors.corrupted.iter().sum::<f64>() > 0.0);
    assert!(!errors.errors.is_empty());
    std::fs::write(folder.path().join("reference-errors.json"), serde_json::to_vec(&errors).unwrap()).unwrap();
    let set = ReferenceSet::open(folder.path()).unwrap();
    let robustness = json(&Run { set: &set, bundle: &bundle, without: None }.all())["robustness"].clone();
    assert_eq!(robustness["reference_model"], "this one");
    assert_eq!(value(&robustness["mean_corruption_error"]), 1.0, "{robustness}");

    let first = r#"{"model":"an old one","clean":0.1,"errors":{"fog":[0.1,0.1,0.1,0.2,0.2]}}"#;
    std::fs::write(folder.path().join("reference-errors.json"), first).unwrap();
    let robustness = json(&Run { set: &set, bundle: &bundle, without: None }.all())["robustness"].clone();
    let reason = robustness["mean_relative_corruption_error"]["not_measured"].as_str().unwrap();
    assert!(reason.contains("schema 1; this program reads schema 2"), "{reason}");
    assert_eq!(robustness["corruptions"][0]["corruption_error"]["not_measured"], reason);
}

/// Shipped sets are held against the shipped model's fp32 variant, as it is now: whoever trains it anew measures its errors anew.
#[test]
fn the_errors_that_ship_are_of_the_model_that_ships() {
    for name in ["av-digits", "shape-talk"] {
        let set = ReferenceSet::open(&repository().join("calibration/sets").join(name)).unwrap();
        let errors = set.reference_errors().unwrap().unwrap();
        let bundle = bundle(&format!("models/zoo/{name}"));
        assert_eq!(errors.model, format!("{name} {} fp32", bundle.manifest().version));
        assert_eq!(errors.sha256.as_deref(), Some(bundle.identity()), "measure them again: see docs/reference-set.md");
        assert_eq!(errors.errors.len(), 31);
        for (corruption, errors) in &errors.errors {
            assert!(errors.corrupted.iter().sum::<f64>() > 0.0, "{name}, {corruption}: it never errs");
        }
    }
}
