//! The clients of Telegram (how it classifies responses, and calls without a response) and of iam.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use notification::{
    client::{
        BotApi as _, Confirmation, Contact, Contacts as _, GrpcIam, Incoming, Message, Notifier as _, Telegram, Update,
        Users as _,
    },
    model::{Kind, MessengerError},
};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_json, method, path},
};

const TOKEN: &str = "123456:SECRET-token_1";
const MESSAGE: Message<'static> = message("42", "Hello");

const fn message<'a>(chat: &'a str, text: &'a str) -> Message<'a> {
    Message { chat, order: OrderId::new(Uuid::nil()), kind: Kind::OrderPaid, text }
}

fn telegram(url: &str) -> Telegram {
    Telegram::new(url, &TOKEN.into(), Duration::from_millis(500)).unwrap()
}

/// Returns the result of sending a message to which Telegram responds with `response`.
async fn outcome(response: ResponseTemplate) -> Result<(), MessengerError> {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    let outcome = telegram(&server.uri()).send(&MESSAGE).await;
    assert!(!format!("{outcome:?}").contains("SECRET"), "{outcome:?}");
    outcome
}

fn response(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

fn refusal(code: u16, description: &str) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({ "ok": false, "error_code": code, "description": description }))
}

#[tokio::test]
async fn a_message_is_sent_to_its_chat() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/api/bot{TOKEN}/sendMessage")))
        .and(body_json(json!({ "chat_id": "42", "text": "Hello" })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "ok": true, "result": { "message_id": 1 } })))
        .expect(1)
        .mount(&server)
        .await;

    telegram(&format!("{}/api/", server.uri())).send(&MESSAGE).await.unwrap();
}

#[tokio::test]
async fn what_telegram_says_is_shortened_and_has_no_control_characters() {
    let long = "x".repeat(10_000);

    let rejected = outcome(refusal(400, &format!("a\0b\n{long}"))).await;
    let unknown = outcome(ResponseTemplate::new(200).set_body_json(long)).await;

    assert_eq!(rejected, Err(MessengerError::Rejected(format!("400: ab{}", "x".repeat(198)))));
    assert!(matches!(&unknown, Err(MessengerError::Unknown(problem)) if problem.len() == 200), "{unknown:?}");
}

#[tokio::test]
async fn a_group_that_became_a_supergroup_keeps_its_messages() {
    let server = stand_ins::Telegram::start(TOKEN).await.unwrap();
    server.upgrade("-42", -100_123);
    let telegram = telegram(&server.url());

    for text in ["first", "second"] {
        telegram.send(&message("-42", text)).await.unwrap();
    }
    telegram.reply("-42", "third").await.unwrap();
    telegram.send(&message("7", "other")).await.unwrap();

    let sent: Vec<_> = server.messages().into_iter().map(|sent| (sent.chat, sent.text)).collect();
    let sent: Vec<_> = sent.iter().map(|(chat, text)| (chat.as_str(), text.as_str())).collect();
    assert_eq!(sent, [("-100123", "first"), ("-100123", "second"), ("-100123", "third"), ("7", "other")]);
    // The client remembers the new id, so that each later message takes one call.
    assert_eq!(server.moved(), 1);
}

#[tokio::test]
async fn a_group_that_moves_on_and_on_is_no_endless_loop() {
    let server = stand_ins::Telegram::start(TOKEN).await.unwrap();
    server.upgrade("-42", -43);
    server.upgrade("-43", -42);

    let outcome = telegram(&server.url()).send(&message("-42", "Hello")).await;

    assert!(matches!(outcome, Err(MessengerError::Rejected(_))), "{outcome:?}");
    assert_eq!(server.moved(), 2);
}

