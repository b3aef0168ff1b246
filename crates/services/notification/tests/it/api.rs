//! The whole service over real PostgreSQL and Kafka, with stand-ins for iam and Telegram.

use std::{net::SocketAddr, time::Duration};

use contracts::events::{DELIVERY_STATUSES, DeliveryStatusUpdated, Event, OrderPaid, ShipAssembled};
use contracts::proto::notification::v1::{
    ListNotificationsRequest, Notification, NotificationStatus, ResendNotificationRequest,
    notification_service_client::NotificationServiceClient,
};
use notification::{app, config::Config, model::Kind, repository::MIGRATIONS};
use outbox::Record;
use platform::{
    grpc::{Peer, reason},
    ids,
    kafka::dead_letter_topic,
    postgres::Database,
};
use serde_json::{Value, json};
use testkit::{Iam, Kafka, Running, eventually};
use tonic::{Code, Request, Status};
use uuid::Uuid;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, path},
};

const TOKEN: &str = "123456:token";

/// The service, and the systems that it calls.
struct Fixture {
    pool: Database,
    kafka: Kafka,
    iam: Iam,
    telegram: MockServer,
    address: SocketAddr,
    _service: Running,
}

impl Fixture {
    async fn new(token: Option<&str>) -> Self {
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let telegram = MockServer::start().await;
        let no_updates = ok(&json!([])).set_delay(Duration::from_mins(1));
        Mock::given(path(format!("/bot{TOKEN}/getUpdates"))).respond_with(no_updates).mount(&telegram).await;
        let settings = testkit::settings()
            .with(kafka.settings())
            .with([
                ("NOTIFICATION_DATABASE_URL", database.url),
                ("IAM_ADDRESS", iam.address.to_string()),
                ("TELEGRAM_API_URL", telegram.uri()),
                ("TELEGRAM_CHAT_ID", "-100".to_owned()),
            ])
            .with(token.map(|token| ("TELEGRAM_BOT_TOKEN", token.to_owned())));
        let (address, running) = testkit::start(app::build(Config::load(&settings).unwrap()).await.unwrap()).await;
        Self { pool: database.pool, kafka, iam, telegram, address, _service: running }
    }

    /// Sets the response to messages to this chat, or to all.
    async fn telegram_responds(&self, chat: Option<&str>, response: ResponseTemplate) {
        let mut mock = Mock::given(path(format!("/bot{TOKEN}/sendMessage")));
        if let Some(chat) = chat {
            mock = mock.and(body_partial_json(json!({ "chat_id": chat })));
        }
        mock.respond_with(response).mount(&self.telegram).await;
    }

    /// The chat and text of each message sent to Telegram.
    async fn sent(&self) -> Vec<(String, String)> {
        let requests = self.telegram.received_requests().await.unwrap_or_default();
        let messages = requests.iter().filter(|request| request.url.path().ends_with("/sendMessage"));
        let bodies = messages.map(|request| request.body_json::<Value>().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        bodies.map(|body| (text(&body["chat_id"]), text(&body["text"]))).collect()
    }

    async fn publish<E: Event>(&self, order: Uuid, event: E) {
        let event = contracts::events::record(order, event);
        let headers = [("event-type".to_owned(), event.kind.to_owned())].into();
        let topic = self.kafka.topics().of::<E>().to_owned();
        let key = order.to_string().into_bytes();
        self.kafka.publish(vec![Record { topic, key, payload: event.payload, headers }]).await;
    }

    /// Returns the number of events in the consumer's inbox.
    async fn handled(&self, consumer: &str) -> usize {
        let count: i64 = sqlx::query_scalar("select count(*) from inbox where consumer = $1")
            .bind(consumer)
            .fetch_one(&self.pool)
            .await
            .expect("there is an inbox");
        usize::try_from(count).expect("a count is not negative")
    }

    /// The order's notifications, as listed to a service.
    async fn notifications(&self, order: Uuid) -> Vec<Notification> {
        self.list(order, None).await.unwrap()
    }

    /// Returns a channel without the identity of a service.
    fn peer(&self) -> Peer {
        Peer::lazy("notification", "TEST_ADDRESS", &self.address.to_string()).unwrap()
    }

    async fn list(&self, order: Uuid, session: Option<&str>) -> Result<Vec<Notification>, Status> {
        let request = ListNotificationsRequest { order_uuid: order.to_string() };
        let (request, peer) = match session {
            Some(session) => (testkit::with_session(session, request), self.peer()),
            None => (Request::new(request), testkit::peer("notification", self.address)),
        };
        let mut client = NotificationServiceClient::new(peer);
        Ok(client.list_notifications(request).await?.into_inner().notifications)
    }

    async fn resend(&self, order: Uuid, kind: &str, session: &str) -> Result<Notification, Status> {
        let message = ResendNotificationRequest { order_uuid: order.to_string(), kind: kind.to_owned() };
        let request = testkit::with_session(session, message);
        let mut client = NotificationServiceClient::new(self.peer());
        Ok(client.resend_notification(request).await?.into_inner().notification.unwrap())
    }

    /// Makes all sent and failed notifications look as if they had ended an hour ago.
    async fn end_earlier(&self) {
        let earlier = "update notifications set next_attempt_at = now() - interval '1 hour' where status <> 'queued'";
        sqlx::query(earlier).execute(&self.pool).await.expect("the table is there");
    }

    /// Counts the notifications that were queued again. The audit measures their age from `queued_at`.
    async fn queued_again(&self) -> i64 {
        let again = "select count(*) from notifications where queued_at > created_at";
        sqlx::query_scalar(again).fetch_one(&self.pool).await.expect("the table is there")
    }

    /// Waits until the order has `count` notifications and none is queued, and returns them.
    async fn settled(&self, order: Uuid, count: usize) -> Vec<Notification> {
        eventually(|| async {
            let all = self.notifications(order).await;
            let settled = all.len() == count && all.iter().all(|one| one.status() != NotificationStatus::Queued);
            settled.then_some(all)
        })
        .await
    }
}

fn ok(result: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "ok": true, "result": result }))
}

