//! `dlq list`: one line per dead letter.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::{clock, kafka};

use operations::dead_letter_journal::Entry;
use operations::dead_letter_queue::{DeadLetterQueue, Found, State};

pub async fn list(queue: &DeadLetterQueue, topic: Option<&str>, all: bool) -> anyhow::Result<()> {
    let letters = queue.letters(topic).await?;
    let count = |like: fn(&State) -> bool| letters.iter().filter(|found| like(&found.state)).count();
    let shown: Vec<_> = letters.iter().filter(|found| all || found.state == State::Pending).collect();
    if !shown.is_empty() {
        outln!(
            "{:<28} {:>10}  {:<9} {:<26} {:<36} {:<34} ERROR",
            "DEAD LETTER",
            "SINCE",
            "STATE",
            "EVENT",
            "KEY",
            "CONSUMER"
        );
    }
    for Found { letter, state } in shown {
        let (state, by) = match state {
            State::Pending => ("pending", String::new()),
            State::Replayed(entry) => ("replayed", by(entry)),
            State::Discarded(entry) => ("discarded", by(entry)),
        };
        outln!(
            "{:<28} {:>10}  {:<9} {:<26} {:<36} {:<34} {} ({} attempts){by}",
            letter.id,
            ago(letter.at, clock::now()),
            state,
            or_dash(letter.header("event-type")),
            or_dash(&String::from_utf8_lossy(&letter.message.key)),
            or_dash(letter.header(kafka::HEADER_GROUP)),
            or_dash(letter.header(kafka::HEADER_ERROR)),
            or_dash(letter.header(kafka::HEADER_ATTEMPTS)),
        );
    }
    outln!(
        "{} dead letters pending, {} replayed, {} discarded",
        count(|state| *state == State::Pending),
        count(|state| matches!(state, State::Replayed(_))),
        count(|state| matches!(state, State::Discarded(_))),
    );
    Ok(())
}

/// Formats who resolved a letter, when and why.
fn by(entry: &Entry) -> String {
    let (who, ago) = (or_dash(&entry.who), ago(entry.at, clock::now()));
    if entry.why.is_empty() {
        format!("; by {who} {ago}")
    } else {
        format!("; by {who} {ago}: {}", or_dash(&entry.why))
    }
}

/// Shows an empty text as a dash, and replaces control characters, which would break the line.
fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(char::is_control, " ") }
}

/// Formats an age in its largest unit: `3m ago`.
fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let age = now.signed_duration_since(at).to_std().unwrap_or(Duration::ZERO).as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let fitting = units.into_iter().find(|(seconds, _)| age >= *seconds);
    fitting.map_or_else(|| "now".to_owned(), |(seconds, unit)| format!("{}{unit} ago", age / seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_shown_in_its_largest_unit() {
        let now = DateTime::UNIX_EPOCH + Duration::from_hours(100);
        let told = |seconds| ago(now - Duration::from_secs(seconds), now);

        assert_eq!(
            [told(0), told(59), told(60), told(7_200), told(200_000)],
            ["now", "59s ago", "1m ago", "2h ago", "2d ago"]
        );
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(or_dash("a\nb\u{1b}[0m"), "a b [0m");
        assert_eq!(or_dash(""), "-");
    }
}
