//! The bot with fakes of the messenger and of iam, and its offsets in PostgreSQL.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use notification::{
    client::{Confirmation, Contacts, Incoming, Update},
    model::MessengerError,
    repository::{MIGRATIONS, PgOffsets},
    service::{Bot, Templates},
};
use outbox::MemoryLease;
use platform::grpc::Unavailable;
use testkit::{Running, eventually};
use tokio::time::Instant;

use crate::fakes::{FakeContacts, FakeMessenger, Reply};

/// Longer than the bot needs for a command.
const A_WHILE: Duration = Duration::from_secs(2);
/// A code in iam's format.
const CODE: &str = "0123456789ABCDEFGHJKMNPQRS";

/// The systems that the bot calls, which its replicas share. Chat 42 has the code [`CODE`].
struct Fixture {
    api: FakeMessenger,
    contacts: FakeContacts,
    offsets: PgOffsets,
    lease: MemoryLease,
}

impl Fixture {
    async fn new() -> Self {
        let offsets = PgOffsets::new(testkit::database(&MIGRATIONS).await.pool);
        let (api, contacts) = (FakeMessenger::default(), FakeContacts::default());
        contacts.add_code(CODE, 42);
        Self { api, contacts, offsets, lease: MemoryLease::new("first") }
    }

    fn start(&self) -> Running {
        self.start_with(&self.lease, Arc::new(self.contacts.clone()))
    }

    fn start_with(&self, lease: &MemoryLease, contacts: Arc<dyn Contacts>) -> Running {
        let bot = Bot {
            api: Arc::new(self.api.clone()),
            offsets: self.offsets.clone(),
            lease: Arc::new(lease.clone()),
            templates: Templates::load(None).unwrap(),
            contacts,
        };
        testkit::run(|stop| bot.run(stop))
    }

    /// Waits until the bot has sent `count` replies.
    async fn replies(&self, count: usize) {
        eventually(|| async { (self.api.sent().len() == count).then_some(()) }).await;
    }

    /// Asserts that the replies went to these chats and begin with these words.
    fn assert_replies(&self, expected: &[(&str, &str)]) {
        let sent: Vec<_> = self.api.sent().into_iter().map(|message| (message.chat, message.text)).collect();
        assert_eq!(sent.len(), expected.len(), "{sent:?}");
        for ((chat, text), &(expected, start)) in sent.iter().zip(expected) {
            assert!(chat == expected && text.starts_with(start), "{sent:?}");
        }
    }
}

/// Contacts whose codes are checked in a second.
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

#[tokio::test]
async fn start_is_answered_once_across_restarts() {
    let fixture = Fixture::new().await;
    fixture.api.receive(Update { id: 7, message: None });
    fixture.api.receive(text(8, "1", "hello"));
    fixture.api.receive(text(9, "2", "/start"));

    let first = fixture.start();
    fixture.replies(1).await;
    first.stop().await;
    let _second = fixture.start();
    fixture.api.receive(text(10, "3", "/start@shipyard_bot"));
    fixture.replies(2).await;
    tokio::time::sleep(A_WHILE).await;

    fixture.assert_replies(&[("2", "Welcome aboard, Ada!"), ("3", "Welcome aboard, Ada!")]);
}

#[tokio::test]
async fn two_replicas_answer_once() {
    let fixture = Fixture::new().await;
    let _first = fixture.start();
    let _second = fixture.start_with(&fixture.lease.rival("second"), Arc::new(fixture.contacts.clone()));
    fixture.api.receive(text(1, "1", "/start"));
    fixture.replies(1).await;

    tokio::time::sleep(A_WHILE).await;

    assert_eq!(fixture.api.sent().len(), 1);
}

#[tokio::test]
async fn the_bot_recovers_after_an_outage() {
    let fixture = Fixture::new().await;
    let error = MessengerError::Unreachable("no route".to_owned());
    fixture.api.fail_calls(Reply::Error(error.clone()), A_WHILE);
    fixture.api.script([Reply::Error(error)]);
    fixture.api.receive(text(1, "1", "/start"));
    let _bot = fixture.start();

    tokio::time::sleep(A_WHILE).await;

    fixture.replies(1).await;
}

#[tokio::test]
async fn a_code_confirms_the_private_chat_that_gives_it() {
    let fixture = Fixture::new().await;
    let other = CODE.replace('0', "Z");
    fixture.contacts.add_code(&other, 42);
    fixture.api.receive(text(1, "-100", &format!("/start {CODE}")));
    fixture.api.receive(text(2, "-100", CODE));
    fixture.api.receive(text(3, "42", &format!("/start {CODE}")));
    fixture.api.receive(text(4, "42", CODE));
    fixture.api.receive(text(5, "7", &other));
    let _bot = fixture.start();

    fixture.replies(3).await;
    tokio::time::sleep(A_WHILE).await;

    fixture.assert_replies(&[("42", "Confirmed"), ("42", "This code is wrong"), ("7", "This chat is not")]);
    let given = [(CODE.to_owned(), 42), (CODE.to_owned(), 42), (other, 7)];
    assert_eq!(fixture.contacts.given(), given, "iam is not asked about what groups write");
}

