//! Progress of a run: one changing line on a terminal, otherwise a line of text for each measurement.

use std::{io::IsTerminal as _, sync::Mutex, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::Unit;
use crate::sample::Sample;

pub struct Progress {
    line: Option<ProgressBar>,
    ratio: Mutex<String>,
    is_silent: bool,
}

impl Progress {
    pub fn start() -> Self {
        let line = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{elapsed:>8} {spinner} {wide_msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style);
            line.enable_steady_tick(Duration::from_millis(100));
            line
        });
        Self { line, ratio: Mutex::default(), is_silent: false }
    }

    pub fn silent() -> Self {
        Self { line: None, ratio: Mutex::default(), is_silent: true }
    }

    /// Sets the ratio of the following lines.
    pub fn begin(&self, ratio: &str) {
        ratio.clone_into(&mut self.ratio.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    pub fn say(&self, doing: &str) {
        if let Some(line) = &self.line {
            line.set_message(format!("{} {doing}", self.ratio()));
        }
    }

    pub fn took(&self, name: &str, unit: Unit, sample: &Sample) {
        self.tell(&format!("{:<4} {:>12} {unit:<4} {name}", self.ratio(), format!("{:.1}", sample.value)));
    }

    /// Prints a permanent line.
    pub fn tell(&self, text: &str) {
        match &self.line {
            Some(line) => line.println(text),
            None if self.is_silent => {}
            None => eprintln!("{text}"),
        }
    }

    pub fn end(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }

    fn ratio(&self) -> String {
        self.ratio.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
