//! Numbers of a case.

use serde_json::Value;

const TOLERANCE: f64 = 1e-6;

/// A list of numbers.
pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// A list of places.
pub fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|number| usize::try_from(number.as_u64().unwrap()).unwrap()).collect()
}

/// Fails where ours isn't the reference's to 1e-6.
pub fn same(name: &str, ours: f64, reference: &Value) {
    let reference = reference.as_f64().unwrap();
    assert!((ours - reference).abs() <= TOLERANCE, "{name}: {ours}, the reference says {reference}");
}