#[tokio::test]
async fn each_response_is_classified_by_its_effect_on_the_message() {
    let limited = |seconds: u64| {
        let parameters = json!({ "ok": false, "parameters": { "retry_after": seconds } });
        response(429).set_body_json(parameters)
    };
    for (case, template, expected) in [
        ("a limit", limited(7), "RateLimited(7s)"),
        ("an endless limit", limited(u64::MAX), "RateLimited(3600s)"),
        ("a limit without a length", response(429), "RateLimited("),
        ("the user's refusal", refusal(403, "blocked"), "Rejected(\"403: blocked\")"),
        ("a wrong chat", refusal(400, "chat not found"), "Rejected(\"400: chat not found\")"),
        ("a refusal without the envelope about the message", response(400), "Rejected("),
        ("a message that is too long", response(413), "Rejected("),
        ("a message that cannot be processed", response(422), "Rejected("),
        ("a wrong token", refusal(401, "Unauthorized"), "Unreachable("),
        ("a wrong address", refusal(404, "Not Found"), "Unreachable("),
        ("another place", response(302).insert_header("location", "http://example.com"), "Unreachable("),
        ("a proxy's refusal", response(403).set_body_string("<html>"), "Unreachable("),
        ("a proxy that wants a password", response(407), "Unreachable("),
        ("a proxy's limit", response(408).set_body_json(json!({ "error": "too slow" })), "Unreachable("),
        ("silence", response(200).set_delay(Duration::from_mins(5)), "Unknown("),
        ("a page of a proxy", response(200).set_body_string("<html>"), "Unknown("),
        ("an error of Telegram", refusal(500, "Internal Server Error"), "Unknown("),
        ("a bad gateway", response(502).set_body_string("<html>"), "Unknown("),
        ("a gateway's limit", response(504), "Unknown("),
    ] {
        let error = format!("{:?}", outcome(template).await.unwrap_err());
        assert!(error.starts_with(expected), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_early_leaves_the_result_unknown_and_none_makes_telegram_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let telegram = telegram(&format!("http://{}", listener.local_addr().unwrap()));
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_ne!(stream.read(&mut [0; 1000]).await.unwrap(), 0);
    };

    let (ended, ()) = tokio::join!(telegram.send(&MESSAGE), server);
    drop(listener);
    let unreachable = telegram.send(&MESSAGE).await;

    assert!(matches!(ended, Err(MessengerError::Unknown(_))), "{ended:?}");
    assert!(matches!(unreachable, Err(MessengerError::Unreachable(_))), "{unreachable:?}");
    assert!(!format!("{ended:?} {unreachable:?}").contains("SECRET"));
}

#[tokio::test]
async fn text_messages_are_read_and_other_updates_skipped() {
    let server = MockServer::start().await;
    Mock::given(path(format!("/bot{TOKEN}/getUpdates")))
        .and(body_json(json!({ "offset": 5, "limit": 10, "timeout": 25, "allowed_updates": ["message"] })))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "ok": true, "result": [
            { "update_id": 5, "message": { "chat": { "id": -100, "type": "group" }, "from": { "first_name": "Ada" }, "text": "/start" } },
            { "update_id": 6, "message": { "chat": { "id": 1 }, "photo": [] } },
            { "update_id": 7, "poll": {} },
            "nonsense",
            { "update_id": 8, "message": { "chat": { "id": 42, "type": "private" }, "text": "/start" } }
        ] })))
        .mount(&server)
        .await;

    let updates = telegram(&server.uri()).updates(5).await.unwrap();

    let (chat, first_name, text) = ("-100".to_owned(), "Ada".to_owned(), "/start".to_owned());
    let message = Incoming { chat, private: None, first_name, text };
    assert_eq!(updates[0], Update { id: 5, message: Some(message) });
    assert_eq!(updates[1..3], [Update { id: 6, message: None }, Update { id: 7, message: None }]);
    let private = updates[3].message.as_ref().unwrap();
    assert_eq!((private.chat.as_str(), private.private), ("42", Some(42)));
}

