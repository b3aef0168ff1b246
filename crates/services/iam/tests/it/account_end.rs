//! Tests of the end of an account.

use std::sync::Arc;

use contracts::{
    events::{self, Published as _, UserErased},
    ids::OrderId,
};
use iam::{
    error::Error,
    model::{ChatId, DeviceDigest, NotificationMethod, SessionId, User},
    repository::{MIGRATIONS, PgUsers, RedisLoginAttempts, RedisSessions},
    service::{AccountService, IamService},
};
use outbox::Waker;
use platform::{
    clock,
    grpc::{Unavailable, reason},
    ids,
    kafka::Message,
    random,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{
    fixture::{PASSWORD, settings, start},
    open_orders::OpenOrders,
    operators::{hashing, operated, password},
    stores::{self, BOUNDS, LIMITS, RULES, attempt, tokens},
};

const CHAT: i64 = 4_242_424_242;

struct Fixture {
    database: testkit::Database,
    users: PgUsers,
    orders: OpenOrders,
    iam: IamService,
    accounts: AccountService,
    user: User,
}

/// Registers ann, who has confirmed a Telegram contact.
async fn fixture() -> Fixture {
    let database = testkit::database(&MIGRATIONS).await;
    let users = PgUsers::new(database.pool.clone());
    let (redis, prefix) = (stores::connection_as_admin().await, stores::prefix());
    let sessions = Arc::new(RedisSessions::new(redis.clone(), prefix.clone(), BOUNDS));
    let attempts = Arc::new(RedisLoginAttempts::new(redis, prefix, LIMITS));
    let orders = OpenOrders::default();
    let iam = IamService::new(users.clone(), sessions, attempts, hashing(), RULES, tokens());
    let accounts = AccountService::new(iam.clone(), Arc::new(orders.clone()), Waker::default());
    let mut user = stores::ann();
    user.info.notification_methods = vec![NotificationMethod::new("telegram".to_owned(), CHAT.to_string())];
    iam.register(attempt("ann").address, &user, password(), [1; 16]).await.unwrap();
    let chat = ChatId::private("chat", CHAT).unwrap();
    let user = users.confirm_chat(user.id, chat, clock::now()).await.unwrap().unwrap();
    Fixture { database, users, orders, iam, accounts, user }
}

impl Fixture {
    async fn login(&self) -> Result<SessionId, Error> {
        let id = SessionId::from_bits(random::secret());
        self.iam.login(&attempt("ann"), password(), id, [2; 16], clock::now()).await.map(|()| id)
    }

    async fn delete(&self, session: SessionId) -> Result<(), Error> {
        let (times, user) = self.iam.whoami(session.into()).await?;
        self.accounts.delete(times.of(session, user), &attempt("ann"), password(), clock::now()).await
    }

    async fn is_open(&self, session: SessionId) -> bool {
        self.iam.whoami(session.into()).await.is_ok()
    }

    /// Returns the types, keys and payloads in the outbox.
    async fn events(&self) -> Vec<(String, Uuid, Vec<u8>)> {
        let rows = sqlx::query_as("select event_type, key, payload from outbox order by id");
        rows.fetch_all(&self.database.pool).await.unwrap()
    }

    async fn row(&self) -> String {
        let row = sqlx::query_scalar("select row_to_json(users)::text from users where uuid = $1");
        row.bind(self.user.id.uuid()).fetch_one(&self.database.pool).await.unwrap()
    }
}

#[tokio::test]
async fn an_account_ends_with_its_event_and_nothing_personal_stays() {
    let fixture = fixture().await;
    let ann = fixture.user.id;
    let [other, session] = [fixture.login().await.unwrap(), fixture.login().await.unwrap()];

    fixture.delete(session).await.unwrap();

    let row = fixture.row().await;
    for personal in ["ann\"", "example.com", "argon2", "telegram", &CHAT.to_string()] {
        assert!(!row.contains(personal), "{personal}: {row}");
    }
    let row: serde_json::Value = serde_json::from_str(&row).unwrap();
    assert_eq!((&row["known_devices"], &row["chat_confirmed_at"]), (&serde_json::json!({}), &serde_json::Value::Null));
    let [(kind, key, payload)] = &fixture.events().await[..] else { panic!("not one event") };
    let event = events::read::<UserErased>(&Message { payload: payload.clone(), ..Message::default() }).unwrap().event;
    assert_eq!((kind.as_str(), *key, event.user_uuid), (UserErased::TYPE, ann.uuid(), ann.to_string()));
    assert!(event.erased_at.is_some() && row["erased_at"].is_string());
    assert!(!fixture.is_open(session).await && !fixture.is_open(other).await);
    assert_eq!(fixture.users.find(ann).await.unwrap(), None);
    assert!(fixture.users.owners(&[ann]).await.unwrap().is_empty());
    let refused = fixture.login().await.unwrap_err();
    assert!(matches!(refused, Error::WrongCredentials), "{refused}");

    // Login and e-mail address are free for another account.
    let another = stores::ann();
    fixture.iam.register(attempt("ann").address, &another, password(), [3; 16]).await.unwrap();
    let session = fixture.login().await.unwrap();
    assert_eq!(fixture.iam.whoami(session.into()).await.unwrap().1.id, another.id);
}

#[tokio::test]
async fn what_arrives_late_writes_nothing_into_an_erased_row() {
    let fixture = fixture().await;
    let (ann, now) = (fixture.user.id, clock::now());
    assert!(fixture.users.erase(&fixture.user, now).await.unwrap());
    let erased = fixture.row().await;

    let device = DeviceDigest::with("$argon2id$", attempt("ann").address);
    fixture.users.remember_device(ann, &device, now).await.unwrap();
    let contacts = fixture.users.change_contacts(ann, "ann@example.com", &[], now).await.unwrap();
    let chat = fixture.users.confirm_chat(ann, ChatId::private("chat", CHAT).unwrap(), now).await.unwrap();
    let password = fixture.users.change_password(&fixture.user, "$argon2id$", now).await.unwrap();
    assert!(fixture.users.erase(&fixture.user, now).await.unwrap(), "it is erased already");

    assert_eq!((contacts, chat, password), (None, None, None));
    assert_eq!(fixture.row().await, erased);
    assert_eq!(fixture.events().await.len(), 1);
}

#[tokio::test]
async fn an_account_that_changes_meanwhile_stays() {
    let fixture = fixture().await;
    let changed = fixture.users.change_contacts(fixture.user.id, "new@example.com", &[], clock::now()).await.unwrap();

    assert!(!fixture.users.erase(&fixture.user, clock::now()).await.unwrap());

    assert_eq!(fixture.users.find(fixture.user.id).await.unwrap(), changed);
    assert!(fixture.events().await.is_empty());
}

#[tokio::test]
async fn an_account_with_an_open_order_stays_and_so_does_its_session() {
    let fixture = fixture().await;
    let session = fixture.login().await.unwrap();
    let open = [OrderId::new(ids::random()), OrderId::new(ids::random())];
    fixture.orders.will_respond(Ok((open.to_vec(), 23)));
    fixture.orders.will_respond(Err(Unavailable("order", "away".to_owned())));

    let refused = Status::from(fixture.delete(session).await.unwrap_err());
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, Some("ORDERS_OPEN")));
    assert_eq!(refused.message(), format!("orders are open: {}, {} and 21 more", open[0], open[1]));
    let unavailable = Status::from(fixture.delete(session).await.unwrap_err());
    assert_eq!(unavailable.code(), Code::Unavailable, "{unavailable}");

    assert!(fixture.is_open(session).await && fixture.events().await.is_empty());
    fixture.login().await.unwrap();
}

