//! Consistency, robustness, quantization, drift, fairness, interpretability, diversity and the scorecard against their definitions
//! in numpy and scipy, to 1e-6. The cases come from `tests/parity/cases_judgement.py`: those of the file that EDGEVAL_PARITY_CASES
//! names, made just now, or the recorded ones.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use edgeval_measure as measure;
use measure::{CorruptionErrors, Figure, Measured, RetrievalRanks, Scorecard, ScorecardRow, Slice};
use serde_json::Value;
use support::dimensions::by_dimension;
use support::numbers::{indices, numbers, same};

mod support {
    pub mod cases;
    pub mod dimensions;
    pub mod numbers;
}

fn cases(kind: &str) -> Vec<Value> {
    support::cases::cases("judgement.json", &format!("judgement/{kind}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn vectors(value: &Value) -> Vec<Vec<f32>> {
    matrix(value).into_iter().map(|row| row.into_iter().map(|value| value as f32).collect()).collect()
}

fn points(value: &Value) -> Vec<(f64, f64)> {
    matrix(value).into_iter().map(|point| (point[0], point[1])).collect()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// Absent in both, or the same in both.
fn same_or_absent(name: &str, ours: Option<f64>, reference: &Value) {
    match ours {
        Some(ours) => same(name, ours, reference),
        None => assert_eq!(reference, &Value::Null, "{name} is absent here only"),
    }
}

fn all_same(name: &str, ours: &[f64], reference: &Value) {
    assert_eq!(ours.len(), reference.as_array().unwrap().len(), "{name}");
    ours.iter().zip(reference.as_array().unwrap()).for_each(|(ours, reference)| same(name, *ours, reference));
}

/// Value, lower and upper end.
fn same_figure(name: &str, ours: &Measured, reference: &Value) {
    let figure = ours.figure().unwrap();
    all_same(name, &[figure.value, figure.low, figure.high], reference);
}

fn figure(ends: &[f64]) -> Measured {
    Measured::Figure(Figure { value: ends[0], low: ends[1], high: ends[2], n: 100 })
}

fn slices(counts: &Value) -> Vec<Slice> {
    let slice = |(place, count): (usize, &Value)| Slice {
        name: place.to_string(),
        score: measure::wilson(count[0].as_u64().unwrap(), count[1].as_u64().unwrap()),
    };
    counts.as_array().unwrap().iter().enumerate().map(slice).collect()
}

#[test]
fn ranks_are_those_of_sorting() {
    for case in cases("retrieval") {
        let belongs = |i: usize, j: usize| case["belongs"][i][j].as_bool().unwrap();
        let ranks = RetrievalRanks::of(&matrix(&case["distances"]), belongs).unwrap();
        for (name, ours) in [("forward", ranks.forward), ("backward", ranks.backward)] {
            let reference = &case[name];
            assert_eq!(ours, indices(&reference["ranks"]), "{name}");
            let recall: Vec<f64> = [1, 5, 10].iter().map(|k| measure::recall_at(&ours, *k).unwrap()).collect();
            all_same("recall", &recall, &reference["recall"]);
            same("median rank", measure::median_rank(&ours).unwrap(), &reference["median"]);
        }
    }
}

#[test]
fn embeddings_lie_as_scipy_says() {
    for case in cases("embeddings") {
        let (first, second) = (vectors(&case["first"]), vectors(&case["second"]));
        let distances = measure::embedding_distances(&first, &second).unwrap();
        distances.iter().zip(case["distances"].as_array().unwrap()).for_each(|(o, r)| all_same("distance", o, r));
        same_or_absent("alignment", measure::alignment(&first, &second), &case["alignment"]);
        same("uniformity", measure::uniformity(&first).unwrap(), &case["uniformity"]);
        same("gap", measure::modality_gap(&first, &second).unwrap(), &case["gap"]);
    }
}

#[test]
fn skews_are_tolerated_as_defined() {
    for case in cases("skew") {
        let ours = measure::skew_tolerance(&points(&case["points"])).unwrap();
        same("mean", ours.mean_score, &case["mean"]);
        same("share", ours.share_of_unshifted, &case["share"]);
        same("widest", ours.widest_ms, &case["widest_ms"]);
    }
}

#[test]
fn corruption_errors_are_the_paper_s() {
    for case in cases("corruption") {
        let rows = |clean: &str, errors: &str| -> Vec<CorruptionErrors> {
            let clean = number(&case[clean]);
            matrix(&case[errors]).into_iter().map(|corrupted| CorruptionErrors { clean, corrupted }).collect()
        };
        let (model, reference) = (rows("clean", "errors"), rows("reference_clean", "reference"));
        let errors = matrix(&case["errors"]);
        same("mean error", measure::mean_error(&errors).unwrap(), &case["mean_error"]);
        let scores: Vec<Vec<f64>> = errors.iter().map(|row| row.iter().map(|error| 1.0 - error).collect()).collect();
        same_or_absent("kept", measure::share_kept(1.0 - number(&case["clean"]), &scores), &case["kept"]);
        for (place, (own, theirs)) in model.iter().zip(&reference).enumerate() {
            let error = measure::corruption_error(&own.corrupted, &theirs.corrupted);
            same_or_absent("CE", error.ok(), &case["ce"][place]);
            let relative = measure::relative_corruption_error(own, theirs);
            same_or_absent("relative CE", relative.ok(), &case["relative_ce"][place]);
        }
        same_or_absent("mCE", measure::mean_corruption_error(&model, &reference).ok(), &case["mce"]);
        let relative = measure::mean_relative_corruption_error(&model, &reference);
        same_or_absent("relative mCE", relative.ok(), &case["relative_mce"]);
    }
}

#[test]
fn areas_under_noise_are_scipy_s() {
    for case in cases("robustness") {
        let (model, baseline) = (points(&case["model"]), points(&case["baseline"]));
        let relative = measure::relative_robustness(&model).unwrap();
        same("area", relative.area, &case["area"]);
        same("area by clean score", relative.area_by_clean, &case["area_by_clean"]);
        same("effective", measure::effective_robustness(&model, &baseline).unwrap(), &case["effective"]);
    }
    for case in cases("snr") {
        let ours = measure::snr_keeping_most(&points(&case["points"]), number(&case["clean"]));
        same_or_absent("snr", ours.ok(), &case["snr_db"]);
    }
}

#[test]
fn quantization_is_compared_as_scipy_does() {
    for case in cases("quantization") {
        let ours = measure::quantization_agreement(&matrix(&case["fp32"]), &matrix(&case["int8"])).unwrap();
        same_figure("top-1", &ours.top1, &case["top1"]);
        same("mean divergence", ours.mean_kl_nats, &case["mean"]);
        same("worst divergence", ours.worst_kl_nats, &case["worst"]);
        assert_eq!(ours.worst_sample, index(&case["worst_sample"]));
    }
    for case in cases("divergence") {
        same("divergence", measure::kl_divergence(&numbers(&case["p"]), &numbers(&case["q"])).unwrap(), &case["nats"]);
    }
}

#[test]
fn stability_is_numpy_s_histogram_s() {
    for case in cases("stability") {
        let baseline = measure::StabilityBaseline::of(&numbers(&case["baseline"]), index(&case["bins"])).unwrap();
        all_same("borders", &baseline.borders, &case["borders"]);
        assert_eq!(serde_json::to_value(&baseline.counts).unwrap(), case["counts"]);
        same("psi", baseline.index(&numbers(&case["live"])).unwrap(), &case["psi"]);
    }
}

#[test]
fn energy_distances_are_scipy_s() {
    for case in cases("energy") {
        let (first, second) = (vectors(&case["first"]), vectors(&case["second"]));
        same("energy", measure::energy_distance(&first, &second).unwrap(), &case["energy"]);
        let deals: Vec<Vec<usize>> = case["deals"].as_array().unwrap().iter().map(indices).collect();
        let test = measure::energy_test(&first, &second, index(&case["block"]), &deals).unwrap();
        same("energy of whole blocks", test.distance, &case["whole"]);
        same("p", test.p_value, &case["p"]);
    }
}

#[test]
fn contributions_are_those_of_all_orders() {
    for case in cases("shapley") {
        let ours = measure::shapley(&numbers(&case["values"])).unwrap();
        all_same("contribution", &ours, &case["contributions"]);
        let shares = measure::contribution_shares(&ours);
        match &shares {
            Some(shares) => all_same("share", shares, &case["shares"]),
            None => assert_eq!(case["shares"], Value::Null),
        }
        same_or_absent("imbalance", shares.and_then(|shares| measure::imbalance(&shares)), &case["imbalance"]);
    }
    for case in cases("perceptual") {
        let ours = measure::perceptual_score(number(&case["score"]), &numbers(&case["permuted"])).unwrap();
        same("absolute", ours.absolute, &case["absolute"]);
        same("normalised", ours.normalised, &case["normalised"]);
    }
}

#[test]
fn maps_are_ordered_and_judged_as_defined() {
    for case in cases("map") {
        let map = numbers(&case["map"]);
        assert_eq!(measure::map_order(&map), Some(indices(&case["order"])));
        let region = |edges: &Value| measure::Region {
            left: number(&edges[0][0]),
            right: number(&edges[0][1]),
            top: number(&edges[1][0]),
            bottom: number(&edges[1][1]),
        };
        let regions: Vec<_> = case["boxes"].as_array().unwrap().iter().map(region).collect();
        assert_eq!(measure::pointing_hit(&map, index(&case["columns"]), &regions), case["hit"].as_bool());
    }
    for case in cases("share_area") {
        same("area", measure::area_over_share(&points(&case["points"])).unwrap(), &case["area"]);
    }
    for case in cases("interpretability") {
        let ours = measure::interpretability(&numbers(&case["map"]), &numbers(&case["random"]));
        same("interpretability", ours.unwrap(), &case["figure"]);
    }
}

#[test]
fn groups_and_cells_are_ranked_as_defined() {
    for case in cases("diversity") {
        let ours = measure::diversity(&slices(&case["cells"]));
        assert_eq!(ours.covered, case["covered"].as_u64().unwrap());
        same_figure("evenness", &ours.evenness, &case["evenness"]);
        same_figure("diversity", &ours.figure, &case["figure"]);
        assert_eq!(ours.figure.figure().unwrap().n, case["n"].as_u64().unwrap());
    }
    for case in cases("gap") {
        let ours = measure::group_gap(&slices(&case["groups"]));
        assert_eq!(ours.worst.unwrap().name, case["worst"].to_string());
        assert_eq!(ours.best.unwrap().name, case["best"].to_string());
        same_figure("worst / best", &ours.ratio, &case["ratio"]);
        assert_eq!(ours.unranked.len(), index(&case["unranked"]));
    }
}

#[test]
fn a_scorecard_is_numpy_s_average() {
    for case in cases("scorecard") {
        let rows: Vec<Measured> = matrix(&case["rows"]).iter().map(|ends| figure(ends)).collect();
        let row = |place: usize| ScorecardRow::new("figure", rows[place].clone());
        let weight = |place: usize| number(&case["weights"][place]);
        let card = Scorecard::new(by_dimension(row), by_dimension(weight));
        same_figure("total", &card.total, &case["total"]);
    }
    for case in cases("efficiency") {
        let budgeted = |part: &Vec<f64>| measure::Budgeted {
            name: "part".to_owned(),
            budget: Some(part[0]),
            measured: figure(&part[1..]),
        };
        let ours = measure::efficiency(matrix(&case["parts"]).iter().map(budgeted).collect());
        same_figure("efficiency", &ours.figure, &case["efficiency"]);
    }
}
