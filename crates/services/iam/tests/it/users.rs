//! The repository of users.

use std::time::Duration;

use contracts::ids::UserId;
use iam::{
    error::Error,
    model::{ChatId, NotificationMethod},
};
use platform::{clock, ids};

use crate::stores::{ann, user, users};

#[tokio::test]
async fn a_login_and_an_address_belong_to_one_user() {
    let users = users().await;
    users.register(&ann(), "hash").await.unwrap();

    for (login, email) in [
        ("ann", "other@example.com"),
        ("ann", "ann@example.com"),
        ("Ann", "bob@example.com"),
        ("ａｎｎ", "bob@example.com"),
        ("bob", "Ann@Example.com"),
        ("bob", "ａnn@example.com"),
    ] {
        let another = user(login, email);
        for taken in [users.check_free(&another.info).await, users.register(&another, "hash").await] {
            let named = if login == "bob" { Error::EmailTaken } else { Error::LoginTaken };
            assert_eq!(taken.unwrap_err().to_string(), named.to_string(), "{login} {email}");
        }
    }
    users.check_free(&user("bob", "bob@example.com").info).await.unwrap();
    assert_eq!(users.by_login("ANN", clock::now()).await.unwrap().unwrap().user.info.login, "ann");
}

#[tokio::test]
async fn a_registration_may_be_retried() {
    let users = users().await;
    let ann = ann();

    users.register(&ann, "hash").await.unwrap();
    let again = users.register(&ann, "hash").await;

    assert!(again.is_ok(), "{again:?}");
}

#[tokio::test]
async fn a_password_is_changed_once_from_each_state() {
    let users = users().await;
    let ann = ann();
    let (second, third) = (ann.updated_at + Duration::from_secs(1), ann.updated_at + Duration::from_secs(2));
    users.register(&ann, "first").await.unwrap();

    assert_eq!(users.change_password(&ann, "second", second).await.unwrap(), Some(second));
    assert_eq!(
        users.change_password(&ann, "second", third).await.unwrap(),
        Some(second),
        "a retry of the same change succeeds"
    );
    let late = users.change_password(&ann, "third", third).await.unwrap();
    assert_eq!(late, None, "the user has changed since");

    let account = users.by_login("ann", clock::now()).await.unwrap().unwrap();
    assert_eq!((account.password_hash.as_str(), account.user.updated_at), ("second", second));
    assert_eq!(account.user.created_at, ann.created_at);
    let unknown = users.change_password(&user("bob", "bob@example.com"), "x", second).await.unwrap();
    assert_eq!(unknown, None);
}

#[tokio::test]
async fn a_changed_password_is_later_than_the_change_before_also_if_the_clock_is_behind() {
    let users = users().await;
    let ann = ann();
    users.register(&ann, "first").await.unwrap();
    let ahead = ann.updated_at + Duration::from_mins(1);
    let known = users.change_contacts(ann.id, "new@example.com", &[], ahead).await.unwrap().unwrap();

    let changed = users.change_password(&known, "second", ann.updated_at).await.unwrap().unwrap();

    assert!(changed > known.updated_at, "{changed} after {}", known.updated_at);
    assert_eq!(users.find(ann.id).await.unwrap().unwrap().updated_at, changed);
}

#[tokio::test]
async fn changed_contacts_replace_those_before_and_the_confirmed_chat_stays_confirmed() {
    let users = users().await;
    let telegram = |target: &str| NotificationMethod::new("telegram".to_owned(), target.to_owned());
    let mut ann = ann();
    ann.info.notification_methods = vec![telegram("42")];
    let bob = user("bob", "bob@example.com");
    users.register(&ann, "hash").await.unwrap();
    users.register(&bob, "hash").await.unwrap();
    users.confirm_chat(ann.id, ChatId::parse("target", "42").unwrap(), clock::now()).await.unwrap().unwrap();
    let change = async |id, email: &str, targets: &[&str]| {
        let methods: Vec<_> = targets.iter().map(|target| telegram(target)).collect();
        users.change_contacts(id, email, &methods, ann.updated_at).await
    };

    let changed = change(ann.id, "new@example.com", &["43", "42"]).await.unwrap().unwrap();
    let confirmed: Vec<bool> = changed.info.notification_methods.iter().map(|one| one.is_confirmed).collect();
    assert_eq!((changed.info.email.as_str(), confirmed), ("new@example.com", vec![false, true]));
    assert!(changed.updated_at > ann.updated_at, "also if the clock stands still");
    assert_eq!(users.find(ann.id).await.unwrap(), Some(changed));

    let other_case = change(ann.id, "New@Example.com", &["43"]).await.unwrap().unwrap();
    assert!(!other_case.info.notification_methods[0].is_confirmed);
    let taken = change(bob.id, "NEW@example.com", &[]).await;
    assert!(matches!(taken, Err(Error::EmailTaken)), "{taken:?}");
    assert_eq!(users.find(bob.id).await.unwrap(), Some(bob));
    assert_eq!(change(UserId::new(ids::random()), "nobody@example.com", &[]).await.unwrap(), None);
}