#[tokio::test]
async fn without_iam_a_code_is_to_be_given_again_later() {
    let fixture = Fixture::new().await;
    fixture.contacts.respond(Err(Unavailable("iam", "no route".to_owned())));
    fixture.api.receive(text(1, "42", CODE));
    let _bot = fixture.start();
    fixture.replies(1).await;
    fixture.contacts.respond(Ok(Confirmation::TooMany));
    fixture.api.receive(text(2, "42", CODE));
    fixture.replies(2).await;

    fixture.assert_replies(&[("42", "I cannot check the code right now."), ("42", "Too many wrong codes")]);
    assert_eq!(fixture.contacts.given().len(), 2, "the bot does not retry a code by itself");
}

#[tokio::test]
async fn a_group_that_repeats_start_delays_no_code() {
    let fixture = Fixture::new().await;
    fixture.api.limit("-100", Duration::from_secs(40));
    for id in 1..=200 {
        fixture.api.receive(text(id, "-100", "/start"));
    }
    fixture.api.receive(text(201, "42", CODE));
    let begun = Instant::now();
    let _bot = fixture.start();

    fixture.replies(1).await;

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    fixture.assert_replies(&[("42", "Confirmed")]);
    assert_eq!(fixture.api.refused("-100"), 1, "a call during the delay would prolong it");
}

#[tokio::test]
async fn a_chat_gets_the_same_reply_once_in_ten_seconds() {
    let fixture = Fixture::new().await;
    for (id, chat) in [(1, "42"), (2, "-100"), (3, "42"), (4, "-100")] {
        fixture.api.receive(text(id, chat, "/start"));
    }
    fixture.api.receive(text(5, "42", CODE));
    let _bot = fixture.start();
    fixture.replies(3).await;

    tokio::time::sleep(Duration::from_secs(10)).await;
    fixture.api.receive(text(6, "42", "/start"));
    fixture.replies(4).await;

    fixture.assert_replies(&[("42", "Welcome"), ("-100", "Welcome"), ("42", "Confirmed"), ("42", "Welcome")]);
}

#[tokio::test]
async fn a_greeting_that_failed_does_not_count_as_one_that_the_chat_got() {
    let fixture = Fixture::new().await;
    let rejected = Reply::Error(MessengerError::Rejected("Bad Request".to_owned()));
    fixture.api.script(vec![rejected; 5]);
    for id in 1..=6 {
        fixture.api.receive(text(id, "42", "/start"));
    }
    let _bot = fixture.start();

    fixture.replies(1).await;
}

#[tokio::test]
async fn a_stop_finishes_the_command_in_progress_and_leaves_the_others_to_the_next_replica() {
    let fixture = Fixture::new().await;
    fixture.api.receive(text(1, "42", CODE));
    fixture.api.receive(text(2, "7", "/start"));
    let first = fixture.start_with(&fixture.lease, Arc::new(SlowContacts(fixture.contacts.clone())));
    eventually(|| async { (!fixture.contacts.given().is_empty()).then_some(()) }).await;

    first.stop().await;

    fixture.assert_replies(&[("42", "Confirmed")]);
    let _second = fixture.start();
    fixture.replies(2).await;
    assert_eq!(fixture.api.sent()[1].chat, "7");
}

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn an_offset_advances_once() {
    let offsets = PgOffsets::new(testkit::database(&MIGRATIONS).await.pool);
    assert_eq!(offsets.next("bot").await.unwrap(), 0);

    assert!(offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 5).await.unwrap());
    assert!(!offsets.advance("bot", 3).await.unwrap());
    assert!(offsets.advance("bot", 6).await.unwrap());

    assert_eq!(offsets.next("bot").await.unwrap(), 6);
    assert_eq!(offsets.next("another").await.unwrap(), 0);
}

#[tokio::test]
async fn the_offset_of_an_unused_bot_is_removed() {
    let database = testkit::database(&MIGRATIONS).await;
    let offsets = PgOffsets::new(database.pool.clone());
    for (bot, days) in [("old", 7), ("new", 5)] {
        offsets.advance(bot, 5).await.unwrap();
        let aged = sqlx::query("update bot_offsets set updated_at = now() - make_interval(days => $2) where bot = $1");
        aged.bind(bot).bind(days).execute(&database.pool).await.unwrap();
    }

    assert_eq!(offsets.remove_unused(DAY * 8, 10).await.unwrap(), 0);
    assert_eq!(offsets.remove_unused(DAY, 10).await.unwrap(), 1);

    assert_eq!(offsets.next("new").await.unwrap(), 5);
}
