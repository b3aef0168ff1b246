//! The texts of the pages for the values of the contracts. A value without an entry is shown as it is.

use super::step_view::{Meaning, StepView};
use crate::model::event::{self, Words};

impl StepView {
    pub fn title(&self) -> String {
        title(self)
    }

    pub fn sentence(&self) -> String {
        sentence(self)
    }

    pub fn class(&self) -> &'static str {
        meaning(self).class()
    }
}

/// The name of a state or event, short enough for the drawing.
fn title(step: &StepView) -> String {
    let title = event_words(step).map(|words| words.title).or_else(|| event::state_title(&step.service, &step.name));
    title.map_or_else(|| spaced(&step.name), str::to_owned)
}

/// Returns the type of an event as words: `ShipAssembled` is "Ship assembled". Other names stay as they are.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && words.ends_with(|before: char| before.is_ascii_lowercase()) {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

fn event_words(step: &StepView) -> Option<Words> {
    event::words(&step.name, |member| step.member(member))
}

/// What a step means, for a reader who does not know the system.
fn sentence(step: &StepView) -> String {
    if step.is_repeat {
        let readers = step.readers();
        return format!(
            "The same event was published again. It has the same id, so {readers} did nothing a second time."
        );
    }
    let what = match step.name.as_str() {
        "PENDING_PAYMENT" => "The shop waits for the payment.",
        _ => event_words(step).map_or("", |words| words.sentence),
    };
    what.to_owned()
}

fn meaning(step: &StepView) -> Meaning {
    let status = step.member("status").unwrap_or(&step.name);
    let is_trouble = matches!(status, "FAILED" | "INSUFFICIENT_FUNDS" | "DECLINED" | "CANCELLED" | "DEAD_LETTER")
        || matches!(step.name.as_str(), "OrderCancelled" | "AssemblyFailed");
    if is_trouble {
        return Meaning::Trouble;
    }
    service(&step.service).map_or(Meaning::Plain, |(_, _, meaning)| meaning)
}

/// The services of an order's events: what each does for the order, and the meaning of its steps.
const SERVICES: &[(&str, &str, Meaning)] = &[
    ("order", "keeps your order", Meaning::Plain),
    ("payment", "takes the money", Meaning::Money),
    ("inventory", "has the parts", Meaning::Goods),
    ("assembly", "builds the ship", Meaning::Goods),
    ("delivery", "carries it to you", Meaning::Goods),
    ("notification", "sends you messages", Meaning::Messages),
];

fn service(name: &str) -> Option<(&'static str, &'static str, Meaning)> {
    SERVICES.iter().copied().find(|(service, ..)| *service == name)
}

/// What a service does for an order.
pub fn role(name: &str) -> &'static str {
    service(name).map_or("", |(_, role, _)| role)
}

pub fn order(status: &str) -> &str {
    match status {
        "PENDING_PAYMENT" => "Waiting for payment",
        "PAID" => "Paid, being built",
        "ASSEMBLED" => "Built",
        "CANCELLED" => "Cancelled",
        other => other,
    }
}

/// Why an order was cancelled: the name of a `CancelReason`, with or without its prefix.
pub fn cancellation(reason: &str) -> &'static str {
    match reason.strip_prefix("CANCEL_REASON_").unwrap_or(reason) {
        "BY_USER" => "You cancelled it.",
        "PAYMENT_DEADLINE" => "It was not paid in time.",
        "ASSEMBLY_FAILED" => "The ship could not be built. Your money is on its way back.",
        "OUT_OF_STOCK" => "The shop ran out of a part.",
        _ => "",
    }
}

pub fn delivery(status: &str) -> &str {
    event::delivery(status).map_or(status, |(title, _)| title)
}

pub fn payment(status: &str) -> &str {
    event::payment(status).unwrap_or(status)
}

pub fn method(method: &str) -> &str {
    match method {
        "CARD" => "Card",
        "SBP" => "Fast payment (SBP)",
        "CREDIT_CARD" => "Credit card",
        "INVESTOR_MONEY" => "My balance",
        other => other,
    }
}

pub fn identity(status: &str) -> &str {
    match status {
        "KYC_PENDING" => "Being checked",
        "VERIFIED" => "Verified",
        "REJECTED" => "Not accepted",
        "ERASED" => "Erased",
        other => other,
    }
}

pub fn loan(status: &str) -> &str {
    match status {
        "held" => "Waits for your identity check",
        "crediting" => "Being credited",
        "credited" => "Credited to your balance",
        "refused" => "Refused",
        other => other,
    }
}

pub fn category(category: &str) -> &'static str {
    match category {
        "engine" => "Engines",
        "fuel" => "Fuel",
        "porthole" => "Portholes",
        "wing" => "Wings",
        _ => "Other parts",
    }
}

pub fn action(action: &str) -> &str {
    match action {
        "audit" => "Audit",
        "courier" => "Courier added",
        "discard" => "Dead letters discarded",
        "kyc-rollback" => "Identity check withdrawn",
        "replay" => "Dead letters replayed",
        "restock" => "Restocked",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn an_event_without_words_of_its_own_has_those_of_its_type() {
        for (name, words) in [("ShipAssembled", "Ship assembled"), ("PENDING_PAYMENT", "PENDING_PAYMENT"), ("", "")] {
            assert_eq!(spaced(name), words);
        }
    }
}