#[tokio::test]
async fn an_invalid_token_or_url_fails_the_start_without_showing_the_token() {
    for (url, token) in [
        ("https://api.telegram.org", "SECRET"),
        ("https://api.telegram.org", "12:SECRET/../x"),
        ("https://api.telegram.org", "x:SECRET"),
        ("api.telegram.org", TOKEN),
        ("ftp://example.com", TOKEN),
    ] {
        let error = Telegram::new(url, &token.into(), Duration::from_secs(1)).err().unwrap().to_string();

        assert!(error.starts_with("TELEGRAM_") && !error.contains("SECRET"), "{error}");
    }
}

#[tokio::test]
async fn an_endless_response_costs_little_and_leaves_the_outcome_unknown() {
    let server = stand_ins::Endless::start().await.unwrap();
    // The timeout is long, so that the limit on the response's size ends the call.
    let telegram = Telegram::new(&server.url(), &TOKEN.into(), Duration::from_mins(1)).unwrap();

    let outcome = telegram.send(&MESSAGE).await;

    assert!(matches!(&outcome, Err(MessengerError::Unknown(problem)) if problem.contains("bytes")), "{outcome:?}");
    // The stand-in has sent more than the client read: the rest is in the buffers of the operating system.
    assert!(server.sent() < 16 << 20, "{} bytes", server.sent());
}

const WITH_CHAT: UserId = UserId::new(Uuid::from_u128(1));
const WITHOUT_CHAT: UserId = UserId::new(Uuid::from_u128(2));
const UNKNOWN: UserId = UserId::new(Uuid::from_u128(3));

#[tokio::test]
async fn iam_finds_chats() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "42"), ("telegram", "43")]);
    iam.add_user(WITHOUT_CHAT.uuid(), &[("email", "a@example.com"), ("telegram", "")]);
    let users = GrpcIam::new(testkit::peer("iam", iam.address));

    assert_eq!(users.contact(WITH_CHAT).await.unwrap(), Some(contact("42", false)));
    assert_eq!(users.contact(WITHOUT_CHAT).await.unwrap(), None);
    assert_eq!(users.contact(UNKNOWN).await.unwrap(), None);
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unavailable = GrpcIam::new(testkit::peer("iam", nowhere));
    assert!(unavailable.contact(WITH_CHAT).await.is_err());
}

fn contact(chat: &str, is_confirmed: bool) -> Contact {
    Contact { chat: chat.to_owned(), is_confirmed }
}

#[tokio::test]
async fn iam_confirms_contacts() {
    let iam = testkit::iam().await;
    iam.add_user(WITH_CHAT.uuid(), &[("telegram", "42"), ("telegram", "43")]);
    iam.add_code("CODE", WITH_CHAT.uuid());
    iam.add_code("OTHER", WITH_CHAT.uuid());
    let peer = testkit::peer_of("notification", "iam", iam.address);
    let contacts = GrpcIam::new(peer);

    assert_eq!(contacts.confirm("NONE", 43).await.unwrap(), Confirmation::WrongCode);
    assert_eq!(contacts.confirm("OTHER", 7).await.unwrap(), Confirmation::OtherChat);
    assert_eq!(contacts.confirm("CODE", 43).await.unwrap(), Confirmation::Confirmed);
    assert_eq!(contacts.confirm("CODE", 43).await.unwrap(), Confirmation::WrongCode, "it works once");
    assert_eq!(contacts.confirm("CODE", testkit::LIMITED_CHAT).await.unwrap(), Confirmation::TooMany);
    assert!(contacts.confirm("CODE", testkit::BUSY_CHAT).await.is_err(), "an iam that is busy has counted no code");
    assert_eq!(contacts.contact(WITH_CHAT).await.unwrap(), Some(contact("43", true)), "the confirmed one of two");
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unavailable = GrpcIam::new(testkit::peer("iam", nowhere));
    assert!(unavailable.confirm("CODE", 43).await.is_err());
}
