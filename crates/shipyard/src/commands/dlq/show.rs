//! `dlq show`: one dead letter in full.

use operations::{
    dead_letter_queue::{DeadLetterQueue, Found, State, payload, shown},
    dead_letters::Id,
};
use platform::kafka::Message;

pub async fn show(queue: &DeadLetterQueue, id: &Id) -> anyhow::Result<()> {
    let Found { letter, state } = queue.letter(id).await?;
    println!("id        {id}");
    println!("since     {}", letter.at.to_rfc3339());
    match &state {
        State::Pending => println!("state     pending"),
        State::Replayed(entry) => println!("state     replayed by {} at {}", entry.who, entry.at.to_rfc3339()),
        State::Discarded(entry) => {
            let why = entry.why.escape_debug();
            println!("state     discarded by {} at {}: {why}", entry.who, entry.at.to_rfc3339());
        }
    }
    let Message { key, headers, absent, .. } = &letter.message;
    println!("key       {}", shown(Some(key.as_slice()).filter(|_| !absent.key)));
    for (name, value) in headers.iter() {
        println!("header    {}: {}", name.escape_debug(), shown(value));
    }
    println!("payload   {}", payload(&letter, &queue.topics));
    Ok(())
}
