//! Tests that logins and e-mail addresses that differ only in case or Unicode form belong to one user.

use contracts::proto::common::v1::UserInfo;
use iam::{
    model::Operators,
    repository::{Collision, MIGRATIONS, PgUsers, Users as _, collisions, fill_keys},
};
use platform::{clock, ids, postgres::Database};
use tonic::Code;

use crate::{
    fixture::{PASSWORD, iam, info, settings, start},
    stores::user,
};

/// Returns one login in several spellings: upper and lower case, full-width letters, decomposed letters, an invisible character.
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

    let answers = futures::future::join_all(calls).await;

    let registered = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert_eq!(registered, 1, "users of one login");
    let codes = [Code::AlreadyExists, Code::ResourceExhausted];
    assert!(refused.into_iter().all(|status| codes.contains(&status.code())));
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

/// Adds a user as a release without caseless keys does.
async fn add_old(pool: &Database, login: &str, email: &str) -> iam::model::User {
    let user = user(login, email);
    sqlx::query(
        "insert into users (uuid, login, email, password_hash, created_at, updated_at) values ($1, $2, $3, $2, $4, $4)",
    )
    .bind(user.id.uuid())
    .bind(login)
    .bind(email)
    .bind(user.created_at)
    .execute(pool)
    .await
    .unwrap();
    user
}

async fn found(users: &PgUsers, login: &str) -> Option<String> {
    users.by_login(login, clock::now()).await.unwrap().map(|account| account.user.info.login)
}

#[tokio::test]
async fn users_of_an_older_version_get_keys_and_those_that_collide_keep_their_logins() {
    let database = testkit::database(&MIGRATIONS).await;
    let users = PgUsers::new(database.pool.clone());
    let first = add_old(&database.pool, "ann", "ann@example.com").await;
    let second = add_old(&database.pool, "Ann", "other@example.com").await;
    let third = add_old(&database.pool, "bob", "ａnn@example.com").await;
    // Each letter of this login becomes 18 letters in the key, so the key is larger than an index entry may be.
    let long = "\u{fdfa}".repeat(84);
    add_old(&database.pool, &long, "long@example.com").await;
    assert_eq!(found(&users, "bob").await.as_deref(), Some("bob"), "before its key is filled");

    assert_eq!(fill_keys(&database.pool).await.unwrap(), 4);
    assert_eq!(fill_keys(&database.pool).await.unwrap(), 0);

    for (login, expected) in [("ann", Some("ann")), ("Ann", Some("Ann")), ("ANN", None), ("BOB", Some("bob"))] {
        assert_eq!(found(&users, login).await.as_deref(), expected, "{login}");
    }
    assert!(users.register(&user("aNN", "new@example.com"), "hash").await.is_err());
    let collision = |field: &str, users: [&iam::model::User; 2]| Collision {
        field: field.to_owned(),
        users: users.map(|user| user.id).to_vec(),
    };
    let expected = [collision("login", [&first, &second]), collision("email", [&first, &third])];
    assert_eq!(collisions(&database.pool, 10).await.unwrap(), expected);
    assert_eq!(collisions(&database.pool, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_job_fills_what_an_older_replica_registers_and_the_start_does_not_fail() {
    let settings = settings().await;
    let pool = iam::SERVICE.pool("test", 1, &settings).unwrap();
    add_old(&pool, "ann", "ann@example.com").await;
    add_old(&pool, "Ann", "other@example.com").await;

    let _iam = start(&settings).await;

    let filled = || async { collisions(&pool, 1).await.unwrap().pop() };
    testkit::eventually(filled).await;
}

#[test]
fn a_stranger_with_another_spelling_does_not_become_an_operator() {
    let operators = Operators::parse("ann").unwrap();

    assert!(operators.reserve("ANN"), "cannot be registered");
    assert!(!operators.include(&(&user("ANN", "stranger@example.com")).into()), "was registered when it could be");
    assert!(operators.include(&(&user("ann", "ann@example.com")).into()));
}
