//! Progress of an audit on standard error: one changing line on a terminal, otherwise a line per step.

use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use operations::facts;

pub struct Progress {
    line: ProgressBar,
    terminal: bool,
}

impl Progress {
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let line = if terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{elapsed:>8}s {spinner} {prefix}  {wide_msg}");
        let line = line.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { line, terminal }
    }

    /// Runs one step, which returns its result and a remark.
    pub async fn step<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = anyhow::Result<(T, String)>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        self.line.reset_elapsed();
        self.line.set_prefix(what);
        self.line.set_message("");
        self.line.enable_steady_tick(Duration::from_millis(100));
        let outcome = work.await;
        self.line.disable_steady_tick();
        let (answer, said) = outcome.inspect_err(|_| self.end())?;
        let line = format!("{:>8.2} s  {what:<36}  {said}", begun.elapsed().as_secs_f64());
        if self.terminal {
            self.line.println(line.trim_end());
        } else {
            eprintln!("{}", line.trim_end());
        }
        Ok(answer)
    }

    /// Shows what the step is doing.
    pub fn say(&self, what: &str) {
        self.line.set_message(what.to_owned());
    }

    /// Returns a callback that shows how far topics have been read.
    pub fn of_topics(&self) -> facts::Progress {
        let line = self.line.clone();
        Arc::new(move |topic, read, all| line.set_message(format!("{topic}: {read} of {all} records")))
    }

    pub fn end(&self) {
        self.line.finish_and_clear();
    }
}
