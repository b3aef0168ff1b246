//! The sentences of a receipt.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::{Facts, facts::UnreadDatabase};

pub fn held(facts: &Facts, number: u8) -> String {
    let is_delivered = facts.orders.iter().any(|order| order.has_address);
    let text = match number {
        1 => "The order exists once, as its customer was told.",
        2 => "Charges minus refunds agree with the status of the order, at payment and at the provider.",
        3 => "The reservation has the parts of the order, and follows its status.",
        4 => "Each event of the order reached its topic once it was written, and each record has its outbox row.",
        5 => "Each consumer has handled each event once, with its effect.",
        6 => "Each step was notified once.",
        7 => "Nothing of the order is unfinished.",
        8 => "No event of the order is a dead letter.",
        10 => "Each settled attempt to pay was published once, as it ended.",
        11 if is_delivered => "The delivery follows the order, and each of its statuses was published once, in order.",
        11 => "The order has no address, and no delivery.",
        _ => "Holds.",
    };
    text.to_owned()
}

pub fn unread(UnreadDatabase { service, error }: &UnreadDatabase) -> String {
    format!("the database of {service} was not read: {error}")
}

/// Formats a time in UTC with milliseconds.
pub fn at(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats minor units: `125.00`.
pub fn amount(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        assert_eq!([amount(0), amount(5), amount(12_500), amount(-1)], ["0.00", "0.05", "125.00", "-0.01"]);
    }
}
