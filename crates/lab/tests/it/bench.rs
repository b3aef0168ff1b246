//! `lab bench`: a quick measurement of one ratio, and the error if nothing can be measured.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bench::{
    command,
    lab::Lab,
    ratios,
    report::{Progress, Report},
    rounds::Effort,
};
use tokio::process::Command;

fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_lab").into()
}

fn lab(program: PathBuf, data: &Path) -> Lab {
    let effort = Effort { rounds: 1, time: Duration::from_secs(1), customers: 100 };
    Lab::new(program, data, effort, Progress::silent()).expect("the directory is free")
}

/// Runs P2 and returns the report. The benchmark needs Kafka in a container: without a container engine it must report
/// that, and this returns `None`.
async fn look(program: PathBuf, data: &Path) -> Option<Report> {
    let lab = lab(program, data);
    let report = command::each(&lab, &ratios::chosen(&["P2".to_owned()]).expect("P2 is a ratio")).await;
    lab.stop().await;
    match report {
        Ok(report) => Some(report),
        Err(error) => {
            let problem = format!("{error:#}");
            assert!(problem.contains("the benchmark needs"), "{problem}");
            assert!(servers::kafka::container::available().await.is_err(), "{problem}");
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_one_ratio_has_its_figures() {
    let data = tempfile::tempdir().unwrap();

    let Some(report) = look(program(), &data.path().join("bench")).await else { return };

    assert_eq!(report.problem(), None);
    let row = &report.rows[0];
    assert_eq!((row.id, row.rounds, row.figures.len()), ("P2", 1, 3));
    assert!(row.ratio > 0.0 && row.figures.iter().all(|figure| figure.median > 0.0), "{row:?}");
    assert!(report.settings.iter().any(|(name, value)| name == "PostgreSQL" && value.contains("fsync on")));
    assert!(report.markdown().unwrap().contains("| P2 | Whoami ÷ L |"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_does_not_start_is_an_error_with_its_last_words_and_no_row() {
    let data = tempfile::tempdir().unwrap();

    let Some(report) = look("/bin/false".into(), &data.path().join("bench")).await else { return };

    assert!(report.rows.is_empty() && report.markdown().is_err());
    let problem = report.problem().unwrap();
    assert!(problem.starts_with("not measured: P2: starting the shop: it ended"), "{problem}");
}

#[tokio::test]
async fn without_docker_it_says_what_it_needs() {
    let data = tempfile::tempdir().unwrap();
    let run = Command::new(program())
        .args(["bench", "--only", "P2", "--data"])
        .arg(data.path().join("bench"))
        // An empty PATH hides docker; system programs are found without it.
        .env("PATH", data.path())
        .output();

    let output = run.await.unwrap();

    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{error}");
    assert!(error.contains("the benchmark needs"), "{error}");
}

#[tokio::test]
async fn an_unknown_ratio_is_refused_before_anything_is_started() {
    let output = Command::new(program()).args(["bench", "--only", "P99"]).output().await.unwrap();

    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.starts_with("there is no ratio `P99`"), "{error}");
}
