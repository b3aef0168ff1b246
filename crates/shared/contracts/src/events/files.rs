//! Checks the parts of other files that repeat the catalogue: the variable of each topic, and the page of events.
//! `UPDATE_TOPICS=1 cargo test -p contracts` writes them.

use std::{env, fmt::Write as _, fs, path::Path};

use super::{INBOUND, Key, ROUTES, Topics};

/// How the names of the topics' variables end.
const ENDING: &str = "_TOPIC_NAME";

#[test]
fn the_example_and_compose_have_the_variable_of_each_topic() {
    let topics = Topics::default();
    check(".env.example", |text| {
        rewritten(text, topics.variables().map(|(variable, name)| format!("# {variable}={name}")))
    });
    check("deploy/compose/base.yaml", |text| {
        rewritten(text, topics.variables().map(|(variable, _)| format!("  {variable}: ${{{variable}-}}")))
    });
}

#[test]
fn the_page_of_events_has_each_event_and_each_topic_of_programs_outside() {
    check("docs/events.md", |text| {
        let mut tables = [events(), inbound()].into_iter();
        let others = text.lines().filter(|line| !line.starts_with("| `"));
        let with_rows = others.map(|line| {
            let rows = if line.starts_with("|---") { tables.next().unwrap_or_default() } else { String::new() };
            format!("{line}\n{rows}")
        });
        with_rows.collect()
    });
}

/// The rows of the events that this system publishes.
fn events() -> String {
    let topics = Topics::default();
    ROUTES.iter().fold(String::new(), |mut rows, route| {
        let name = route.kind.rsplit('.').next().unwrap_or(route.kind);
        let key = match route.key {
            Key::Order => "order",
            Key::Customer => "customer",
            Key::User => "user",
        };
        let consumers = route.consumers.iter().map(|consumer| {
            let service = consumer.service;
            format!("[{service}](../crates/services/{service}/src/consumers/{}.rs)", snake_case(name))
        });
        let consumers = consumers.collect::<Vec<_>>().join(", ");
        let (topic, producer) = (route.topic(&topics), route.producer);
        let _ = writeln!(rows, "| `{name}` | `{topic}` | {key} | {producer} | {consumers} |");
        rows
    })
}

/// The rows of the topics that outside programs write.
fn inbound() -> String {
    let topics = Topics::default();
    INBOUND.iter().fold(String::new(), |mut rows, inbound| {
        let (topic, outside, consumer) = (inbound.topic(&topics), inbound.outside, inbound.consumer);
        let also = inbound.producer.map(|producer| format!(", {producer}")).unwrap_or_default();
        let _ = writeln!(rows, "| `{topic}` | `{outside}`{also} | {}, `{}` |", consumer.service, consumer.group);
        rows
    })
}

fn snake_case(name: &str) -> String {
    let separated = name.char_indices().map(|(at, letter)| {
        let before = if letter.is_uppercase() && at > 0 { "_" } else { "" };
        format!("{before}{}", letter.to_ascii_lowercase())
    });
    separated.collect()
}

/// Compares a file with the result of `rewrite` for its text. With `UPDATE_TOPICS`, writes the result instead.
fn check(file: &str, rewrite: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..").join(file);
    let text = fs::read_to_string(&path).expect("the file is part of the repository");
    let expected = rewrite(&text);
    if env::var_os("UPDATE_TOPICS").is_some() {
        fs::write(&path, expected).expect("the file can be written");
    } else {
        assert!(
            text == expected,
            "{file} differs from the catalogue; UPDATE_TOPICS=1 cargo test -p contracts writes it"
        );
    }
}

/// Replaces the lines that contain a topic's variable by `lines`, at the place of the first one.
fn rewritten(text: &str, lines: impl Iterator<Item = String>) -> String {
    let is_other = |line: &&str| !line.contains(ENDING);
    let before = text.lines().take_while(is_other).map(str::to_owned);
    let after = text.lines().skip_while(is_other).filter(is_other).map(str::to_owned);
    before.chain(lines).chain(after).map(|line| line + "\n").collect()
}
