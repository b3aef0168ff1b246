//! Tests of the role `operator`: which users have it, and that services notice at once when it is granted or revoked.

use std::sync::Arc;

use contracts::{
    identity::{GrpcSessions, OPERATOR},
    ids::UserId,
};
use iam::{
    api::OwnSessions,
    config,
    error::Error,
    hashing::Hashing,
    model::{Password, User},
    repository::{MIGRATIONS, MemoryLoginAttempts, MemorySessions, PgUsers},
    service::{IamService, OperatorService},
};
use platform::{
    auth::{self, Author, Credential, Sessions as _},
    clock, ids, random,
};

use crate::{
    fixture::{Iam, PASSWORD, settings, start},
    stores::{self, BOUNDS, LIMITS, RULES},
};

pub fn hashing() -> Hashing {
    let cheap = config::Hashing {
        iam_argon2_memory_kib: 64,
        iam_argon2_iterations: 1,
        iam_hashing_threads: 1,
        iam_hashing_queue: 8,
    };
    Hashing::new(&cheap).expect("the parameters are valid")
}

fn user(login: &str) -> User {
    stores::user(login, &format!("{login}@example.com"))
}

pub fn password() -> Password {
    Password::given("password", PASSWORD.to_owned()).expect("it is not empty")
}

/// Starts a service with an operator. Returns it, the operator's UUID, and a session of the operator.
pub async fn operated() -> (Iam, String, String) {
    let login = format!("operator-{}", ids::random());
    let (iam, operator) = with_operator(&login, []).await;
    let session = iam.login(&login, PASSWORD).await.expect("the operator logs in");
    (iam, operator, session)
}

/// Starts a service with an operator and with these variables. Returns it and the operator's UUID.
pub async fn with_operator<const N: usize>(login: &str, own: [(&'static str, String); N]) -> (Iam, String) {
    let iam = start(&settings().await.with(own)).await;
    let operator = user(login);
    let id = operator.id.to_string();
    operators(&iam).create(operator, &hashing(), password(), [1; 16]).await.expect("the login is free");
    (iam, id)
}

/// Returns the operator service that the command `shipyard operator` runs beside this service, in another process.
fn operators(iam: &Iam) -> OperatorService {
    let pool = iam::SERVICE.pool("test", 1, &iam.settings).expect("the settings name a database");
    OperatorService::new(PgUsers::new(pool), Author::command_line())
}

#[tokio::test]
async fn a_taken_role_is_gone_from_open_sessions_and_tokens_of_each_replica_at_once() {
    let login = format!("operator-{}", ids::random());
    let (first, operator) = with_operator(&login, []).await;
    let second = start(&first.settings).await;
    let session_uuid = first.login(&login, PASSWORD).await.unwrap();
    let token = first.token(&session_uuid).await;
    let uuid = operator.parse().unwrap();
    let asked = async |iam: &Iam, expected: auth::User| {
        let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));
        for credential in [Credential::Session(session_uuid.clone()), Credential::Token(token.clone())] {
            assert_eq!(sessions.owner(&credential).await, Ok(expected), "{credential:?}");
        }
        let roles: &[&str] = if expected.is_operator { &[OPERATOR] } else { &[] };
        assert_eq!(iam.whoami(&session_uuid).await.unwrap().user.unwrap().roles, roles);
        assert_eq!(iam.get_user(Some(&session_uuid), &operator).await.unwrap().roles, roles);
    };

    for iam in [&first, &second] {
        asked(iam, auth::User::operator(uuid)).await;
    }
    assert_eq!(operators(&first).remove(&login).await.unwrap().map(UserId::uuid), Some(uuid));
    for iam in [&second, &first, &second] {
        asked(iam, auth::User::plain(uuid)).await;
    }
    assert!(operators(&first).adopt(UserId::new(uuid), &login).await.unwrap());
    first.login(&login, PASSWORD).await.unwrap();
    asked(&second, auth::User::operator(uuid)).await;
}

#[tokio::test]
async fn the_role_is_given_only_to_a_new_user_or_to_the_user_with_both_uuid_and_login() {
    let users = stores::users().await;
    let service = OperatorService::new(users.clone(), Author::command_line());
    let roles = async || service.list().await.unwrap().into_iter().map(|user| user.login).collect::<Vec<_>>();
    let stranger = user("oscar");
    users.register(&stranger, "hash").await.unwrap();

    let taken = service.create(user("oscar"), &hashing(), password(), [1; 16]).await.unwrap_err();
    let spelled = service.adopt(stranger.id, "Oscar").await.unwrap_err();
    let unknown = service.adopt(user("eve").id, "oscar").await.unwrap_err();
    assert!(matches!(taken, Error::LoginTaken), "{taken}");
    assert!(matches!((&spelled, &unknown), (Error::UserNotFound, Error::UserNotFound)), "{spelled}");
    assert_eq!(roles().await, Vec::<String>::new());

    service.create(user("ann"), &hashing(), password(), [1; 16]).await.unwrap();
    assert!(service.adopt(stranger.id, "oscar").await.unwrap());
    assert!(!service.adopt(stranger.id, "oscar").await.unwrap(), "it has the role");
    assert_eq!(roles().await, ["ann", "oscar"]);
    assert!(users.find(stranger.id).await.unwrap().unwrap().is_operator);

    assert!(matches!(service.remove("OSCAR").await.unwrap_err(), Error::UserNotFound));
    assert_eq!(service.remove("oscar").await.unwrap(), Some(stranger.id));
    assert_eq!(service.remove("oscar").await.unwrap(), None);
    assert_eq!(roles().await, ["ann"]);
}

#[tokio::test]
async fn the_guard_of_iam_itself_knows_operators() {
    let users = PgUsers::new(testkit::database(&MIGRATIONS).await.pool);
    let operators = OperatorService::new(users.clone(), Author::command_line());
    let (ann, bob) = (user("ann"), user("bob"));
    operators.create(ann.clone(), &hashing(), password(), [1; 16]).await.unwrap();
    // The session store of `cargo run`, which no command reaches.
    let (sessions, attempts) = (Arc::new(MemorySessions::new(BOUNDS)), Arc::new(MemoryLoginAttempts::new(LIMITS)));
    let service = IamService::new(users, sessions, attempts, hashing(), RULES, stores::tokens());
    service.register(stores::attempt("bob").address, &bob, password(), [2; 16]).await.unwrap();
    let mut sessions = Vec::new();
    for login in ["ann", "bob"] {
        let id = iam::model::SessionId::from_bits(random::secret());
        service.login(&stores::attempt(login), password(), id, [3; 16], clock::now()).await.unwrap();
        sessions.push(Credential::Session(id.to_string()));
    }
    let guard = OwnSessions(service);

    assert_eq!(guard.owner(&sessions[0]).await, Ok(auth::User::operator(ann.id.uuid())));
    assert_eq!(guard.owner(&sessions[1]).await, Ok(auth::User::plain(bob.id.uuid())));
    operators.remove("ann").await.unwrap();
    assert_eq!(guard.owner(&sessions[0]).await, Ok(auth::User::plain(ann.id.uuid())));
}
