//! `lab bench`: a quick measurement of one ratio.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bench::{command, lab::Lab, ratios, rounds::Effort};

fn lab(program: PathBuf, data: &Path) -> Lab {
    let effort = Effort { rounds: 1, time: Duration::from_secs(1), customers: 100 };
    Lab::new(program, data, effort).expect("the directory is free")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_one_ratio_has_its_figures() {
    let data = tempfile::tempdir().unwrap();

    let lab = lab(env!("CARGO_BIN_EXE_lab").into(), &data.path().join("bench"));
    let report = command::each(&lab, &ratios::chosen(&["P2".to_owned()]).expect("P2 is a ratio")).await;
    lab.stop().await;
    let report = match report {
        Ok(report) => report,
        // The benchmark needs Kafka in a container, and says so without a container engine.
        Err(error) => {
            let problem = format!("{error:#}");
            assert!(problem.contains("the benchmark needs"), "{problem}");
            assert!(servers::kafka::container::available().await.is_err(), "{problem}");
            return;
        }
    };

    assert_eq!(report.problem(), None);
    let row = &report.rows[0];
    assert_eq!((row.id, row.values.len(), row.figures.len()), ("P2", 1, 3));
    assert!(row.ratio > 0.0 && row.figures.iter().all(|figure| figure.median > 0.0), "{row:?}");
    assert!(report.to_string().contains("| P2 | Whoami ÷ L |"));
}
