//! Progress of an audit on standard error: one changing line on a terminal, otherwise a line per step.

use std::{io::IsTerminal as _, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use operations::audit_run::{self, OnProgress};

pub struct Progress {
    line: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    pub fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let line = if is_terminal { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{elapsed:>8} {spinner} {prefix}  {wide_msg}");
        let line = line.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { line, is_terminal }
    }

    /// A callback that shows the progress.
    pub fn shown(&self) -> OnProgress {
        let (line, is_terminal) = (self.line.clone(), self.is_terminal);
        Arc::new(move |progress| match progress {
            audit_run::Progress::Begun { step } => {
                line.reset_elapsed();
                line.set_prefix(step);
                line.set_message("");
                line.enable_steady_tick(Duration::from_millis(100));
            }
            audit_run::Progress::Said { text } => line.set_message(text),
            audit_run::Progress::Ended { step, seconds, text } => {
                line.disable_steady_tick();
                let ended = format!("{seconds:>8.2} s  {step:<36}  {text}");
                if is_terminal {
                    line.println(ended.trim_end());
                } else {
                    eprintln!("{}", ended.trim_end());
                }
            }
        })
    }

    pub fn end(&self) {
        self.line.finish_and_clear();
    }
}
