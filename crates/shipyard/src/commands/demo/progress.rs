//! Progress of the demo: each step with its duration.

use std::{io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

/// Prints steps, with a spinner on a terminal.
pub struct Progress {
    terminal: bool,
    begun: Instant,
}

impl Progress {
    pub fn new() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), begun: Instant::now() }
    }

    /// Runs one step, which returns its result and a remark. An error names the step.
    pub async fn step<T>(
        &self,
        what: &str,
        work: impl Future<Output = anyhow::Result<(T, String)>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        let spinner = self.spinner(what);
        let outcome = work.await;
        if let Some(spinner) = spinner {
            spinner.finish_and_clear();
        }
        let (answer, said) = outcome.with_context(|| format!("not as the contract says: {what}"))?;
        outln!("{}", format!("{:>9}  {what:<42} {said}", elapsed(begun.elapsed())).trim_end());
        Ok(answer)
    }

    pub fn end(&self) {
        outln!("{:>9}  everything as the contract says", elapsed(self.begun.elapsed()));
    }

    fn spinner(&self, what: &str) -> Option<ProgressBar> {
        if !self.terminal {
            return None;
        }
        let style = ProgressStyle::with_template("{elapsed:>8} {spinner} {msg}").ok()?;
        let spinner = ProgressBar::new_spinner().with_style(style).with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
        Some(spinner)
    }
}

fn elapsed(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}
