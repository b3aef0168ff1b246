//! The history of a run: as lines for reading, or as a hash for comparing histories.

use std::{fmt, fmt::Write as _, time::Duration};

#[derive(Clone)]
pub struct History {
    lines: Option<Vec<String>>,
    hash: u64,
    pub length: usize,
}

impl History {
    pub fn new(verbose: bool) -> Self {
        Self { lines: verbose.then(Vec::new), hash: 0xcbf2_9ce4_8422_2325, length: 0 }
    }

    pub fn add(&mut self, at: Duration, what: fmt::Arguments<'_>) {
        self.length += 1;
        let _ = write!(Hasher(&mut self.hash), "{}{what}", at.as_millis());
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10.3} {what}", at.as_secs_f64()));
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}

/// Hashes with FNV-1a, which is stable across runs.
struct Hasher<'a>(&'a mut u64);

impl fmt::Write for Hasher<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.0 = (*self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