fn paid(order: Uuid, user: Uuid) -> OrderPaid {
    OrderPaid {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        payment_method: "CARD".to_owned(),
        transaction_uuid: ids::random().to_string(),
        ..OrderPaid::default()
    }
}

fn updated(order: Uuid, user: Uuid, status: &str) -> DeliveryStatusUpdated {
    DeliveryStatusUpdated {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        delivery_uuid: ids::random().to_string(),
        status: status.to_owned(),
        tracking_number: "A1B2C3D4E5F6".to_owned(),
        ..DeliveryStatusUpdated::default()
    }
}

fn assembled(order: Uuid, user: Uuid) -> ShipAssembled {
    let (order_uuid, user_uuid) = (order.to_string(), user.to_string());
    ShipAssembled { order_uuid, user_uuid, build_time_sec: 3, ..ShipAssembled::default() }
}

#[tokio::test]
async fn a_user_is_notified_of_an_order_and_can_list_the_notifications() {
    let fixture = Fixture::new(Some(TOKEN)).await;
    fixture.telegram_responds(None, ok(&json!({ "message_id": 1 }))).await;
    let (order, user) = (ids::random(), ids::random());
    fixture.iam.add_user(user, &[("telegram", "42")]);

    fixture.publish(order, paid(order, user)).await;
    fixture.settled(order, 1).await;
    fixture.publish(order, assembled(order, user)).await;
    fixture.publish(order, paid(order, user)).await;
    let seen = fixture.settled(order, 2).await;
    let owner = fixture.list(order, Some(&fixture.iam.session(user))).await.unwrap();
    let stranger = fixture.list(order, Some(&fixture.iam.session(ids::random()))).await.unwrap();
    let dead = fixture.list(order, Some("no session")).await.unwrap_err();

    let sent = fixture.sent().await;
    assert!(sent.iter().all(|(chat, text)| chat == "42" && text.contains(&order.to_string())));
    assert!(sent.len() == 2 && sent[0].1.contains("is paid (card)") && sent[1].1.contains("built in 3 s"), "{sent:?}");
    let kinds: Vec<_> = seen.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["order_paid", "ship_assembled"]);
    for one in &seen {
        assert_eq!((one.order_uuid.clone(), one.user_uuid.clone()), (order.to_string(), user.to_string()));
        assert_eq!((one.status(), one.attempts, one.ambiguous), (NotificationStatus::Sent, 1, false));
        assert!(one.created_at.is_some() && one.sent_at.is_some() && Uuid::try_parse(&one.uuid).is_ok());
    }
    assert_eq!(owner, seen);
    assert_eq!(stranger, []);
    assert_eq!((dead.code(), dead.message()), (Code::Unauthenticated, "invalid session"));
}

