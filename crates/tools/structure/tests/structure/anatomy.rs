//! The anatomy of a service, and the lengths of files.

use crate::tree::{crates, read, services, shown};

/// The modules that every service has, as a file or as a folder; with a database, also `repository`. Others, such as
/// `jobs` and `consumers`, are not required: no file exists only because another service has it.
const ROOMS: [&str; 6] = ["app", "config", "error", "model", "service", "api"];
const MAX_LINES: usize = 300;
/// The number of lines that a service's composition root may have.
const MAX_APP_LINES: usize = 80;

#[test]
fn every_service_has_the_same_rooms() {
    for service in services() {
        let source = service.folder.join("src");
        let stored = service.has_database().then_some("repository");
        let lacks = |room: &&str| !source.join(room).is_dir() && !source.join(format!("{room}.rs")).exists();
        let missing: Vec<_> = ROOMS.into_iter().chain(stored).filter(lacks).collect();

        assert!(
            missing.is_empty(),
            "{} lacks {missing:?} (a file or a folder of that name in src); ARCHITECTURE.md shows the anatomy",
            service.name
        );
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
                _ => MAX_LINES,
            };
            if lines > most {
                long.push(format!("{}: {lines} lines, at most {most}", shown(&file)));
            }
        }
    }

    assert!(long.is_empty(), "split these by idea, a file each:\n{}", long.join("\n"));
}
