//! Two reports of `evaluate --json`, compared by their intervals alone.

use std::path::Path;

use anyhow::{Context, bail};
use edgeval_measure::{ByDimension, Measured, difference};
use edgeval_models::read_bounded;
use serde::Deserialize;
use serde_json::Value;

use super::line::{Better, Line, any_regression};
use super::{Args, Compared, Side};

/// No report is larger: the confusion matrix of 1,000 classes takes a few MB.
const MAXIMUM_BYTES: u64 = 64 << 20;
const METHOD: &str = "the two reports' intervals alone (Newcombe 1998; Zou & Donner 2008): wider than a paired test, which needs the models: \
    edgeval compare MODEL_A MODEL_B --set SET";

/// Figures besides the scorecard's: name, where in the report, which way is better.
const OTHERS: [(&str, &str, Better); 16] = [
    ("top-1", "/accuracy/top1", Better::More),
    ("calibration error (ECE)", "/accuracy/ece", Better::Less),
    ("Brier's score", "/accuracy/brier", Better::Less),
    ("recall@1, forward", "/accuracy/forward/recall_at_1", Better::More),
    ("recall@1, backward", "/accuracy/backward/recall_at_1", Better::More),
    ("word error rate", "/generation/wer", Better::Less),
    ("BLEU-4, 0 to 100", "/generation/bleu4", Better::More),
    ("CIDEr-D, 0 to 10", "/generation/cider_d", Better::More),
    ("share kept under corruption", "/robustness/share_kept", Better::More),
    ("right under attack", "/robustness/attack/robust", Better::More),
    ("right under attack on sound", "/robustness/attack/on_sound/robust", Better::More),
    ("imbalance of modalities", "/fairness/imbalance", Better::Less),
    ("worst group / best group", "/fairness/worst_by_best", Better::More),
    ("latency, 99 %, µs", "/efficiency/latency_p99_us", Better::LessOfTheBoard),
    ("memory (PSS), bytes", "/efficiency/pss_peak_bytes", Better::LessOfTheBoard),
    ("energy of an inference, mJ", "/efficiency/energy_mj_per_inference", Better::LessOfTheBoard),
];

/// Figures that hang on how hard the model was attacked.
const ATTACKED: [&str; 4] = [
    "/scorecard/dimensions/robustness/figure",
    "/scorecard/total",
    "/robustness/attack/robust",
    "/robustness/attack/on_sound/robust",
];
/// How hard that was.
const BOUNDS: [&str; 4] = [
    "/robustness/attack/epsilon",
    "/robustness/attack/most_queries",
    "/robustness/attack/on_sound/epsilon",
    "/robustness/attack/on_sound/most_queries",
];

/// What of a report tells which it is.
#[derive(Debug, Deserialize)]
struct Facts {
    schema: u32,
    model: ModelFacts,
    set: SetFacts,
    without: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ModelFacts {
    name: String,
    sha256: String,
    #[serde(default)]
    precision: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SetFacts {
    name: String,
    version: String,
    sha256: String,
    split: String,
    samples: u64,
}

/// A report that was read.
struct Report {
    facts: Facts,
    json: Value,
}

pub(super) fn compare(args: &Args) -> anyhow::Result<Compared> {
    let (first, second) = (read(&args.first)?, read(&args.second)?);
    check_same_set(args, &first.facts.set, &second.facts.set)?;
    let figures = lines(&first.json, &second.json, args.tolerance);
    let SetFacts { name, version, split, .. } = &first.facts.set;
    Ok(Compared {
        schema: 1,
        set: format!("{name} {version} ({split})"),
        first: side(first.facts),
        second: side(second.facts),
        paired: false,
        method: METHOD,
        tolerance: args.tolerance,
        regression: any_regression(&figures),
        figures,
        disagreements: None,
    })
}

fn read(path: &Path) -> anyhow::Result<Report> {
    if path.is_dir() {
        bail!(
            "{} is a folder: to compare models add --set SET; without it reports of `evaluate --json` are compared",
            path.display()
        );
    }
    let bytes = read_bounded(path, MAXIMUM_BYTES)?;
    let wrong = || format!("{} isn't a report of `edgeval evaluate --json`", path.display());
    let json: Value = serde_json::from_slice(&bytes).with_context(wrong)?;
    let facts = Facts::deserialize(&json).with_context(wrong)?;
    if facts.schema != 1 {
        bail!("{} has schema {}; this program reads schema 1", path.display(), facts.schema);
    }
    Ok(Report { facts, json })
}

/// Figures of different samples say nothing about which model is better.
fn check_same_set(args: &Args, first: &SetFacts, second: &SetFacts) -> anyhow::Result<()> {
    let words = |set: &SetFacts| format!("{} {} ({}, {:.12}…)", set.name, set.version, set.split, set.sha256);
    if (&first.sha256, &first.split) != (&second.sha256, &second.split) {
        bail!(
            "{} is of the set {}, {} of {}: figures of different sets can't be compared",
            args.first.display(),
            words(first),
            args.second.display(),
            words(second)
        );
    }
    Ok(())
}

fn side(facts: Facts) -> Side {
    let ModelFacts { name, sha256, precision } = facts.model;
    let without = facts.without.map(|modality| format!(" without {modality}")).unwrap_or_default();
    let precision = precision.map(|precision| format!(" {precision}")).unwrap_or_default();
    Side { model: format!("{name}{precision}{without}"), sha256, samples: facts.set.samples }
}

fn lines(first: &Value, second: &Value, tolerance: f64) -> Vec<Line> {
    let dimensions = ByDimension::equal_weights()
        .named()
        .map(|(name, _)| (name.replace('_', " "), format!("/scorecard/dimensions/{name}/figure"), better(name)));
    // It holds the efficiency.
    let total = ("total".to_owned(), "/scorecard/total".to_owned(), Better::MoreOfTheBoard);
    let others = OTHERS.map(|(name, place, better)| (name.to_owned(), place.to_owned(), better));
    let same_attack = BOUNDS.iter().all(|place| first.pointer(place) == second.pointer(place));
    let all = dimensions.into_iter().chain([total]).chain(others);
    all.filter_map(|(name, place, better)| {
        let (first, second) = (figure(first, &place), figure(second, &place));
        // What neither has isn't missed: other tasks have figures of their own.
        if first.figure().is_none() && second.figure().is_none() {
            return None;
        }
        let change = match ATTACKED.contains(&place.as_str()) && !same_attack {
            true => Measured::not_measured("attacked within other bounds"),
            false => difference(&first, &second),
        };
        Some(Line::new(&name, (first, second), change, (better, tolerance)))
    })
    .collect()
}

/// Of a dimension. Efficiency is made of latency, memory and energy.
fn better(dimension: &str) -> Better {
    if dimension == "efficiency" { Better::MoreOfTheBoard } else { Better::More }
}

/// A figure of a report. One whose ends aren't in order is none: whatever was compared with it would be wrong without anyone's noticing.
fn figure(report: &Value, place: &str) -> Measured {
    let found = report.pointer(place).and_then(|value| Measured::deserialize(value).ok());
    let in_order = |measured: &Measured| measured.figure().is_none_or(|it| it.low <= it.value && it.value <= it.high);
    found.filter(in_order).unwrap_or_else(|| Measured::not_measured("the report doesn't have it"))
}
