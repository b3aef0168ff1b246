//! The texts of the pages for the values of the contracts. A value without an entry is shown as it is.

use crate::model::event;

/// The services of an order's events: what each does for the order, and the colour of its steps.
const SERVICES: &[(&str, &str, &str)] = &[
    ("order", "keeps your order", "plain"),
    ("payment", "takes the money", "money"),
    ("inventory", "has the parts", "goods"),
    ("assembly", "builds the ship", "goods"),
    ("delivery", "carries it to you", "goods"),
    ("notification", "sends you messages", "messages"),
];

fn service(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    SERVICES.iter().copied().find(|(service, ..)| *service == name)
}

/// What a service does for an order.
pub fn role(name: &str) -> &'static str {
    service(name).map_or("", |(_, role, _)| role)
}

/// The colour of a service's steps.
pub fn class(name: &str) -> &'static str {
    service(name).map_or("plain", |(.., class)| class)
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
