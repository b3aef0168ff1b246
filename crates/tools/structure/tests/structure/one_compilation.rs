//! `cargo build`, `cargo run` and `cargo test` at the root share artefacts: each crate is compiled once, not again for
//! the tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

use crate::tree::root;

/// The features of each crate as a dependency, by package, target and platform.
type Features = BTreeMap<[String; 3], BTreeSet<Vec<String>>>;

fn features(command: &[&str]) -> Features {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    // Only with this variable, stable cargo prints what it would compile.
    let output = Command::new(cargo)
        .args(command)
        .args(["--locked", "--unit-graph", "-Zunstable-options"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let graph: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut features = Features::new();
    for unit in graph["units"].as_array().expect("a list").iter().filter(|unit| unit["mode"] == "build") {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of = [text(&unit["pkg_id"]), text(&unit["target"]["kind"][0]), text(&unit["platform"])];
        let with = unit["features"].as_array().expect("a list").iter().map(text).collect();
        features.entry(of).or_default().insert(with);
    }
    features
}

#[test]
fn the_programs_and_the_tests_compile_each_crate_with_the_same_features() {
    let tests = features(&["test", "--no-run"]);
    let programs = [["build", "--bin", "shipyard"], ["build", "--bin", "lab"]].map(|program| features(&program));

    let differ: Vec<_> = programs.iter().flatten().filter(|(of, with)| !tests[*of].is_superset(with)).collect();

    assert!(programs.iter().all(|program| !program.is_empty()));
    assert!(
        differ.is_empty(),
        "these are compiled twice, and so is all that depends on them; turn on in crates/tools/testkit/Cargo.toml what only a \
         dev-dependency turns on: {differ:#?}"
    );
}
