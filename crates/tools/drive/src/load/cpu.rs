//! The processor time of this process: how much of a shared machine the generator takes from the shop.

use std::{fs, time::Duration};

/// The unit of these times: Linux reports hundredths of a second on every platform of Rust's standard library.
const TICKS_PER_SECOND: u64 = 100;
/// The index of `utime` in `/proc/self/stat`, after the name in brackets. `stime` follows.
const UTIME: usize = 11;

/// Returns the processor time of all threads; `None` if the system does not report it.
pub fn time() -> Option<Duration> {
    parse(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn parse(stat: &str) -> Option<Duration> {
    // The name may contain spaces and brackets.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(UTIME).map(|field| field.parse::<u64>().ok());
    let ticks = times.next()?? + times.next()??;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 31 9 9 20 0 4 0 100 1000 10\n";

        assert_eq!(parse(stat), Some(Duration::from_millis(2810)));
        assert_eq!((parse("7 (a) S 1"), parse("")), (None, None));
    }
}
