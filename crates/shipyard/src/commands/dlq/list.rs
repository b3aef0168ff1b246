//! `dlq list`: a line for each letter.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::{clock, kafka};

use super::{Found, Post, State};
use operations::dead_letter_journal::Entry;

pub async fn list(post: &Post, topic: Option<&str>, all: bool) -> anyhow::Result<()> {
    let letters = post.letters(topic).await?;
    let count = |like: fn(&State) -> bool| letters.iter().filter(|found| like(&found.state)).count();
    let shown: Vec<_> = letters.iter().filter(|found| all || found.state == State::Waiting).collect();
    if !shown.is_empty() {
        println!("{:<28} {:>10}  {:<9} {:<26} {:<36} {:<34} WHY", "LETTER", "SINCE", "STATE", "WHAT", "KEY", "WHO");
    }
    for Found { letter, state } in shown {
        let (state, by) = match state {
            State::Waiting => ("waiting", String::new()),
            State::Replayed(entry) => ("replayed", entry.as_ref().map(by).unwrap_or_default()),
            State::Discarded(entry) => ("discarded", by(entry)),
        };
        println!(
            "{:<28} {:>10}  {:<9} {:<26} {:<36} {:<34} {} ({} attempts){by}",
            letter.id,
            ago(letter.at, clock::now()),
            state,
            some(letter.header("event-type")),
            some(&String::from_utf8_lossy(&letter.message.key)),
            some(letter.header(kafka::HEADER_GROUP)),
            some(letter.header(kafka::HEADER_ERROR)),
            some(letter.header(kafka::HEADER_ATTEMPTS)),
        );
    }
    println!(
        "{} letters wait, {} have been replayed, {} discarded",
        count(|state| *state == State::Waiting),
        count(|state| matches!(state, State::Replayed(_))),
        count(|state| matches!(state, State::Discarded(_))),
    );
    Ok(())
}

/// Who has dealt with a letter, when and why.
fn by(entry: &Entry) -> String {
    let (who, ago) = (some(&entry.who), ago(entry.at, clock::now()));
    if entry.why.is_empty() { format!("; by {who} {ago}") } else { format!("; by {who} {ago}: {}", some(&entry.why)) }
}

/// What is not there is a dash; what would break the line does not.
fn some(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(char::is_control, " ") }
}

/// In the largest unit that fits: `3m ago`.
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
    fn an_age_is_told_in_its_largest_unit() {
        let now = DateTime::UNIX_EPOCH + Duration::from_hours(100);
        let told = |seconds| ago(now - Duration::from_secs(seconds), now);

        assert_eq!(
            [told(0), told(59), told(60), told(7_200), told(200_000)],
            ["now", "59s ago", "1m ago", "2h ago", "2d ago"]
        );
    }

    #[test]
    fn no_text_breaks_a_line() {
        assert_eq!(some("a\nb\u{1b}[0m"), "a b [0m");
        assert_eq!(some(""), "-");
    }
}
