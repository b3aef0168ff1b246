//! Each (order, kind, chat) was notified once, or twice if flagged as ambiguous.

use audit::{
    Facts,
    facts::{Notification, NotificationStatus, Told},
};

use crate::fixture::{BUILT, OPEN, breaks, holds, shop, the};

fn told(one: &Notification) -> Told {
    Told { order: one.order, kind: one.kind.clone(), chat: one.chat.clone().expect("all was told") }
}

fn all_arrived(facts: &mut Facts) {
    facts.told = Some(facts.notifications.iter().map(told).collect());
}

fn once_more(facts: &mut Facts) {
    all_arrived(facts);
    let told = facts.told.as_mut().expect("all was told");
    told.push(told[0].clone());
}

#[test]
fn what_arrived_is_what_was_sent() {
    let found = holds(6, all_arrived);

    let sent = shop().notifications.len();
    assert!(found.counted.iter().any(|count| count.of == "messages" && count.count == sent), "{found:?}");
}

#[test]
fn an_order_has_two_notifications_of_one_kind() {
    breaks(6, &["is there more than once"], |facts| facts.notifications.push(facts.notifications[0].clone()));
}

#[test]
fn a_message_arrived_twice() {
    let row = format!("order_paid of order {BUILT}: ");
    breaks(6, &[&row, "arrived 2 times, and is not ambiguous"], once_more);
}

#[test]
fn a_message_that_arrived_once_more_is_flagged() {
    let found = holds(6, |facts| {
        once_more(facts);
        facts.notifications[0].ambiguous = true;
    });
    assert!(found.notes.iter().any(|note| note.contains("1 notifications are ambiguous")), "{found:?}");

    breaks(6, &["arrived 3 times, and is ambiguous"], |facts| {
        once_more(facts);
        facts.notifications[0].ambiguous = true;
        let told = facts.told.as_mut().unwrap();
        told.push(told[0].clone());
    });
}

#[test]
fn a_message_that_was_sent_did_not_arrive() {
    breaks(6, &["is sent, and did not arrive"], |facts| {
        all_arrived(facts);
        facts.told.as_mut().unwrap().pop();
    });
}

#[test]
fn somebody_was_told_what_nobody_was_to_be_told() {
    breaks(6, &["there is no such notification"], |facts| {
        all_arrived(facts);
        facts.told.as_mut().unwrap().push(Told { order: OPEN, kind: "order_paid".to_owned(), chat: "chat".to_owned() });
    });
}

#[test]
fn somebody_else_was_told() {
    breaks(6, &["arrived in another chat"], |facts| {
        all_arrived(facts);
        facts.told.as_mut().unwrap()[0].chat = "elsewhere".to_owned();
    });
}

#[test]
fn a_message_is_marked_as_sent_and_never_was() {
    let own = |order| move |one: &audit::facts::Notification| one.order == order;
    breaks(6, &["is sent, and was never handed over"], |facts| the(&mut facts.notifications, own(BUILT)).attempts = 0);
    breaks(6, &["is sent, and went to no chat"], |facts| the(&mut facts.notifications, own(BUILT)).chat = None);
}

#[test]
fn a_message_that_was_given_up_is_noted() {
    let found = holds(6, |facts| facts.notifications[0].status = NotificationStatus::Failed);

    assert!(found.notes.iter().any(|note| note.contains("1 notifications were given up")), "{found:?}");
}

#[test]
fn a_message_is_given_up_only_when_it_was_refused_or_may_have_arrived() {
    breaks(6, &["was given up, but was not rejected by the provider"], |facts| {
        facts.notifications[0].status = NotificationStatus::Failed;
        facts.refused = Some(Vec::new());
    });
    breaks(6, &["was given up, but was not rejected by the provider"], |facts| {
        facts.notifications[0].status = NotificationStatus::Failed;
        let refused = Told { chat: "elsewhere".to_owned(), ..told(&facts.notifications[0]) };
        facts.refused = Some(vec![refused]);
    });
    holds(6, |facts| {
        facts.notifications[0].status = NotificationStatus::Failed;
        facts.refused = Some(vec![told(&facts.notifications[0])]);
    });
    holds(6, |facts| {
        facts.notifications[0].status = NotificationStatus::Failed;
        facts.notifications[0].ambiguous = true;
        facts.refused = Some(Vec::new());
    });
}

#[test]
fn a_message_that_was_refused_once_may_have_been_sent_later() {
    holds(6, |facts| {
        all_arrived(facts);
        facts.refused = facts.told.clone();
    });
}
