//! Tests that logins and e-mail addresses that differ only in case or Unicode form belong to one user.

use contracts::proto::common::v1::UserInfo;
use iam::repository::{MIGRATIONS, PgUsers};
use platform::{clock, ids};
use tonic::Code;

use crate::{
    fixture::{PASSWORD, iam, info, settings, start},
    stores::user,
};

/// Returns one login in several spellings: upper and lower case, full-width letters, decomposed letters, an invisible
/// character.
fn spellings(unique: &str) -> Vec<String> {
    let composed = format!("zoë-{unique}");
    let decomposed = format!("zoe\u{308}-{unique}");
    let wide = format!("ｚｏë-{unique}");
    let invisible = format!("zo\u{200b}ë-{unique}");
    [composed, decomposed, wide, invisible].into_iter().flat_map(|login| [login.to_uppercase(), login]).collect()
}

#[tokio::test]
async fn parallel_registrations_of_one_login_in_many_spellings_leave_one_user() {
    let iam = iam().await;
    let spellings = spellings(&ids::random().to_string());
    let calls = (0..50).map(|index| {
        let login = spellings[index % spellings.len()].clone();
        let info = UserInfo { login, ..info() };
        let iam = &iam;
        async move { iam.register(&info, PASSWORD).await }
    });

    let responses = futures::future::join_all(calls).await;

    let registered = responses.iter().filter(|response| response.is_ok()).count();
    let refused: Vec<_> = responses.iter().filter_map(|response| response.as_ref().err()).collect();
    assert_eq!(registered, 1, "users of one login");
    let codes = [Code::AlreadyExists, Code::ResourceExhausted];
    assert!(refused.iter().all(|status| codes.contains(&status.code())), "{refused:?}");
}

#[tokio::test]
async fn a_user_logs_in_with_any_spelling_and_all_count_for_the_lockout() {
    let iam = start(&settings().await.with([("IAM_LOCKOUT_FAILURES", "3".to_owned())])).await;
    let spellings = spellings(&ids::random().to_string());
    iam.register(&UserInfo { login: spellings[0].clone(), ..info() }, PASSWORD).await.unwrap();
    for spelling in &spellings {
        assert!(iam.login(spelling, PASSWORD).await.is_ok(), "{spelling}");
    }

    for spelling in &spellings[1..4] {
        assert_eq!(iam.login(spelling, "wrong password").await.unwrap_err().code(), Code::Unauthenticated);
    }

    assert_eq!(iam.login(&spellings[0], PASSWORD).await.unwrap_err().code(), Code::Unauthenticated, "locked out");
}

#[tokio::test]
async fn a_login_whose_key_is_larger_than_an_index_entry_is_registered_and_found() {
    let database = testkit::database(&MIGRATIONS).await;
    let users = PgUsers::new(database.pool.clone());
    // Each letter of this login becomes 18 letters in the key.
    let long = "\u{fdfa}".repeat(84);

    users.register(&user(&long, "long@example.com"), "hash").await.unwrap();
    users.register(&user("ann", "ann@example.com"), "hash").await.unwrap();

    for (login, expected) in [(&*long, Some(&*long)), ("ann", Some("ann")), ("ANN", Some("ann")), ("bob", None)] {
        let found = users.by_login(login, clock::now()).await.unwrap();
        assert_eq!(found.map(|account| account.user.info.login).as_deref(), expected, "{login}");
    }
}
