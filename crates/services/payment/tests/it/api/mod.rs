//! Tests of the running service with its database and broker, called over gRPC.

mod balances;
mod completions;
mod payments;
mod refunds;

use std::net::SocketAddr;

use contracts::events::OrderCancelled;
use contracts::proto::payment::v1::{
    GetBalanceRequest, GetPaymentRequest, PayOrderRequest, Payment, PaymentMethod, VoidAttemptRequest,
    payment_service_client::PaymentServiceClient,
};
use outbox::Record;
use payment::{app, config::Config, repository::MIGRATIONS};
use platform::{grpc::Peer, ids};
use testkit::{Database, Iam, Kafka, Running, with_session};
use tonic::{Status, transport::Channel};
use uuid::Uuid;

struct Fixture {
    address: SocketAddr,
    kafka: Kafka,
    iam: Iam,
    database: Database,
    user: Uuid,
    session: String,
    _app: Running,
}

async fn fixture() -> Fixture {
    let (kafka, iam) = tokio::join!(testkit::kafka(), testkit::iam());
    let database = testkit::database(&MIGRATIONS).await;
    let settings = testkit::settings().with(kafka.settings()).with([
        ("PAYMENT_DATABASE_URL", database.url.clone()),
        ("IAM_ADDRESS", iam.address.to_string()),
        ("PAYMENT_DECLINE_ABOVE", "5000".to_owned()),
    ]);
    let app = app::build(Config::load(&settings).unwrap()).await.unwrap();
    let (address, app) = testkit::start(app).await;
    let user = ids::random();
    let session = iam.session(user);
    Fixture { address, kafka, iam, database, user, session, _app: app }
}

impl Fixture {
    /// Returns a client with the identity of the order service.
    fn service(&self) -> PaymentServiceClient<Peer> {
        self.service_named("order")
    }

    fn service_named(&self, name: &'static str) -> PaymentServiceClient<Peer> {
        PaymentServiceClient::new(testkit::peer_of(name, "payment", self.address))
    }

    async fn anonymous(&self) -> PaymentServiceClient<Channel> {
        PaymentServiceClient::connect(format!("http://{}", self.address)).await.unwrap()
    }

    fn order(&self) -> PayOrderRequest {
        PayOrderRequest {
            order_uuid: ids::random().to_string(),
            user_uuid: self.user.to_string(),
            payment_method: PaymentMethod::Card.into(),
            amount_minor: 12_345,
            attempt: 1,
        }
    }

    async fn pay(&self, request: &PayOrderRequest) -> Result<String, Status> {
        Ok(self.service().pay_order(request.clone()).await?.into_inner().transaction_uuid)
    }

    async fn pay_as_user(&self, request: &PayOrderRequest) -> Result<String, Status> {
        let request = with_session(&self.session, request.clone());
        Ok(self.anonymous().await.pay_order(request).await?.into_inner().transaction_uuid)
    }

    async fn payment(&self, order: &str) -> Result<Payment, Status> {
        let request = GetPaymentRequest { order_uuid: order.to_owned() };
        Ok(self.service().get_payment(request).await?.into_inner().payment.unwrap())
    }

    async fn balance(&self, user: &str) -> Result<i64, Status> {
        let request = GetBalanceRequest { user_uuid: user.to_owned() };
        Ok(self.service().get_balance(request).await?.into_inner().balance_minor)
    }

    async fn void(&self, order: &PayOrderRequest) -> Result<String, Status> {
        let request = VoidAttemptRequest {
            order_uuid: order.order_uuid.clone(),
            user_uuid: order.user_uuid.clone(),
            payment_method: order.payment_method,
            amount_minor: order.amount_minor,
            attempt: order.attempt,
        };
        Ok(self.service().void_attempt(request).await?.into_inner().transaction_uuid)
    }

    async fn cancel(&self, order: &str) {
        let order: Uuid = order.parse().unwrap();
        let event = OrderCancelled {
            order_uuid: order.to_string(),
            user_uuid: self.user.to_string(),
            paid: true,
            ..OrderCancelled::default()
        };
        let event = contracts::events::record(order, event);
        self.kafka
            .publish(vec![Record {
                topic: self.kafka.topic::<OrderCancelled>(),
                key: order.to_string().into_bytes(),
                payload: event.payload,
                headers: [("event-type".to_owned(), event.kind.to_owned())].into(),
            }])
            .await;
    }
}
