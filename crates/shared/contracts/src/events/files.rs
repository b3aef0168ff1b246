//! The lines of other files that follow from the catalogue: the variable of each topic. `UPDATE_TOPICS=1 cargo test -p contracts` writes
//! them.

use std::{env, fs, path::Path};

use super::Topics;

/// The ending of the variables.
const ENDING: &str = "_TOPIC_NAME";

#[test]
fn the_example_and_compose_have_the_variable_of_each_topic() {
    check(".env.example", |variable, name| format!("# {variable}={name}"));
    check("deploy/compose/base.yaml", |variable, _| format!("  {variable}: ${{{variable}-}}"));
}

/// Compares the lines of a file that have such a variable with those that `line` makes, or writes them.
fn check(file: &str, line: impl Fn(&str, &str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(file);
    let text = fs::read_to_string(&path).expect("the file is part of the repository");
    let topics = Topics::default();
    let expected = rewritten(&text, topics.variables().map(|(variable, name)| line(variable, name)));
    if env::var_os("UPDATE_TOPICS").is_some() {
        fs::write(&path, expected).expect("the file can be written");
    } else {
        assert!(
            text == expected,
            "{file} lacks topics of the catalogue; UPDATE_TOPICS=1 cargo test -p contracts writes it"
        );
    }
}

/// Returns the text with `lines` in place of its lines with such a variable, where the first of these is.
fn rewritten(text: &str, lines: impl Iterator<Item = String>) -> String {
    let is_other = |line: &&str| !line.contains(ENDING);
    let before = text.lines().take_while(is_other).map(str::to_owned);
    let after = text.lines().skip_while(is_other).filter(is_other).map(str::to_owned);
    before.chain(lines).chain(after).map(|line| line + "\n").collect()
}
