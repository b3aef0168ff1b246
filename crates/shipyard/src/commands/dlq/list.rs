//! `dlq list`: one line per dead letter.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::{clock, kafka};
use serde::Serialize;

use crate::output;
use operations::dead_letter_queue::{DeadLetterQueue, Found, State};

#[derive(Serialize)]
struct Line {
    id: String,
    at: DateTime<Utc>,
    state: &'static str,
    event_type: String,
    key: String,
    /// The consumer group that failed to handle the message.
    consumer: String,
    error: String,
    attempts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<Resolved>,
}

/// Who resolved a letter, when and why.
#[derive(Serialize)]
struct Resolved {
    by: String,
    at: DateTime<Utc>,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl Line {
    fn new(Found { letter, state }: &Found) -> Self {
        let (state, entry) = match state {
            State::Pending => ("pending", None),
            State::Replayed(entry) => ("replayed", Some(entry)),
            State::Discarded(entry) => ("discarded", Some(entry)),
        };
        let header = |name| letter.header(name).to_owned();
        Self {
            id: letter.id.to_string(),
            at: letter.at,
            state,
            event_type: letter.message.headers.get(kafka::HEADER_EVENT_TYPE).unwrap_or_default().to_owned(),
            key: String::from_utf8_lossy(&letter.message.key).into_owned(),
            consumer: header(kafka::HEADER_GROUP),
            error: header(kafka::HEADER_ERROR),
            attempts: header(kafka::HEADER_ATTEMPTS),
            resolved: entry.map(|entry| Resolved {
                by: entry.decided_by.as_str().to_owned(),
                at: entry.at,
                why: entry.why.clone(),
            }),
        }
    }
}

/// Prints the pending letters, or all.
pub async fn list(queue: &DeadLetterQueue, topic: Option<&str>, all: bool, json: bool) -> anyhow::Result<()> {
    let letters = queue.letters(topic).await?;
    let lines: Vec<Line> = letters.iter().filter(|found| all || found.state == State::Pending).map(Line::new).collect();
    if json {
        return output::json(&lines);
    }
    let count = |like: fn(&State) -> bool| letters.iter().filter(|found| like(&found.state)).count();
    if !lines.is_empty() {
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
    for line in lines {
        outln!(
            "{:<28} {:>10}  {:<9} {:<26} {:<36} {:<34} {} ({} attempts){}",
            line.id,
            ago(line.at, clock::now()),
            line.state,
            or_dash(&line.event_type),
            or_dash(&line.key),
            or_dash(&line.consumer),
            or_dash(&line.error),
            or_dash(&line.attempts),
            line.resolved.as_ref().map(by).unwrap_or_default(),
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

fn by(Resolved { by, at, why }: &Resolved) -> String {
    let (who, ago) = (or_dash(by), ago(*at, clock::now()));
    if why.is_empty() { format!("; by {who} {ago}") } else { format!("; by {who} {ago}: {}", or_dash(why)) }
}

/// Replaces an empty text by a dash, and control characters, which would break the line, by spaces.
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
