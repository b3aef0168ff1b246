//! Each (order, kind, chat) was notified once, or twice if flagged as ambiguous.

use audit::{
    Facts,
    facts::{Notification, NotificationStatus, Told},
};

use crate::{
    fixture::{BUILT, OPEN, the},
    invariant::{Invariant, breaks, holds},
    shop::shop,
};

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
fn each_message_that_is_missing_or_repeated_or_misdirected_is_found() {
    let row = format!("order_paid of order {BUILT}: ");
    let own = |order| move |one: &audit::facts::Notification| one.order == order;
    Invariant(6).is_broken_by(&[
        (&["is there more than once"], &|facts| facts.notifications.push(facts.notifications[0].clone())),
        (&[&row, "arrived 2 times, and is not ambiguous"], &once_more),
        (&["is sent, and did not arrive"], &|facts| {
            all_arrived(facts);
            facts.told.as_mut().unwrap().pop();
        }),
        (&["there is no such notification"], &|facts| {
            all_arrived(facts);
            facts.told.as_mut().unwrap().push(Told {
                order: OPEN,
                kind: "order_paid".to_owned(),
                chat: "chat".to_owned(),
            });
        }),
        (&["arrived in another chat"], &|facts| {
            all_arrived(facts);
            facts.told.as_mut().unwrap()[0].chat = "elsewhere".to_owned();
        }),
        (&["is sent, and was never handed over"], &|facts| the(&mut facts.notifications, own(BUILT)).attempts = 0),
        (&["is sent, and went to no chat"], &|facts| the(&mut facts.notifications, own(BUILT)).chat = None),
        (&["was given up, but was not rejected by the provider"], &|facts| {
            facts.notifications[0].status = NotificationStatus::Failed;
            facts.refused = Some(Vec::new());
        }),
        (&["was given up, but was not rejected by the provider"], &|facts| {
            facts.notifications[0].status = NotificationStatus::Failed;
            let refused = Told { chat: "elsewhere".to_owned(), ..told(&facts.notifications[0]) };
            facts.refused = Some(vec![refused]);
        }),
    ]);
    Invariant(6).holds_though(&[
        ("a message that was refused is given up", &|facts| {
            facts.notifications[0].status = NotificationStatus::Failed;
            facts.refused = Some(vec![told(&facts.notifications[0])]);
        }),
        ("a message that may have arrived is given up", &|facts| {
            facts.notifications[0].status = NotificationStatus::Failed;
            facts.notifications[0].ambiguous = true;
            facts.refused = Some(Vec::new());
        }),
        ("a message that was refused once may have been sent later", &|facts| {
            all_arrived(facts);
            facts.refused = facts.told.clone();
        }),
    ]);
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
fn a_message_that_was_given_up_is_noted() {
    let found = holds(6, |facts| facts.notifications[0].status = NotificationStatus::Failed);

    assert!(found.notes.iter().any(|note| note.contains("1 notifications were given up")), "{found:?}");
}
