//! The whole service over real PostgreSQL and Kafka, with a stand-in for iam.

use std::{collections::HashMap, net::SocketAddr, sync::OnceLock};

use assembly::{app, config::Config, repository::MIGRATIONS};
use contracts::events::{AssemblyFailed, Event, OrderPaid, ShipAssembled};
use contracts::proto::assembly::v1::{
    Assembly, AssemblyStatus, GetAssemblyRequest, assembly_service_client::AssemblyServiceClient,
};
use outbox::Record;
use platform::{
    grpc::Peer,
    ids,
    kafka::Message,
    telemetry::{self, LogFormat, LogOutputs, Telemetry},
};
use testkit::{Iam, Kafka, Running, eventually, with_session};
use tonic::{Code, Status};
use uuid::Uuid;

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

/// The service, and the systems that it calls.
struct Fixture {
    kafka: Kafka,
    iam: Iam,
    address: SocketAddr,
    _service: Running,
}

impl Fixture {
    async fn new(build_time: &str, failure_rate: u32) -> Self {
        trace();
        let (database, kafka, iam) = tokio::join!(testkit::database(&MIGRATIONS), testkit::kafka(), testkit::iam());
        let settings = testkit::settings().with(kafka.settings()).with([
            ("ASSEMBLY_DATABASE_URL", database.url),
            ("IAM_ADDRESS", iam.address.to_string()),
            ("ASSEMBLY_BUILD_MIN", build_time.to_owned()),
            ("ASSEMBLY_BUILD_MAX", build_time.to_owned()),
            ("ASSEMBLY_FAILURE_RATE", failure_rate.to_string()),
        ]);
        let app = app::build(Config::load(&settings).unwrap()).await.unwrap();
        let (address, service) = testkit::start(app).await;
        Self { kafka, iam, address, _service: service }
    }

    async fn pay(&self, order: Uuid, user: Uuid) {
        let event = OrderPaid { order_uuid: order.to_string(), user_uuid: user.to_string(), ..OrderPaid::default() };
        let event = contracts::events::record(order, event);
        let headers = HashMap::from([
            ("event-uuid".to_owned(), event.uuid.to_string()),
            ("event-type".to_owned(), event.kind.to_owned()),
            ("traceparent".to_owned(), format!("00-{TRACE_ID}-b7ad6b7169203331-01")),
        ]);
        let (topic, key) = (self.kafka.topic::<OrderPaid>(), order.to_string().into_bytes());
        self.kafka.publish(vec![Record { topic, key, payload: event.payload, headers }]).await;
    }

    /// Waits for the only event of this type and returns it.
    async fn published<E: Event>(&self) -> Message {
        let topics = self.kafka.topics();
        let mut messages = eventually(|| async {
            let messages = self.kafka.messages(topics.of::<E>()).await;
            (!messages.is_empty()).then_some(messages)
        })
        .await;
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    /// The assembly as shown to the user with this session, or to a service.
    async fn get(&self, order: &str, session: Option<&str>) -> Result<Assembly, Status> {
        let request = GetAssemblyRequest { order_uuid: order.to_owned() };
        let response = match session {
            Some(session) => {
                let anonymous = Peer::lazy("assembly", "TEST_ADDRESS", &self.address.to_string()).unwrap();
                AssemblyServiceClient::new(anonymous).get_assembly(with_session(session, request)).await?
            }
            None => AssemblyServiceClient::new(testkit::peer("assembly", self.address)).get_assembly(request).await?,
        };
        Ok(response.into_inner().assembly.unwrap())
    }

    /// Waits until the order's assembly has this status, and returns it.
    async fn reached(&self, order: Uuid, status: AssemblyStatus) -> Assembly {
        let order = order.to_string();
        eventually(|| async { self.get(&order, None).await.ok().filter(|found| found.status() == status) }).await
    }
}

/// Starts telemetry, without which there is no trace context.
fn trace() {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    TELEMETRY.get_or_init(|| {
        let config = telemetry::Config {
            log_level: "warn".to_owned(),
            log_format: LogFormat::Pretty,
            log_outputs: LogOutputs::default(),
            otel_exporter_otlp_endpoint: None,
            otel_traces_sampler_arg: 1.0,
            trust_trace_headers: false,
        };
        telemetry::start("assembly", &config).unwrap()
    });
}

#[tokio::test]
async fn a_paid_orders_ship_is_built_and_published() {
    let fixture = Fixture::new("1s", 0).await;
    let (order, user) = (ids::random(), ids::random());

    fixture.pay(order, user).await;
    let building = fixture.reached(order, AssemblyStatus::Building).await;
    let event = fixture.published::<ShipAssembled>().await;
    let done = fixture.get(&order.to_string(), Some(&fixture.iam.session(user))).await.unwrap();

    assert_eq!((building.order_uuid.as_str(), building.user_uuid.as_str()), (&*order.to_string(), &*user.to_string()));
    assert!(building.build_time_sec == 1 && building.finished_at.is_none());
    assert_eq!(done.status(), AssemblyStatus::Assembled);
    assert!(done.finished_at.unwrap().seconds >= done.due_at.unwrap().seconds);

    assert_eq!(event.key, order.to_string().into_bytes());
    let header = |name: &str| &event.headers[name];
    let read = contracts::events::read::<ShipAssembled>(&event).unwrap();
    assert_eq!((read.subject.order.uuid(), read.subject.user.uuid(), read.event.build_time_sec), (order, user, 1));
    assert_eq!(header("event-uuid"), read.id.uuid().to_string());
    assert_eq!(header("event-type"), "events.v1.ShipAssembled");
    assert_eq!(header("content-type"), "application/x-protobuf");
    assert_eq!(header("traceparent").split('-').nth(1), Some(TRACE_ID), "one trace from the payment on");
}

#[tokio::test]
async fn a_failed_build_is_published() {
    let fixture = Fixture::new("10ms", 1).await;
    let (order, user) = (ids::random(), ids::random());

    fixture.pay(order, user).await;

    let failed = fixture.reached(order, AssemblyStatus::Failed).await;
    let event = fixture.published::<AssemblyFailed>().await;
    let read = contracts::events::read::<AssemblyFailed>(&event).unwrap();
    assert_eq!((read.subject.order.uuid(), read.subject.user.uuid()), (order, user));
    assert!(!read.event.reason.is_empty());
    assert_eq!(failed.build_time_sec, 1);
}

#[tokio::test]
async fn an_assembly_is_hidden_from_other_users() {
    let fixture = Fixture::new("10ms", 0).await;
    let order = ids::random();
    fixture.pay(order, ids::random()).await;
    fixture.reached(order, AssemblyStatus::Assembled).await;
    let stranger = fixture.iam.session(ids::random());
    let order = order.to_string();
    let cases = [
        (order.as_str(), stranger.as_str(), Code::NotFound, "assembly not found"),
        (&ids::random().to_string(), &stranger, Code::NotFound, "assembly not found"),
        ("x", &stranger, Code::InvalidArgument, "order_uuid: must be a uuid"),
        (&order, "dead", Code::Unauthenticated, "invalid session"),
        (&order, "", Code::Unauthenticated, "empty session-uuid"),
    ];

    for (order, session, code, message) in cases {
        let refused = fixture.get(order, Some(session)).await.unwrap_err();

        assert_eq!((refused.code(), refused.message()), (code, message), "{order} {session}");
    }
}
