//! `dlq list` and `dlq show`: a line for each dead letter, and one letter in full.

use operations::{
    dead_letter_queue::{DeadLetterQueue, Found, State, payload, shown},
    dead_letters::Id,
};
use platform::kafka::{self, Message};

/// Prints the pending letters, or all.
pub async fn list(queue: &DeadLetterQueue, topic: Option<&str>, all: bool) -> anyhow::Result<()> {
    let letters = queue.letters(topic).await?;
    for Found { letter, state } in letters.iter().filter(|found| all || found.state == State::Pending) {
        let key = String::from_utf8_lossy(&letter.message.key);
        let kind = letter.message.headers.get(kafka::HEADER_EVENT_TYPE).unwrap_or_default();
        let [group, error, attempts] =
            [kafka::HEADER_GROUP, kafka::HEADER_ERROR, kafka::HEADER_ATTEMPTS].map(|name| or_dash(letter.header(name)));
        outln!(
            "{}  {}  {}  {}  {}  {group}  {error} ({attempts} attempts)",
            letter.id,
            letter.at.to_rfc3339(),
            told(state),
            or_dash(kind),
            or_dash(&key),
        );
    }
    let count = |like: fn(&State) -> bool| letters.iter().filter(|found| like(&found.state)).count();
    outln!(
        "{} dead letters pending, {} replayed, {} discarded",
        count(|state| *state == State::Pending),
        count(|state| matches!(state, State::Replayed(_))),
        count(|state| matches!(state, State::Discarded(_))),
    );
    Ok(())
}

pub async fn show(queue: &DeadLetterQueue, id: &Id) -> anyhow::Result<()> {
    let Found { letter, state } = queue.letter(id).await?;
    outln!("id        {id}");
    outln!("since     {}", letter.at.to_rfc3339());
    outln!("state     {}", told(&state));
    let Message { key, headers, absent, .. } = &letter.message;
    outln!("key       {}", shown(Some(key.as_slice()).filter(|_| !absent.key)));
    for (name, value) in headers.iter() {
        outln!("header    {}: {}", name.escape_debug(), shown(value));
    }
    outln!("payload   {}", payload(&letter, &queue.topics));
    Ok(())
}

/// Formats a state with who resolved the letter, when and why.
fn told(state: &State) -> String {
    let (done, row) = match state {
        State::Pending => return "pending".to_owned(),
        State::Replayed(row) => ("replayed", row),
        State::Discarded(row) => ("discarded", row),
    };
    let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why.escape_debug()) };
    format!("{done} by {} at {}{why}", or_dash(&row.decided_by), row.at.to_rfc3339())
}

/// Replaces an empty text with a dash, and control characters, which would break the line.
fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.replace(char::is_control, " ") }
}
