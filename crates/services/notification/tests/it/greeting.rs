//! The greeter over memory.

use std::{sync::Arc, time::Duration};

use notification::{
    client::{Incoming, MemoryMessenger, Reply, Update},
    model::Fault,
    repository::MemoryOffsets,
    service::{Greeter, Templates},
};
use platform::lease::MemoryLease;
use testkit::{Running, eventually};

fn greeter(bot: &MemoryMessenger, offsets: &MemoryOffsets, lease: &MemoryLease) -> Running {
    let greeter = Greeter {
        bot: Arc::new(bot.clone()),
        offsets: Arc::new(offsets.clone()),
        lease: Arc::new(lease.clone()),
        templates: Templates::load(None).unwrap(),
    };
    testkit::run(|stop| greeter.run(stop))
}

fn said(id: i64, chat: &str, text: &str) -> Update {
    let (chat, first_name, text) = (chat.to_owned(), "Ada".to_owned(), text.to_owned());
    Update { id, message: Some(Incoming { chat, first_name, text }) }
}

async fn greeted(bot: &MemoryMessenger, count: usize) {
    eventually(|| async { (bot.told().len() == count).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn start_is_answered_once_whatever_is_restarted() {
    let (bot, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    bot.say(Update { id: 7, message: None });
    bot.say(said(8, "1", "hello"));
    bot.say(said(9, "2", "/start"));

    let first = greeter(&bot, &offsets, &lease);
    greeted(&bot, 1).await;
    first.stop().await;
    let _second = greeter(&bot, &offsets, &lease);
    bot.say(said(10, "3", "/start@shipyard_bot"));
    greeted(&bot, 2).await;
    tokio::time::sleep(Duration::from_mins(5)).await;

    let chats: Vec<_> = bot.told().into_iter().map(|told| told.chat).collect();
    assert_eq!(chats, ["2", "3"]);
    assert!(bot.told()[0].text.starts_with("Welcome aboard, Ada!"));
}

#[tokio::test(start_paused = true)]
async fn two_greeters_answer_once() {
    let (bot, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    let first = greeter(&bot, &offsets, &lease);
    let _second = greeter(&bot, &offsets, &lease.rival("second"));
    bot.say(said(1, "1", "/start"));
    greeted(&bot, 1).await;

    first.kill().await;
    bot.say(said(2, "2", "/start"));
    tokio::time::sleep(Duration::from_mins(5)).await;

    assert_eq!(bot.told().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn trouble_passes() {
    let (bot, offsets, lease) = (MemoryMessenger::default(), MemoryOffsets::default(), MemoryLease::new("first"));
    let fault = Fault::Unreachable("no route".to_owned());
    bot.trouble(Reply::Fault(fault.clone()), Duration::from_mins(5));
    bot.script([Reply::Fault(fault)]);
    bot.say(said(1, "1", "/start"));
    let _greeter = greeter(&bot, &offsets, &lease);

    tokio::time::sleep(Duration::from_mins(5)).await;

    greeted(&bot, 1).await;
}
