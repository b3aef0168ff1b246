//! Progress of a run on standard error: one changing line on a terminal, otherwise a line every few seconds.

use std::{cell::Cell, io::IsTerminal as _, time::Duration};

use drive::load::Stage;
use indicatif::{ProgressBar, ProgressStyle};
use shipyard::outln;
use tokio::time::Instant;

/// The interval of lines if standard error is not a terminal.
const PRINT_INTERVAL: Duration = Duration::from_secs(5);

pub struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
    /// Standard output is reserved for the JSON report.
    is_json: bool,
    last: Cell<Instant>,
}

impl Progress {
    pub fn new(is_json: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = if is_terminal { ProgressBar::new(1) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:16} {percent:>3} %  {wide_msg}");
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, is_terminal, is_json, last: Cell::new(Instant::now()) }
    }

    pub fn count(&self, doing: &str, count: usize, all: usize) {
        let [count, all] = [count, all].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
        self.update(count, all, || format!("{doing}: {count} of {all}"));
    }

    pub fn show(&self, stage: Stage) {
        let progress = match stage {
            Stage::Preparing(made) => {
                return self.update(0, 1, || format!("making orders to pay, cancel and read: {made}"));
            }
            Stage::Measuring(progress) => progress,
        };
        let [elapsed, total] = [progress.elapsed, progress.total].map(|time| time.as_secs());
        self.update(elapsed, total, || {
            let time = |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.1}"));
            format!(
                "{elapsed:>4} of {total} s  {:.0}/s arrive, goodput {:.0}/s, p50 {} ms, p99 {} ms, {} in flight, {}",
                progress.arrivals,
                progress.goodput,
                time(progress.p50),
                time(progress.p99),
                progress.in_flight,
                if progress.is_warming_up { "warming up".to_owned() } else { format!("{} failed", progress.failed) },
            )
        });
    }

    /// Prints a permanent line that is not a result to standard error.
    pub fn note(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// Prints a permanent line of the results, to standard error if standard output is for JSON.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| if self.is_json { eprintln!("{text}") } else { outln!("{text}") });
    }

    pub fn clear(&self) {
        self.bar.set_message("");
        self.bar.set_position(0);
        if self.is_terminal {
            self.bar.finish_and_clear();
        }
    }

    fn update(&self, position: u64, length: u64, text: impl Fn() -> String) {
        if self.is_terminal {
            if self.bar.is_finished() {
                self.bar.reset();
            }
            self.bar.set_length(length);
            self.bar.set_position(position);
            self.bar.set_message(text());
        } else if self.last.get().elapsed() >= PRINT_INTERVAL {
            self.last.set(Instant::now());
            eprintln!("{}", text());
        }
    }
}
