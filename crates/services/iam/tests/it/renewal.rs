//! Tests of accounts whose passwords and hashes are older than the current rules and costs.

use iam::{config, hashing::Hashing, model::Password, repository::PgUsers};
use platform::{clock, config::Settings};
use tonic::Code;

use crate::{
    fixture::{PASSWORD, info, settings, start},
    stores::{self, ann},
};

fn users(settings: &Settings) -> PgUsers {
    PgUsers::new(iam::SERVICE.pool("test", 1, settings).expect("the settings name a database"))
}

async fn hash(users: &PgUsers, login: &str) -> String {
    users.by_login(login, clock::now()).await.unwrap().unwrap().password_hash
}

#[tokio::test]
async fn a_login_renews_a_hash_of_other_parameters() {
    let before = settings().await;
    let (old, known) = (start(&before).await, info());
    old.register(&known, PASSWORD).await.unwrap();
    let session = old.login(&known.login, PASSWORD).await.unwrap();
    let iam = start(&before.clone().with([("IAM_ARGON2_MEMORY_KIB", "128".to_owned())])).await;
    let users = users(&before);

    iam.login(&known.login, "a wrong password").await.unwrap_err();
    assert!(hash(&users, &known.login).await.contains("m=64,"));
    iam.login(&known.login, PASSWORD).await.unwrap();

    testkit::eventually(|| async { hash(&users, &known.login).await.contains("m=128,").then_some(()) }).await;
    assert!(iam.login(&known.login, PASSWORD).await.is_ok());
    assert!(iam.login(&known.login, "a wrong password").await.is_err());
    let user = iam.whoami(&session).await.unwrap().user.unwrap();
    assert_eq!(user.updated_at, user.created_at, "the user has not changed");
}

#[tokio::test]
async fn a_renewed_hash_does_not_undo_a_change_of_password() {
    let users = stores::users().await;
    let ann = ann();
    users.register(&ann, "old").await.unwrap();

    users.renew_hash(ann.id, "old", "renewed").await.unwrap();
    assert_eq!(hash(&users, "ann").await, "renewed");
    users.renew_hash(ann.id, "old", "late").await.unwrap();
    assert_eq!(hash(&users, "ann").await, "renewed");
    assert_eq!(users.find(ann.id).await.unwrap(), Some(ann));
}

#[tokio::test]
async fn an_account_with_a_short_password_still_logs_in() {
    let settings = settings().await;
    let (iam, users) = (start(&settings).await, users(&settings));
    let hashing = Hashing::new(&settings.read::<config::Hashing>().unwrap()).unwrap();
    let short = Password::given("password", "short".to_owned()).unwrap();
    let hash = hashing.hash(short, [1; 16]).await.unwrap();
    users.register(&ann(), &hash).await.unwrap();

    assert!(iam.login("ann", "short").await.is_ok());
}

#[tokio::test]
async fn the_least_length_of_a_new_password_can_be_raised() {
    let iam = start(&settings().await.with([("IAM_PASSWORD_MIN", "15".to_owned())])).await;
    let (known, _, session) = iam.registered_user().await;

    for status in [
        iam.register(&info(), "fourteen chars").await.map(drop).unwrap_err(),
        iam.change_password(&session, PASSWORD, "fourteen chars").await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().ends_with("must have at least 15 characters"), "{status}");
    }
    assert!(iam.register(&info(), "fifteen symbols").await.is_ok());
    assert!(iam.login(&known.login, PASSWORD).await.is_ok());
}
