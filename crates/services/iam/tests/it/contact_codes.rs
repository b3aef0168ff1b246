//! The contract suite of contact codes, run over Redis and in memory, and tests of confirmed chats.

use std::{sync::Arc, time::Duration};

use contracts::ids::UserId;
use iam::{
    model::{ChatId, CodeDigest, ContactCode, NotificationMethod, User},
    repository::{CodeLimit, ContactCodes, Taken},
};
use platform::clock;
use testkit::new_user;

use crate::stores::{LONG, ann, contact_codes, user, users};

const LIMIT: CodeLimit = CodeLimit { wrong: 3, window: LONG };

fn digest(bits: u128) -> CodeDigest {
    ContactCode::from_bits(bits).digest()
}

fn chat(number: i64) -> ChatId {
    ChatId::private("chat", number).unwrap()
}

/// Takes a code from a chat. Returns the code's user, or `None` if the code does not exist.
async fn take(codes: &Arc<dyn ContactCodes>, code: u128, number: i64) -> Option<UserId> {
    match codes.take(&digest(code), chat(number)).await.unwrap() {
        Taken::Of(user) => Some(user),
        Taken::Unknown | Taken::Limited => None,
    }
}

#[tokio::test]
async fn of_parallel_calls_with_one_code_one_gets_it() {
    for (store, codes) in contact_codes(CodeLimit { wrong: 1000, ..LIMIT }).await {
        let user = new_user();
        codes.create(user, &digest(1), LONG).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for number in 1..=50 {
            let codes = codes.clone();
            calls.spawn(async move { take(&codes, 1, number).await });
        }

        let taken: Vec<_> = calls.join_all().await.into_iter().flatten().collect();

        assert_eq!(taken, [user], "{store}");
        assert_eq!(take(&codes, 1, 1).await, None, "{store}: it was used");
    }
}

#[tokio::test]
async fn a_newer_code_replaces_a_users_code_and_a_code_expires() {
    for (store, codes) in contact_codes(LIMIT).await {
        let (ann, short) = (new_user(), Duration::from_millis(150));
        codes.create(ann, &digest(1), LONG).await.unwrap();
        codes.create(ann, &digest(2), LONG).await.unwrap();
        assert_eq!(take(&codes, 1, 7).await, None, "{store}: there is a newer one");
        assert_eq!(take(&codes, 2, 7).await, Some(ann), "{store}");

        codes.create(ann, &digest(3), short).await.unwrap();
        tokio::time::sleep(2 * short).await;
        assert_eq!(take(&codes, 3, 7).await, None, "{store}");
    }
}

#[tokio::test]
async fn a_chat_that_gives_wrong_codes_is_refused_and_others_are_not() {
    let window = Duration::from_millis(400);
    for (store, codes) in contact_codes(CodeLimit { window, ..LIMIT }).await {
        let ann = new_user();
        codes.create(ann, &digest(1), LONG).await.unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for guess in 100..150 {
            let codes = codes.clone();
            calls.spawn(async move { codes.take(&digest(guess), chat(7)).await.unwrap() });
        }
        let outcomes = calls.join_all().await;
        let unknown = outcomes.iter().filter(|outcome| **outcome == Taken::Unknown).count();
        assert_eq!((unknown, outcomes.len()), (3, 50), "{store}: parallel guesses do not pass the limit");

        assert_eq!(codes.take(&digest(1), chat(7)).await.unwrap(), Taken::Limited, "{store}: also with the right one");
        assert_eq!(take(&codes, 1, 8).await, Some(ann), "{store}: another chat is not concerned");
        codes.create(ann, &digest(2), LONG).await.unwrap();
        tokio::time::sleep(2 * window).await;
        assert_eq!(take(&codes, 2, 7).await, Some(ann), "{store}: after the window");
    }
}

#[tokio::test]
async fn a_right_code_does_not_reset_the_count_of_wrong_ones() {
    for (store, codes) in contact_codes(LIMIT).await {
        for round in 0..3 {
            codes.create(new_user(), &digest(round), LONG).await.unwrap();
            assert_eq!(take(&codes, 1000, 7).await, None, "{store}");
            if round < 2 {
                assert!(take(&codes, round, 7).await.is_some(), "{store}: round {round}");
            }
        }
        assert_eq!(codes.take(&digest(2), chat(7)).await.unwrap(), Taken::Limited, "{store}");
    }
}

fn with_chats(login: &str, targets: &[&str]) -> User {
    let mut user = user(login, &format!("{login}@example.com"));
    let method = |target: &&str| NotificationMethod::new("telegram".to_owned(), (*target).to_owned());
    user.info.notification_methods = targets.iter().map(method).collect();
    user
}

fn confirmed(user: &User) -> Vec<&str> {
    let methods = user.info.notification_methods.iter();
    methods.filter(|method| method.is_confirmed).map(|method| method.target.as_str()).collect()
}

#[tokio::test]
async fn a_confirmed_chat_is_shown_with_the_method_that_names_it_and_makes_a_new_version_once() {
    let users = users().await;
    let ann = with_chats("ann", &["42", "43"]);
    users.register(&ann, "hash").await.unwrap();
    assert!(confirmed(&users.find(ann.id).await.unwrap().unwrap()).is_empty());

    // The time is earlier than the last change, because another replica's clock may be behind.
    let first = users.confirm_chat(ann.id, chat(43), ann.updated_at - LONG).await.unwrap().unwrap();
    let again = users.confirm_chat(ann.id, chat(43), clock::now() + LONG).await.unwrap().unwrap();

    assert_eq!(confirmed(&first), ["43"]);
    assert!(first.updated_at > ann.updated_at, "{:?}", first.updated_at);
    assert_eq!(again, first, "a retry changes nothing");
    assert_eq!(users.find(ann.id).await.unwrap().as_ref(), Some(&first));
    let account = users.by_login("ann", clock::now()).await.unwrap().unwrap();
    assert_eq!((account.user, account.password_hash.as_str()), (first, "hash"));
    let other = users.confirm_chat(ann.id, chat(42), clock::now()).await.unwrap().unwrap();
    assert_eq!(confirmed(&other), ["42"], "one chat at a time");
}

#[tokio::test]
async fn a_chat_that_the_user_does_not_name_is_not_confirmed() {
    let users = users().await;
    let mut bob = with_chats("bob", &["42", "-100"]);
    bob.info.notification_methods.push(NotificationMethod::new("push".to_owned(), "44".to_owned()));
    users.register(&ann(), "hash").await.unwrap();
    users.register(&bob, "hash").await.unwrap();

    for (user, number) in [(ann().id, 42), (bob.id, 43), (bob.id, 44), (bob.id, 100), (new_user(), 42)] {
        assert_eq!(users.confirm_chat(user, chat(number), clock::now()).await.unwrap(), None, "{number}");
    }
    assert_eq!(users.find(bob.id).await.unwrap(), Some(bob), "nothing has changed");
}
