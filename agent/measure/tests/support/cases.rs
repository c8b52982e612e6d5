//! Cases with the reference implementations' answers.

use serde_json::Value;

/// Cases of a kind, such as `auc` or `judgement/retrieval`: of the file that EDGEVAL_PARITY_CASES names, made just now, or those
/// recorded under `name`.
pub fn cases(name: &str, kind: &str) -> Vec<Value> {
    let path = std::env::var("EDGEVAL_PARITY_CASES").unwrap_or_else(|_| recorded(name));
    cases_of(&path, kind)
}

/// Where something is recorded.
pub fn recorded(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// There is at least one: a check of no cases would always pass.
pub fn cases_of(path: &str, kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = all.pointer(&format!("/{kind}")).and_then(Value::as_array).cloned().unwrap_or_default();
    assert!(!cases.is_empty(), "{path} has no {kind}");
    cases
}
