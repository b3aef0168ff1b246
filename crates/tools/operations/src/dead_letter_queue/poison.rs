//! Whether a dead letter is poison to every consumer, so that a replay would dead-letter it again.

use contracts::events::{
    AssemblyFailed, CustomerCreated, CustomerUpdated, DeliveryStatusUpdated, Event, INBOUND, OrderCancelled,
    OrderCreated, OrderPaid, PaymentCompleted, Published as _, ROUTES, ShipAssembled, Topics,
};
use platform::kafka::Message;

use crate::dead_letters::DeadLetter;

/// Returns why the consumers of the letter's topic cannot read the message; `None` if they can, or if the topic belongs to
/// a program outside.
pub fn still_poison(letter: &DeadLetter, topics: &Topics) -> Option<String> {
    let original = letter.original();
    let message = Message { headers: original.headers, ..letter.message.clone() };
    let mut routes =
        ROUTES.iter().filter(|route| route.topic(topics) == letter.origin() && !route.consumers.is_empty());
    routes.find_map(|route| refusal(route.kind, &message))
}

/// Returns whether programs outside write the topic, so that its messages have no types of ours.
pub fn is_from_outside(topic: &str, topics: &Topics) -> bool {
    INBOUND.iter().any(|inbound| (inbound.topic)(topics) == topic)
}

fn refusal(kind: &str, message: &Message) -> Option<String> {
    fn read<E: Event>(message: &Message) -> Option<String> {
        contracts::events::read::<E>(message).err().map(|failure| failure.to_string())
    }
    match kind {
        OrderCreated::TYPE => read::<OrderCreated>(message),
        PaymentCompleted::TYPE => read::<PaymentCompleted>(message),
        OrderPaid::TYPE => read::<OrderPaid>(message),
        OrderCancelled::TYPE => read::<OrderCancelled>(message),
        ShipAssembled::TYPE => read::<ShipAssembled>(message),
        AssemblyFailed::TYPE => read::<AssemblyFailed>(message),
        CustomerCreated::TYPE => read::<CustomerCreated>(message),
        CustomerUpdated::TYPE => read::<CustomerUpdated>(message),
        DeliveryStatusUpdated::TYPE => read::<DeliveryStatusUpdated>(message),
        _ => None,
    }
}
