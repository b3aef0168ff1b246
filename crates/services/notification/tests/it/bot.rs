//! The bot with fakes of the messenger and of iam.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use notification::{
    client::{Confirmation, Contacts, Incoming, Update},
    model::MessengerError,
    repository::{MIGRATIONS, PgOffsets},
    service::{Bot, Templates},
};
use platform::{grpc::Unavailable, lease::MemoryLease};
use testkit::{Running, eventually};
use tokio::time::Instant;

use crate::fakes::{FakeContacts, FakeMessenger, Reply};

/// Longer than the bot needs for a command.
const A_WHILE: Duration = Duration::from_secs(2);
/// A code in iam's format.
const CODE: &str = "0123456789ABCDEFGHJKMNPQRS";

async fn offsets() -> PgOffsets {
    PgOffsets::new(testkit::database(&MIGRATIONS).await.pool)
}

fn start(api: &FakeMessenger, offsets: &PgOffsets, lease: &MemoryLease) -> Running {
    start_with(api, offsets, lease, &FakeContacts::default())
}

fn start_with(
    api: &FakeMessenger,
    offsets: &PgOffsets,
    lease: &MemoryLease,
    contacts: &(impl Contacts + Clone + 'static),
) -> Running {
    let bot = Bot {
        api: Arc::new(api.clone()),
        offsets: offsets.clone(),
        lease: Arc::new(lease.clone()),
        templates: Templates::load(None).unwrap(),
        contacts: Arc::new(contacts.clone()),
    };
    testkit::run(|stop| bot.run(stop))
}

/// Contacts whose codes are checked in a second.
#[derive(Clone, Default)]
struct SlowContacts(FakeContacts);

#[async_trait]
impl Contacts for SlowContacts {
    async fn confirm(&self, code: &str, chat: i64) -> Result<Confirmation, Unavailable> {
        let outcome = self.0.confirm(code, chat).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        outcome
    }
}

fn text(id: i64, chat: &str, text: &str) -> Update {
    let (chat, first_name, text) = (chat.to_owned(), "Ada".to_owned(), text.to_owned());
    Update {
        id,
        message: Some(Incoming { private: chat.parse().ok().filter(|chat| *chat > 0), chat, first_name, text }),
    }
}

async fn replies(api: &FakeMessenger, count: usize) {
    eventually(|| async { (api.sent().len() == count).then_some(()) }).await;
}

#[tokio::test]
async fn start_is_answered_once_across_restarts() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    api.receive(Update { id: 7, message: None });
    api.receive(text(8, "1", "hello"));
    api.receive(text(9, "2", "/start"));

    let first = start(&api, &offsets, &lease);
    replies(&api, 1).await;
    first.stop().await;
    let _second = start(&api, &offsets, &lease);
    api.receive(text(10, "3", "/start@shipyard_bot"));
    replies(&api, 2).await;
    tokio::time::sleep(A_WHILE).await;

    let chats: Vec<_> = api.sent().into_iter().map(|message| message.chat).collect();
    assert_eq!(chats, ["2", "3"]);
    assert!(api.sent()[0].text.starts_with("Welcome aboard, Ada!"));
}

#[tokio::test]
async fn two_replicas_answer_once() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let _first = start(&api, &offsets, &lease);
    let _second = start(&api, &offsets, &lease.rival("second"));
    api.receive(text(1, "1", "/start"));
    replies(&api, 1).await;

    tokio::time::sleep(A_WHILE).await;

    assert_eq!(api.sent().len(), 1);
}

#[tokio::test]
async fn the_bot_recovers_after_an_outage() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let error = MessengerError::Unreachable("no route".to_owned());
    api.fail_calls(Reply::Error(error.clone()), A_WHILE);
    api.script([Reply::Error(error)]);
    api.receive(text(1, "1", "/start"));
    let _bot = start(&api, &offsets, &lease);

    tokio::time::sleep(A_WHILE).await;

    replies(&api, 1).await;
}

#[tokio::test]
async fn a_code_confirms_the_private_chat_that_gives_it() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = FakeContacts::default();
    contacts.add_code(CODE, 42);
    let other = CODE.replace('0', "Z");
    contacts.add_code(&other, 42);
    api.receive(text(1, "-100", &format!("/start {CODE}")));
    api.receive(text(2, "-100", CODE));
    api.receive(text(3, "42", &format!("/start {CODE}")));
    api.receive(text(4, "42", CODE));
    api.receive(text(5, "7", &other));
    let _bot = start_with(&api, &offsets, &lease, &contacts);

    replies(&api, 3).await;
    tokio::time::sleep(A_WHILE).await;

    let sent: Vec<_> = api.sent().into_iter().map(|message| (message.chat, message.text)).collect();
    let starts = [("42", "Confirmed"), ("42", "This code is wrong"), ("7", "This chat is not")];
    assert_eq!(sent.len(), starts.len(), "{sent:?}");
    for ((chat, text), (expected, start)) in sent.iter().zip(starts) {
        assert!(chat == expected && text.starts_with(start), "{sent:?}");
    }
    let given = [(CODE.to_owned(), 42), (CODE.to_owned(), 42), (other, 7)];
    assert_eq!(contacts.given(), given, "iam is not asked about what groups write");
}

