//! Invariant 6: Each (order, kind, chat) was notified once, or twice if flagged as ambiguous.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::{
    Facts, Finding,
    facts::{Notification, NotificationStatus, Told},
    report::Check,
    violation::Row,
};

type Rows<'a> = HashMap<(Uuid, &'a str), &'a Notification>;

/// The services whose databases the check of one order needs.
pub const DATABASES: &[&str] = &["notification"];

pub fn check(facts: &Facts) -> Finding {
    let mut check = Check::new(6, "each user was notified of each step once");
    let mut rows: Rows<'_> = HashMap::new();
    for notification in &facts.notifications {
        let Notification { order, kind, status, chat, attempts, .. } = notification;
        if rows.insert((*order, kind), notification).is_some() {
            check.broken_by(name(*order, kind), "is there more than once");
        }
        if *status == NotificationStatus::Sent && *attempts == 0 {
            check.broken_by(name(*order, kind), "is sent, and was never handed over");
        }
        if *status == NotificationStatus::Sent && chat.is_none() {
            check.broken_by(name(*order, kind), "is sent, and went to no chat");
        }
    }
    check.counted("notifications", facts.notifications.len());
    match &facts.told {
        Some(told) => arrived(told, &rows, &mut check),
        None => check.note("the messages in chats are unknown: notification's own rows are trusted".to_owned()),
    }
    let count = |like: fn(&Notification) -> bool| facts.notifications.iter().filter(|one| like(one)).count();
    let ambiguous = count(|one| one.ambiguous);
    if ambiguous > 0 {
        check.note(format!("{ambiguous} notifications are ambiguous: each may have arrived once more"));
    }
    if let Some(refused) = &facts.refused {
        given_up(refused, &rows, &mut check);
    }
    let failed = count(|one| one.status == NotificationStatus::Failed);
    if failed > 0 {
        check.note(format!(
            "{failed} notifications were given up: refused, twice without an answer, or contacts not confirmed"
        ));
    }
    check.end()
}

fn name(order: Uuid, kind: &str) -> Row {
    Row::of_order(kind, order)
}

/// Compares the notification rows with the messages that arrived.
fn arrived(told: &[Told], rows: &Rows<'_>, check: &mut Check) {
    let mut messages: HashMap<(Uuid, &str, &str), usize> = HashMap::new();
    for Told { order, kind, chat } in told {
        *messages.entry((*order, kind, chat)).or_default() += 1;
    }
    for ((order, kind, chat), count) in &messages {
        match rows.get(&(*order, *kind)) {
            None => check.broken_by(name(*order, kind), "arrived, but there is no such notification"),
            Some(row) if row.chat.as_deref() != Some(chat) => {
                check.broken_by(name(*order, kind), format!("arrived in another chat than {:?}", row.chat));
            }
            Some(row) if *count > 1 + usize::from(row.ambiguous) => {
                let flagged = if row.ambiguous { "ambiguous" } else { "not ambiguous" };
                check.broken_by(name(*order, kind), format!("arrived {count} times, and is {flagged}"));
            }
            Some(_) => {}
        }
    }
    for ((order, kind), row) in rows.iter().filter(|(_, row)| row.status == NotificationStatus::Sent) {
        let chat = row.chat.as_deref().unwrap_or_default();
        if !messages.contains_key(&(*order, *kind, chat)) {
            check.broken_by(name(*order, kind), "is sent, and did not arrive");
        }
    }
    check.counted("messages", told.len());
}

/// Compares the failed notifications with the rejected messages.
fn given_up(refused: &[Told], rows: &Rows<'_>, check: &mut Check) {
    let refused: HashSet<(Uuid, &str, &str)> =
        refused.iter().map(|Told { order, kind, chat }| (*order, kind.as_str(), chat.as_str())).collect();
    let failed = rows.iter().filter(|(_, row)| row.status == NotificationStatus::Failed && !row.ambiguous);
    for ((order, kind), row) in failed {
        if !refused.contains(&(*order, *kind, row.chat.as_deref().unwrap_or_default())) {
            check.broken_by(name(*order, kind), "was given up, but was not rejected by the provider");
        }
    }
    check.counted("refusals", refused.len());
}
