//! The dashboards' files are those that the program writes, and each panel has a unit, a description and a link.

use std::{collections::BTreeSet, fs, path::Path};

use dashboards::{ALL, Dashboard, FOLDER, Link};

#[test]
fn the_files_are_those_that_the_program_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    let files: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();

    assert_eq!(files, ALL.map(Dashboard::file).into());
    for dashboard in ALL {
        let file = fs::read_to_string(folder.join(dashboard.file())).unwrap();
        assert!(file == dashboard.json(), "{} differs: run `cargo run -p dashboards`", dashboard.file());
    }
}

#[test]
fn every_panel_has_a_unit_and_a_description_and_leads_one_step_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let operations = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let is_kept = |letter: &char| letter.is_alphanumeric() || [' ', '-'].contains(letter);
    let headings =
        operations.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let headings: BTreeSet<String> = headings
        .map(|line| line.to_lowercase().chars().filter(is_kept).collect::<String>().replace(' ', "-"))
        .collect();
    let uids: BTreeSet<&str> = ALL.iter().map(|dashboard| dashboard.uid).collect();

    for dashboard in ALL {
        let titles: BTreeSet<&str> = dashboard.panels.iter().map(|panel| panel.title).collect();
        assert_eq!(titles.len(), dashboard.panels.len(), "{}: two panels have one title", dashboard.uid);
        for panel in dashboard.panels {
            let shown = format!("{}: {}", dashboard.uid, panel.title);
            assert!(!panel.unit.is_empty() && !panel.queries.is_empty(), "{shown}");
            assert!(panel.title.len() > 5 && panel.description.ends_with('.'), "{shown}");
            match panel.link {
                Link::Dashboard(uid) => assert!(uids.contains(uid) && uid != dashboard.uid, "{shown}: {uid}"),
                Link::Runbook(heading) => assert!(headings.contains(heading), "{shown}: {heading}"),
                Link::Traces => {}
            }
        }
    }
    let traces = ALL.iter().flat_map(|dashboard| dashboard.panels).filter(|panel| matches!(panel.link, Link::Traces));
    assert!(traces.count() > 0, "no panel leads to a trace");
}