#[tokio::test]
async fn without_iam_a_code_is_to_be_given_again_later() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = FakeContacts::default();
    contacts.respond(Err(Unavailable("iam", "no route".to_owned())));
    api.receive(text(1, "42", CODE));
    let _bot = start_with(&api, &offsets, &lease, &contacts);
    replies(&api, 1).await;
    contacts.respond(Ok(Confirmation::TooMany));
    api.receive(text(2, "42", CODE));
    replies(&api, 2).await;

    assert!(api.sent()[0].text.ends_with("Please try again later."), "{:?}", api.sent());
    assert!(api.sent()[1].text.starts_with("Too many wrong codes"), "{:?}", api.sent());
    assert_eq!(contacts.given().len(), 2, "the bot does not retry a code by itself");
}

#[tokio::test]
async fn a_group_that_repeats_start_delays_no_code() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = FakeContacts::default();
    contacts.add_code(CODE, 42);
    api.limit("-100", Duration::from_secs(40));
    for id in 1..=200 {
        api.receive(text(id, "-100", "/start"));
    }
    api.receive(text(201, "42", CODE));
    let begun = Instant::now();
    let _bot = start_with(&api, &offsets, &lease, &contacts);

    replies(&api, 1).await;

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(api.sent()[0].chat == "42" && api.sent()[0].text.starts_with("Confirmed"), "{:?}", api.sent());
    assert_eq!(api.refused("-100"), 1, "a call during the delay would prolong it");
}

#[tokio::test]
async fn a_chat_gets_the_same_reply_once_in_ten_seconds() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = FakeContacts::default();
    contacts.add_code(CODE, 42);
    for (id, chat) in [(1, "42"), (2, "-100"), (3, "42"), (4, "-100")] {
        api.receive(text(id, chat, "/start"));
    }
    api.receive(text(5, "42", CODE));
    let _bot = start_with(&api, &offsets, &lease, &contacts);
    replies(&api, 3).await;

    tokio::time::sleep(Duration::from_secs(10)).await;
    api.receive(text(6, "42", "/start"));
    replies(&api, 4).await;

    let sent: Vec<_> = api.sent().into_iter().map(|message| (message.chat, message.text)).collect();
    let starts = [("42", "Welcome"), ("-100", "Welcome"), ("42", "Confirmed"), ("42", "Welcome")];
    for ((chat, text), (expected, start)) in sent.iter().zip(starts) {
        assert!(chat == expected && text.starts_with(start), "{sent:?}");
    }
}

#[tokio::test]
async fn a_greeting_that_failed_does_not_count_as_one_that_the_chat_got() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let rejected = Reply::Error(MessengerError::Rejected("Bad Request".to_owned()));
    api.script(vec![rejected; 5]);
    for id in 1..=6 {
        api.receive(text(id, "42", "/start"));
    }
    let _bot = start(&api, &offsets, &lease);

    replies(&api, 1).await;
}

#[tokio::test]
async fn a_chat_that_sends_too_many_codes_is_told_so_once_in_a_while() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = FakeContacts::default();
    contacts.respond(Ok(Confirmation::TooMany));
    for id in 1..=100 {
        api.receive(text(id, "42", CODE));
    }
    let _bot = start_with(&api, &offsets, &lease, &contacts);

    eventually(|| async { (contacts.given().len() == 100).then_some(()) }).await;

    assert_eq!(api.sent().len(), 1);
}

#[tokio::test]
async fn a_stop_finishes_the_command_in_progress_and_leaves_the_others_to_the_next_replica() {
    let (api, offsets, lease) = (FakeMessenger::default(), offsets().await, MemoryLease::new("first"));
    let contacts = SlowContacts::default();
    contacts.0.add_code(CODE, 42);
    api.receive(text(1, "42", CODE));
    api.receive(text(2, "7", "/start"));
    let first = start_with(&api, &offsets, &lease, &contacts);
    eventually(|| async { (!contacts.0.given().is_empty()).then_some(()) }).await;

    first.stop().await;

    let sent: Vec<_> = api.sent().into_iter().map(|message| (message.chat, message.text)).collect();
    assert!(matches!(&sent[..], [(chat, text)] if chat == "42" && text.starts_with("Confirmed")), "{sent:?}");
    let _second = start(&api, &offsets, &lease);
    replies(&api, 2).await;
    assert_eq!(api.sent()[1].chat, "7");
}
