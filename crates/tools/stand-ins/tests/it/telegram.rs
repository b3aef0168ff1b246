//! The stand-in for Telegram: the messages that it accepts and rejects, and the updates that it returns.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use stand_ins::{Telegram, TelegramMode};

use crate::{http::client, until};

const TOKEN: &str = "123456:token";

#[derive(Clone)]
struct Bot {
    url: String,
    http: Client,
}

async fn start() -> (Telegram, Bot) {
    let telegram = Telegram::start(TOKEN).await.unwrap();
    let bot = Bot { url: format!("{}/bot{TOKEN}", telegram.url()), http: client() };
    (telegram, bot)
}

impl Bot {
    async fn call(&self, method: &str, body: Value) -> (u16, Value) {
        let answer = self.http.post(format!("{}/{method}", self.url)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn send(&self, text: &str) -> (u16, Value) {
        self.call("sendMessage", json!({ "chat_id": "42", "text": text })).await
    }

    async fn updates(&self, offset: i64, timeout: u64) -> (u16, Value) {
        self.call("getUpdates", json!({ "offset": offset, "timeout": timeout })).await
    }
}

fn texts(telegram: &Telegram) -> Vec<String> {
    telegram.messages().into_iter().map(|sent| sent.text).collect()
}

#[tokio::test]
async fn a_message_that_is_taken_is_kept() {
    let (telegram, bot) = start().await;

    let (status, answer) = bot.send("Hello").await;

    assert_eq!((status, &answer["ok"]), (200, &json!(true)));
    let sent = telegram.messages().remove(0);
    assert_eq!((sent.chat.as_str(), sent.text.as_str()), ("42", "Hello"));
}

#[tokio::test]
async fn what_is_refused_is_not_kept() {
    let (telegram, bot) = start().await;
    let too_many = TelegramMode::TooMany { retry_after: 7 };
    telegram.script([too_many, TelegramMode::Forbidden, TelegramMode::Broken]);

    let (status, answer) = bot.send("too many").await;
    assert_eq!((status, &answer["parameters"]["retry_after"]), (429, &json!(7)));
    assert_eq!(bot.send("forbidden").await.0, 403);
    assert_eq!(bot.send("broken").await.0, 500);
    assert_eq!(bot.send("").await.0, 400);
    assert_eq!(bot.send("well").await.0, 200);

    assert_eq!(texts(&telegram), ["well"]);
    for mode in [too_many, TelegramMode::Forbidden, TelegramMode::Broken, TelegramMode::Well] {
        assert_eq!(telegram.met(mode), 1, "{mode:?}");
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_known() {
    let (telegram, bot) = start().await;
    telegram.script([TelegramMode::Broken, TelegramMode::Forbidden]);

    for text in ["broken", "forbidden", "well", ""] {
        bot.send(text).await;
    }

    let refused: Vec<(String, String)> =
        telegram.refused().into_iter().map(|message| (message.chat, message.text)).collect();
    assert_eq!(refused, [("42".to_owned(), "forbidden".to_owned())]);
}

#[tokio::test]
async fn a_silent_telegram_takes_what_it_does_not_answer() {
    let (telegram, bot) = start().await;
    telegram.be(TelegramMode::Silent);

    let mut message = tokio::spawn(async move { bot.send("Hello").await });
    until(|| texts(&telegram) == ["Hello"]).await;

    assert!(tokio::time::timeout(Duration::from_millis(100), &mut message).await.is_err());
}

#[tokio::test]
async fn behind_a_bad_gateway_a_message_is_taken_and_answered_502() {
    let (telegram, bot) = start().await;
    telegram.script([TelegramMode::BadGateway]);

    let message = json!({ "chat_id": "42", "text": "Hello" });
    let answer = bot.http.post(format!("{}/sendMessage", bot.url)).json(&message).send().await.unwrap();

    assert_eq!(answer.status(), 502);
    assert!(answer.json::<Value>().await.is_err(), "a gateway does not speak JSON");
    assert_eq!(texts(&telegram), ["Hello"]);
    assert_eq!(telegram.met(TelegramMode::BadGateway), 1);
}

#[tokio::test]
async fn while_telegram_is_broken_so_is_everything_it_is_asked() {
    let (telegram, bot) = start().await;
    telegram.be(TelegramMode::Broken);

    for method in ["getMe", "getUpdates"] {
        assert_eq!(bot.call(method, json!({})).await.0, 500, "{method}");
    }
    assert_eq!(telegram.met(TelegramMode::Broken), 2);

    telegram.be(TelegramMode::Well);
    assert_eq!(bot.call("getMe", json!({})).await.1["result"]["id"], 123_456);
}

#[tokio::test]
async fn what_is_said_waits_until_it_is_known_to_have_arrived() {
    let (telegram, bot) = start().await;
    telegram.say(42, "Ada", "/start");

    for _ in 0..2 {
        let (_, answer) = bot.updates(0, 25).await;
        assert_eq!(answer["result"][0]["message"]["from"]["first_name"], "Ada");
        assert_eq!(answer["result"][0]["update_id"], 1);
    }

    assert_eq!(bot.updates(2, 0).await.1["result"], json!([]));
    assert_eq!(bot.updates(0, 0).await.1["result"], json!([]));
}

#[tokio::test]
async fn a_question_for_updates_waits_for_one() {
    let (telegram, bot) = start().await;
    let question = tokio::spawn(async move { bot.updates(0, 60).await.1 });
    tokio::task::yield_now().await;

    telegram.say(-100, "Ada", "hello");

    let answer = question.await.unwrap();
    assert_eq!(answer["result"][0]["message"]["chat"]["id"], -100);
}

#[tokio::test]
async fn two_questions_at_once_are_a_conflict() {
    let (telegram, bot) = start().await;
    let questions = [bot.clone(), bot].map(|bot| tokio::spawn(async move { bot.updates(0, 60).await.0 }));
    let [first, second] = questions;

    let ended = tokio::select! {
        status = first => status.unwrap(),
        status = second => status.unwrap(),
    };

    assert_eq!(ended, 409);
    drop(telegram);
}

#[tokio::test]
async fn another_bot_is_turned_away() {
    let (telegram, bot) = start().await;
    let stranger = Bot { url: format!("{}/bot1:other", telegram.url()), ..bot };

    assert_eq!(stranger.send("Hello").await.0, 401);
    assert_eq!(telegram.messages(), []);
}
