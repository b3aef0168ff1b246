//! Tests of the role `operator`: which users have it, and how they are created.

use std::sync::Arc;

use contracts::{
    identity::{GrpcSessions, OPERATOR},
    proto::common::v1::UserInfo,
};
use iam::{
    api::OwnSessions,
    config::{self, Config},
    error::Error,
    hashing::Hashing,
    model::{Operators, Password, User},
    repository::{MIGRATIONS, MemoryLoginAttempts, MemorySessions, MemoryUsers, PgUsers},
    service::{IamService, OperatorService},
};
use platform::{
    auth::{self, Credential, Sessions as _},
    clock, ids, random,
};
use tonic::Code;

use crate::{
    fixture::{Iam, PASSWORD, info, settings, start},
    stores::{self, BOUNDS, LIMITS, RULES},
};

pub fn hashing() -> Hashing {
    let cheap = config::Hashing {
        iam_argon2_memory_kib: 64,
        iam_argon2_iterations: 1,
        iam_hashing_threads: 1,
        iam_hashing_queue: 8,
        iam_registration_queue: 8,
    };
    Hashing::new(&cheap).expect("the parameters are valid")
}

fn user(login: &str) -> User {
    stores::user(login, &format!("{login}@example.com"))
}

pub fn password() -> Password {
    Password::given("password", PASSWORD.to_owned()).expect("it is not empty")
}

/// Starts a service with an operator. Returns it and the operator's UUID.
pub async fn with_operator(login: &str) -> (Iam, String) {
    with_operator_and(login, []).await
}

/// Does the same as [`with_operator`], with variables of the service.
pub async fn with_operator_and<const N: usize>(login: &str, own: [(&'static str, String); N]) -> (Iam, String) {
    let settings = settings().await.with([("IAM_OPERATORS", format!("other, {login}"))]).with(own);
    let iam = start(&settings).await;
    let pool = iam::SERVICE.pool("test", 1, &settings).expect("the settings name a database");
    let operators = Config::load(&settings).expect("the settings are valid").operators;
    let operator = user(login);
    let service = OperatorService::new(Arc::new(PgUsers::new(pool)), hashing(), operators);
    service.create(&operator, password(), [1; 16]).await.expect("the login is free");
    (iam, operator.id.to_string())
}

#[tokio::test]
async fn an_operator_is_answered_with_the_role_and_a_plain_user_without() {
    let login = format!("operator-{}", ids::random());
    let (iam, operator) = with_operator(&login).await;
    let (_, plain, plains) = iam.registered_user().await;
    let session = iam.login(&login, PASSWORD).await.unwrap();

    for (session, user, roles) in [(&session, &operator, &[OPERATOR][..]), (&plains, &plain, &[])] {
        assert_eq!(iam.whoami(session).await.unwrap().user.unwrap().roles, roles);
        assert_eq!(iam.get_user(Some(session), user).await.unwrap().roles, roles);
    }
    let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));
    assert_eq!(
        sessions.owner(&Credential::Session(session)).await,
        Ok(auth::User::operator(operator.parse().unwrap()))
    );
    assert_eq!(sessions.owner(&Credential::Session(plains)).await, Ok(auth::User::plain(plain.parse().unwrap())));
}

#[tokio::test]
async fn the_login_of_an_operator_is_refused_as_a_taken_one_is() {
    let login = format!("operator-{}", ids::random());
    let iam = start(&settings().await.with([("IAM_OPERATORS", login.clone())])).await;
    let taken = info();
    iam.register(&taken, PASSWORD).await.unwrap();

    let same_login = UserInfo { login: taken.login, ..info() };
    let expected = iam.register(&same_login, PASSWORD).await.unwrap_err();
    let refused = iam.register(&UserInfo { login: login.clone(), ..info() }, PASSWORD).await.unwrap_err();

    assert_eq!((refused.code(), refused.message()), (Code::AlreadyExists, expected.message()));
    assert_eq!(iam.login(&login, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);
    let other_case = UserInfo { login: login.to_uppercase(), ..info() };
    let refused = iam.register(&other_case, PASSWORD).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::AlreadyExists, expected.message()));
}

#[tokio::test]
async fn an_operator_is_created_once_and_only_for_a_login_of_an_operator() {
    let database = testkit::database(&MIGRATIONS).await;
    for users in
        [Arc::new(MemoryUsers::default()) as Arc<dyn iam::repository::Users>, Arc::new(PgUsers::new(database.pool))]
    {
        let service = OperatorService::new(users.clone(), hashing(), Operators::parse("ann,bob").unwrap());

        service.create(&user("ann"), password(), [1; 16]).await.unwrap();
        let before = users.by_login("ann", clock::now()).await.unwrap().unwrap();
        let again = service.create(&user("ann"), password(), [2; 16]).await.unwrap_err();
        let stranger = service.create(&user("eve"), password(), [3; 16]).await.unwrap_err();
        let after = users.by_login("ann", clock::now()).await.unwrap().unwrap();

        assert!(matches!(again, Error::LoginTaken), "{again}");
        assert!(matches!(stranger, Error::NotOperator), "{stranger}");
        assert_eq!((before.user, before.password_hash), (after.user, after.password_hash), "nothing has changed");
        assert!(users.by_login("eve", clock::now()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_guard_of_iam_itself_knows_operators() {
    let users = MemoryUsers::default();
    let operators = Operators::parse("ann").unwrap();
    let ann = user("ann");
    let create = OperatorService::new(Arc::new(users.clone()), hashing(), operators.clone());
    create.create(&ann, password(), [1; 16]).await.unwrap();
    let (sessions, attempts) = (Arc::new(MemorySessions::new(BOUNDS)), Arc::new(MemoryLoginAttempts::new(LIMITS)));
    let service = IamService::new(Arc::new(users), sessions, attempts, hashing(), RULES, operators, stores::tokens());
    let bob = user("bob");
    service.register(stores::attempt("bob").address, &bob, password(), [2; 16]).await.unwrap();

    for (login, expected) in [("ann", auth::User::operator(ann.id.uuid())), ("bob", auth::User::plain(bob.id.uuid()))] {
        let id = iam::model::SessionId::from_bits(random::secret());
        let attempt = stores::attempt(login);
        service.login(&attempt, password(), id, [3; 16], clock::now()).await.unwrap();

        assert_eq!(OwnSessions(service.clone()).owner(&Credential::Session(id.to_string())).await, Ok(expected));
    }
}
