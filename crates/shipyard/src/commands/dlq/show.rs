//! `dlq show`: one dead letter in full.

use operations::{
    dead_letter_queue::{DeadLetterQueue, Found, State, payload, shown},
    dead_letters::Id,
};
use platform::kafka::Message;

pub async fn show(queue: &DeadLetterQueue, id: &Id) -> anyhow::Result<()> {
    let Found { letter, state } = queue.letter(id).await?;
    outln!("id        {id}");
    outln!("since     {}", letter.at.to_rfc3339());
    match &state {
        State::Pending => outln!("state     pending"),
        State::Replayed(entry) => {
            outln!("state     replayed by {} at {}", entry.decided_by.as_str(), entry.at.to_rfc3339());
        }
        State::Discarded(entry) => {
            let why = entry.why.escape_debug();
            outln!("state     discarded by {} at {}: {why}", entry.decided_by.as_str(), entry.at.to_rfc3339());
        }
    }
    let Message { key, headers, absent, .. } = &letter.message;
    outln!("key       {}", shown(Some(key.as_slice()).filter(|_| !absent.key)));
    for (name, value) in headers.iter() {
        outln!("header    {}: {}", name.escape_debug(), shown(value));
    }
    outln!("payload   {}", payload(&letter, &queue.topics));
    Ok(())
}
