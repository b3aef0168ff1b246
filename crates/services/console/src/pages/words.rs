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
    title.unwrap_or(&step.name).to_owned()
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

/// The title and the explanation of a refusal, by its code. Without an explanation, the service's message is shown.
pub fn refusal(code: &str) -> Option<(&'static str, &'static str)> {
    let words = match code {
        "INVALID_CREDENTIALS" => ("Wrong login or password", "Check both, and try again."),
        "ALREADY_EXISTS" => {
            ("That account exists", "The login or the e-mail address is taken. Log in, or choose another.")
        }
        "INVALID_REQUEST" => ("Please check what you entered", ""),
        "PAYLOAD_TOO_LARGE" => ("That is too much at once", "The form is too large to be read."),
        "FORBIDDEN" => ("Not allowed", ""),
        "NOT_FOUND" => ("There is no such page", "The address may have a typing error."),
        "ORDER_NOT_FOUND" => ("There is no such order", "Perhaps it belongs to another account."),
        "PART_NOT_FOUND" => ("A part is gone", "The shop no longer has one of these parts. Choose another."),
        "OUT_OF_STOCK" => ("Sold out", "Some parts are no longer available in that quantity. Nothing was charged."),
        "PRICE_CHANGED" => ("A price has changed", "Look at the total again, then order."),
        "INVALID_STATUS" => ("That is no longer possible", "The order's status has changed; see below."),
        "INSUFFICIENT_FUNDS" => ("Your balance is too low", "Nothing was charged. Choose another way to pay."),
        "PAYMENT_DECLINED" => {
            ("The payment was declined", "Nothing was charged. Try again, or choose another way to pay.")
        }
        "PAYMENT_IN_PROGRESS" | "IDEMPOTENCY_IN_PROGRESS" => {
            ("It is being paid already", "Wait a moment: you are charged once, however often you pressed.")
        }
        "PAYMENT_OUTCOME_UNKNOWN" => (
            "The payment takes longer",
            "We ask until it is known. You are charged once or not at all, and need not press again.",
        ),
        "IDEMPOTENCY_KEY_REUSED" => {
            ("That was sent already", "Only the first request counts; its result is below or under My orders.")
        }
        "TOO_MANY_RESERVED" => {
            ("Your unpaid orders hold too many of a part", "Pay or cancel one of them, or order fewer of that part.")
        }
        "TOO_MANY_UNPAID_ORDERS" => ("Too many unpaid orders", "Pay one of them first, or come back tomorrow."),
        "ORDERS_OPEN" => (
            "You still have open orders",
            "Cancel those that are not paid, and wait until the others have ended. Then delete your account.",
        ),
        "TOO_MANY_REQUESTS" => ("Too many requests at once", "Try again in a moment."),
        "DEPENDENCY_UNAVAILABLE" => ("A part of the shop does not answer", ""),
        "SELF_DEALING" => ("Not in your own matter", "Another operator must decide it."),
        "CONFLICT" => ("That is not possible now", ""),
        "INTERNAL" => ("Something went wrong here", "It is our fault, and it is in our log. Try again."),
        _ => return None,
    };
    Some(words)
}
