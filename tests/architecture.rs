//! Who may use whom, held: the workspace's crates depend on each other one way, and two crates alone name tract.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Every crate of the workspace, and those that it may use.
const ALLOWED: [(&str, &[&str]); 6] = [
    ("edgeval-wire", &[]),
    ("edgeval-measure", &[]),
    ("edgeval-int8", &[]),
    ("edgeval-models", &["edgeval-int8"]),
    ("edgeval-calibration", &["edgeval-models", "edgeval-measure"]),
    ("edgeval", &["edgeval-wire", "edgeval-measure", "edgeval-models", "edgeval-calibration"]),
];

/// Normal dependencies (not those of tests) of every crate in the workspace, by name.
fn dependencies() -> Edges {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(|package| (text(&package["name"]), normal_dependencies(package))).collect()
}

fn normal_dependencies(package: &serde_json::Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap();
    all.iter().filter(|dependency| dependency["kind"].is_null()).map(|dependency| text(&dependency["name"])).collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn crates_use_each_other_one_way() {
    let edges = dependencies();
    let known: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(edges.keys().map(String::as_str).collect::<BTreeSet<_>>(), known, "a crate that this test doesn't know");
    for (name, allowed) in ALLOWED {
        for used in edges[name].iter().filter(|used| used.starts_with("edgeval")) {
            assert!(allowed.contains(&used.as_str()), "{name} may not use {used}");
        }
    }
}

#[test]
fn two_crates_name_tract() {
    for (name, used) in dependencies() {
        let names_tract = used.iter().any(|dependency| dependency.starts_with("tract"));
        assert_eq!(names_tract, ["edgeval-int8", "edgeval-models"].contains(&name.as_str()), "{name}");
    }
}
