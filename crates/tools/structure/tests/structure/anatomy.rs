//! The anatomy of a service, and the lengths of files.

use std::path::Path;

use crate::tree::{crates, files, read, read_without_tests, services, shown};

/// The modules that every service has, as a file or as a folder.
const ROOMS: [&str; 6] = ["app", "config", "error", "model", "service", "api"];
/// The additional module of a service with a database. Modules for some services' work, such as `jobs` and `consumers`,
/// are not required: no file exists only because another service has it.
const ROOM_WITH_DATABASE: &str = "repository";
const MAX_LINES: usize = 300;
/// How many lines a service's composition root may have.
const MAX_APP_LINES: usize = 80;
const MAX_MAIN_LINES: usize = 15;

#[test]
fn every_service_has_the_same_rooms() {
    for service in services() {
        let source = service.folder.join("src");
        let stored = service.has_database().then_some(ROOM_WITH_DATABASE);
        let missing: Vec<_> = ROOMS.into_iter().chain(stored).filter(|room| !has(&source, room)).collect();

        assert!(
            missing.is_empty(),
            "{} lacks {missing:?} (a file or a folder of that name in src); ARCHITECTURE.md shows the anatomy",
            service.name
        );
    }
}

#[test]
fn consumed_events_have_a_file_each() {
    let events: Vec<String> = events();
    for service in services() {
        for file in files(&service.folder.join("src/consumers"), "rs") {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();

            assert!(
                name == "mod" || events.contains(&name),
                "{} is named after no event; a consumer's file has its event's name in snake case: {events:?}",
                shown(&file)
            );
        }
    }
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for one in crates() {
        for file in one.sources() {
            let lines = read(&file).lines().count();
            let most = match file.file_name().unwrap().to_str() {
                Some("app.rs") if one.is_service() => MAX_APP_LINES,
                Some("main.rs") => MAX_MAIN_LINES,
                _ => MAX_LINES,
            };
            if lines > most {
                long.push(format!("{}: {lines} lines, at most {most}", shown(&file)));
            }
        }
    }

    assert!(long.is_empty(), "split these by idea, a file each:\n{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_is() {
    let silent: Vec<String> = crates()
        .iter()
        .flat_map(crate::tree::Crate::sources)
        .filter(|file| !read_without_tests(file).starts_with("//! "))
        .map(|file| shown(&file))
        .collect();

    assert!(silent.is_empty(), "begin these with a `//!` sentence that says what the module is: {silent:?}");
}

fn has(source: &Path, room: &str) -> bool {
    source.join(room).is_dir() || source.join(format!("{room}.rs")).exists()
}

/// Returns the names of the events in snake case: the messages of `proto/events`, those of outside programs without
/// their ending, and topics, whose messages may be JSON.
fn events() -> Vec<String> {
    let proto =
        ["proto/events", "proto/basket"].map(|folder| files(&crate::tree::root().join(folder), "proto")).concat();
    let text: String = proto.iter().map(|file| read(file)).collect();
    text.lines()
        .filter_map(|line| line.strip_prefix("message ")?.split_whitespace().next().map(snake))
        .map(|name| name.trim_end_matches("_integration_event").to_owned())
        .chain(crate::events::topics().iter().map(|topic| topic.replace('.', "_")))
        .collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