#[tokio::test]
async fn a_user_is_notified_of_the_delivery_once_and_of_no_other_status() {
    let fixture = Fixture::new(Some(TOKEN)).await;
    fixture.telegram_responds(None, ok(&json!({ "message_id": 1 }))).await;
    let (order, other, user) = (ids::random(), ids::random(), ids::random());
    fixture.iam.add_user(user, &[("telegram", "42")]);

    for order in [order, other] {
        // Publishes each status twice for both orders; `other` gets no DELIVERED.
        let statuses = DELIVERY_STATUSES.into_iter().filter(|status| order != other || *status != "DELIVERED");
        for status in statuses {
            fixture.publish(order, updated(order, user, status)).await;
            fixture.publish(order, updated(order, user, status)).await;
        }
    }
    let taken = 2 * DELIVERY_STATUSES.len() - 1;
    eventually(|| async {
        (fixture.handled("notification-group-delivery-status-updated").await == taken).then_some(())
    })
    .await;
    let seen = fixture.settled(order, 1).await;

    assert_eq!((seen[0].kind.as_str(), seen[0].status()), ("ship_delivered", NotificationStatus::Sent));
    assert_eq!(fixture.notifications(other).await, []);
    let text = format!("Your ship is delivered.\nOrder: {order}\nTracking number: A1B2C3D4E5F6");
    assert_eq!(fixture.sent().await, [("42".to_owned(), text)]);
}

#[tokio::test]
async fn a_rejected_message_is_resent_to_the_contact_that_the_owner_has_then() {
    let fixture = Fixture::new(Some(TOKEN)).await;
    let refusal = json!({ "ok": false, "error_code": 403, "description": "Forbidden: bot was blocked by the user" });
    fixture.telegram_responds(Some("403"), ResponseTemplate::new(403).set_body_json(refusal)).await;
    fixture.telegram_responds(Some("42"), ok(&json!({ "message_id": 1 }))).await;
    let (order, user) = (ids::random(), ids::random());
    fixture.iam.add_user(user, &[("telegram", "403")]);
    fixture.publish(order, paid(order, user)).await;
    fixture.settled(order, 1).await;
    fixture.iam.add_user(user, &[("telegram", "42")]);
    let (owner, stranger) = (fixture.iam.session(user), fixture.iam.session(ids::random()));

    let others = fixture.resend(order, "order_paid", &stranger).await.unwrap_err();
    let unknown = fixture.resend(order, "ship_assembled", &owner).await.unwrap_err();
    let invalid = fixture.resend(order, "paid", &owner).await.unwrap_err();
    let soon = fixture.resend(order, "order_paid", &owner).await.unwrap_err();
    fixture.end_earlier().await;
    let before = fixture.queued_again().await;
    let resent = fixture.resend(order, "order_paid", &owner).await.unwrap();

    assert_eq!((before, fixture.queued_again().await), (0, 1));
    assert_eq!((others.code(), unknown.code()), (Code::NotFound, Code::NotFound));
    let kinds = Kind::ALL.map(Kind::as_str).join(", ");
    assert_eq!(invalid.message(), format!("kind: must be one of {kinds}"));
    assert_eq!((soon.code(), reason(&soon)), (Code::FailedPrecondition, Some("NOTIFICATION_JUST_ENDED")));
    assert_eq!((resent.status(), resent.attempts), (NotificationStatus::Queued, 1));
    let sent = fixture.settled(order, 1).await;
    assert_eq!((sent[0].status(), sent[0].attempts, sent[0].ambiguous), (NotificationStatus::Sent, 2, false));
    let chats: Vec<_> = fixture.sent().await.into_iter().map(|(chat, _)| chat).collect();
    assert_eq!(chats, ["403", "42"]);
}

#[tokio::test]
async fn without_a_token_notifications_are_logged_and_poison_is_dead_lettered() {
    let fixture = Fixture::new(None).await;
    let (order, user) = (ids::random(), ids::random());
    let topic = fixture.kafka.topic::<OrderPaid>();
    let key = order.to_string().into_bytes();
    let poison = Record { topic: topic.clone(), key, payload: b"no protobuf".to_vec(), headers: [].into() };

    fixture.kafka.publish(vec![poison]).await;
    fixture.publish(order, paid(order, user)).await;

    let seen = fixture.settled(order, 1).await;
    let dead = eventually(|| async {
        let dead = fixture.kafka.messages(&dead_letter_topic(&topic)).await;
        (!dead.is_empty()).then_some(dead)
    })
    .await;
    assert_eq!(seen[0].status(), NotificationStatus::Sent);
    assert_eq!((dead.len(), dead[0].payload.as_slice()), (1, b"no protobuf".as_slice()));
    assert!(fixture.telegram.received_requests().await.unwrap_or_default().is_empty());
}