#[tokio::test]
async fn an_order_that_slips_in_ends_the_sessions_and_not_the_account() {
    let fixture = fixture().await;
    let session = fixture.login().await.unwrap();
    fixture.orders.will_respond(Ok((Vec::new(), 0)));
    fixture.orders.will_respond(Ok((vec![OrderId::new(ids::random())], 1)));

    let refused = fixture.delete(session).await.unwrap_err();

    assert!(matches!(refused, Error::OrdersOpen(_, 1)), "{refused}");
    assert!(!fixture.is_open(session).await, "no request can follow the one that created the order");
    let retired = fixture.login().await.unwrap_err();
    assert!(matches!(retired, Error::CredentialsChanging), "{retired}");
    assert_eq!(fixture.users.find(fixture.user.id).await.unwrap(), Some(fixture.user.clone()));
    assert!(fixture.events().await.is_empty());
}

#[tokio::test]
async fn an_account_ends_with_its_session_and_password_alone() {
    let iam = start(&settings().await.with([("IAM_LOCKOUT_FAILURES", "2".to_owned())])).await;
    let (_, user, session) = iam.registered_user().await;

    // Order is unavailable, so only a request with the right session and password fails with UNAVAILABLE.
    let right = iam.delete_account(Some(&session), PASSWORD).await.unwrap_err();
    assert_eq!(right.code(), Code::Unavailable, "{right}");
    for dead in [None, Some(""), Some("seven"), Some(user.as_str())] {
        let refused = iam.delete_account(dead, PASSWORD).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "invalid session"), "{dead:?}");
    }
    assert_eq!(iam.delete_account(Some(&session), "").await.unwrap_err().code(), Code::InvalidArgument);
    for password in ["a wrong password", "another one", PASSWORD] {
        let refused = iam.delete_account(Some(&session), password).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::Unauthenticated, "wrong login or password"),
            "{password}"
        );
    }
    assert!(iam.whoami(&session).await.is_ok());
}

#[tokio::test]
async fn an_operators_account_stays() {
    let (iam, _, session) = operated().await;

    let refused = iam.delete_account(Some(&session), PASSWORD).await.unwrap_err();

    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    assert!(refused.message().contains("role"), "{refused}");
    assert!(iam.whoami(&session).await.is_ok());
}
