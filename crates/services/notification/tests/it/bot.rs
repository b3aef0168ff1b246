//! The bot over in-memory twins.

use std::{sync::Arc, time::Duration};

use notification::{
    client::{Incoming, MemoryMessenger, Reply, Update},
    model::MessengerError,
    repository::MemoryOffsets,
    service::{Bot, Templates},
};
use platform::lease::MemoryLease;
use testkit::{Running, eventually};

fn start(api: &MemoryMessenger, offsets: &MemoryOffsets, lease: &MemoryLease) -> Running {
    let bot = Bot {
        api: Arc::new(api.clone()),
        offsets: Arc::new(offsets.clone()),
        lease: Arc::new(lease.clone()),
        templates: Templates::load(None).unwrap(),
    };
    testkit::run(|stop| bot.run(stop))
}

fn text(id: i64, chat: &str, text: &str) -> Update {
    let (chat, first_name, text) = (chat.to_owned(), "Ada".to_owned(), text.to_owned());
    Update { id, message: Some(Incoming { chat, first_name, text }) }
}

async fn replies(api: &MemoryMessenger, count: usize) {
    eventually(|| async { (api.sent().len() == count).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn start_is_answered_once_across_restarts() {
    let (api, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    api.receive(Update { id: 7, message: None });
    api.receive(text(8, "1", "hello"));
    api.receive(text(9, "2", "/start"));

    let first = start(&api, &offsets, &lease);
    replies(&api, 1).await;
    first.stop().await;
    let _second = start(&api, &offsets, &lease);
    api.receive(text(10, "3", "/start@shipyard_bot"));
    replies(&api, 2).await;
    tokio::time::sleep(Duration::from_mins(5)).await;

    let chats: Vec<_> = api.sent().into_iter().map(|message| message.chat).collect();
    assert_eq!(chats, ["2", "3"]);
    assert!(api.sent()[0].text.starts_with("Welcome aboard, Ada!"));
}

#[tokio::test(start_paused = true)]
async fn two_replicas_answer_once() {
    let (api, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    let first = start(&api, &offsets, &lease);
    let _second = start(&api, &offsets, &lease.rival("second"));
    api.receive(text(1, "1", "/start"));
    replies(&api, 1).await;

    first.kill().await;
    api.receive(text(2, "2", "/start"));
    tokio::time::sleep(Duration::from_mins(5)).await;

    assert_eq!(api.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_bot_recovers_after_an_outage() {
    let (api, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    let error = MessengerError::Unreachable("no route".to_owned());
    api.fail_calls(Reply::Error(error.clone()), Duration::from_mins(5));
    api.script([Reply::Error(error)]);
    api.receive(text(1, "1", "/start"));
    let _bot = start(&api, &offsets, &lease);

    tokio::time::sleep(Duration::from_mins(5)).await;

    replies(&api, 1).await;
}
