//! The traces of a running shop: the parent of each span, and the log lines of a trace.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use contracts::events::{LOAN_APPROVED, ROUTES, Route, TIMELINE, Topics};
use contracts::proto::customers::v1::{
    CreateCustomerRequest, ListLoansRequest, customer_service_client::CustomerServiceClient,
};
use operations::registry::{SERVICES, find};
use outbox::Record;
use serde_json::json;
use testkit::eventually;
use tonic::transport::Endpoint;

use crate::{
    collector::{Collector, Span},
    customer::Customer,
    system::System,
};

const BOT_TOKEN: &str = "123456:token";

/// The possible parents of each span; `-` means that the span begins a trace. Topics are without their prefix.
/// [`of_consumers`] derives the spans of consumers from the catalogue of events.
const PARENTS: [(&str, &str); 32] = [
    ("assembly: order.assembled publish", "assembly: order.paid process"),
    ("customers: check customer", "-"),
    ("customers: credit loan", "-"),
    ("customers: customer.created publish", "customers: customers.v1.CustomerService/CreateCustomer"),
    ("customers: customer.updated publish", "customers: check customer"),
    ("customers: customers.v1.CustomerService/CreateCustomer", "-"),
    ("customers: customers.v1.CustomerService/ListLoans", "-"),
    ("customers: loan.approved process", "-"),
    ("delivery: delivery.status.updated publish", "delivery: order.assembled process | delivery: order.paid process"),
    ("delivery: order.status.changed publish", "delivery: order.assembled process"),
    ("geo: geo.Geo/GetGeolocation", "delivery: order.paid process"),
    ("iam: auth.v1.AuthService/Login", "-"),
    (
        "iam: auth.v1.SessionOwnerService/ListOwners",
        "customers: customers.v1.CustomerService/CreateCustomer | customers: customers.v1.CustomerService/ListLoans | \
         inventory: inventory.v1.InventoryService/ListParts | order: GET /api/v1/orders/{order_uuid} | \
         order: POST /api/v1/orders | order: POST /api/v1/orders/{order_uuid}/cancel | \
         order: POST /api/v1/orders/{order_uuid}/pay",
    ),
    ("iam: user.v1.UserService/GetUser", "notification: notify"),
    ("iam: user.v1.UserService/Register", "-"),
    ("intake: orders process", "-"),
    ("inventory: inventory.v1.InventoryService/ListParts", "-"),
    (
        "inventory: inventory.v1.InventoryService/ReservePartsForAll",
        "order: POST /api/v1/orders | order: POST /api/v1/orders/{order_uuid}/pay",
    ),
    ("inventory: inventory.v1.InventoryService/RestockParts", "-"),
    (
        "notification: notify",
        "notification: delivery.status.updated process | notification: order.assembled process | \
         notification: order.cancelled process | notification: order.paid process",
    ),
    ("order: GET /api/v1/orders/{order_uuid}", "-"),
    ("order: POST /api/v1/orders", "-"),
    ("order: POST /api/v1/orders/{order_uuid}/cancel", "-"),
    ("order: POST /api/v1/orders/{order_uuid}/pay", "-"),
    ("order: order.cancelled publish", "order: POST /api/v1/orders/{order_uuid}/cancel"),
    ("order: order.created publish", "order: POST /api/v1/orders"),
    ("order: order.paid publish", "order: POST /api/v1/orders/{order_uuid}/pay"),
    ("order: order.v1.OrderService/GetDeliveryAddress", "delivery: order.paid process"),
    // A job asks about all due reservations.
    ("order: order.v1.OrderService/ListExistingOrders", "-"),
    ("payment: payment.v1.PaymentService/Credit", "customers: credit loan"),
    ("payment: payment.completed publish", "payment: payment.v1.PaymentService/PayOrder"),
    ("payment: payment.v1.PaymentService/PayOrder", "order: POST /api/v1/orders/{order_uuid}/pay"),
];

#[tokio::test]
async fn every_span_has_the_parent_that_it_should_have_and_a_trace_leads_to_its_lines() {
    let collector = Collector::start().await;
    let telegram = stand_ins::Telegram::start(BOT_TOKEN).await.unwrap();
    let mut system = System::start_with(
        None,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("LOG_OUTPUTS", "stdout,otlp"),
            ("LOG_FORMAT", "json"),
            ("TELEGRAM_BOT_TOKEN", BOT_TOKEN),
            ("TELEGRAM_API_URL", &telegram.url()),
            ("TELEGRAM_CHAT_ID", "4242"),
            ("INVENTORY_RESERVATION_TTL", "1s"),
        ],
    )
    .await;
    let customer = Customer::new(&system).await;
    let trace = live(&system, &customer).await;
    // Waits until the job has asked about due reservations, and every service has exported its spans.
    eventually(async || {
        let spans = collector.spans().await;
        let asked = spans.iter().any(|span| span.name.ends_with("ListExistingOrders"));
        let seen = services(&spans, &trace);
        if asked && seen == tracing() { Ok(()) } else { Err(format!("due reservations: {asked}, spans of {seen:?}")) }
    })
    .await;
    eventually(async || telegram.messages().iter().any(|sent| sent.text.contains("delivered")).then_some(())).await;
    system.stop().await;

    let spans = collector.spans().await;
    check_parents(&spans, &system.kafka.prefix);
    assert_eq!(services(&spans, &trace), tracing());
    let lines = collector.lines().await;
    let telling: BTreeSet<&str> =
        lines.iter().filter(|line| line.trace == trace).map(|line| line.service.as_str()).collect();
    assert_eq!(telling, of_order(), "{lines:#?}");
    let services = SERVICES.into_iter();
    let writing = services.filter(|&service| tells_of(&trace, &std::fs::read_to_string(system.log(service)).unwrap()));
    let writing: BTreeSet<&str> = writing.map(|service| service.name).collect();
    assert_eq!(writing, of_order(), "the services with JSON lines of the trace");
}

/// The services whose log lines have the trace of an order, from payment to delivery: those of its events.
fn of_order() -> BTreeSet<&'static str> {
    let routes = routes().filter(|route| route.is_of_order());
    routes.flat_map(|route| route.consumers.iter().map(|one| one.service).chain([route.producer])).collect()
}

/// The services with spans in the trace of an order, without the gateway: these, and those that they call.
fn tracing() -> BTreeSet<&'static str> {
    let services = of_order().into_iter().filter_map(find);
    services.flat_map(|service| service.calls.iter().map(|call| call.to).chain([service.name])).collect()
}

/// Returns true if the log has a JSON line with the ids of this trace and of a span.
fn tells_of(trace: &str, log: &str) -> bool {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut lines = lines.filter(|line| line["trace_id"] == trace);
    lines.any(|line| line["span_id"].as_str().is_some_and(|id| id.len() == 16))
}

/// Makes the services handle orders, loans and orders of other shops. Returns the trace of a payment whose order was
/// delivered.
async fn live(system: &System, customer: &Customer) -> String {
    let part = customer.part("Window A").await.uuid;
    let order = customer.order_to("Main Street 1", &part).await;
    let paid = customer.pay(order).await;
    let trace = paid.headers["x-trace-id"].to_str().unwrap().to_owned();
    paid.success(200);
    let cancelled = customer.order(&[&part]).await;
    customer.cancel(cancelled).await.success(204);
    let _unpaid = customer.order(&[&part]).await;

    let endpoint = Endpoint::from_shared(format!("http://{}", system.address(&customers::SERVICE))).unwrap();
    let customers = CustomerServiceClient::new(endpoint.connect_lazy());
    let (name, birth_date) = ("Ann".to_owned(), "1990-12-31".to_owned());
    let request = CreateCustomerRequest { name, birth_date, ..CreateCustomerRequest::default() };
    customers.clone().create_customer(customer.within(request)).await.unwrap();
    let topics = system.kafka.topics();
    let loan = json!({ "customer_id": customer.user, "loan_id": "loan", "amount": 1.0 });
    let other = serde_json::to_value(intake::sample::order(7, 7)).unwrap();
    let record = |topic: String, key: String, value: &serde_json::Value| {
        let (key, payload) = (key.into_bytes(), value.to_string().into_bytes());
        // The outside program has its own trace.
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        Record { topic, key, payload, headers: HashMap::from([("traceparent".to_owned(), parent)]) }
    };
    let uid = other["order_uid"].as_str().unwrap().to_owned();
    let loan = record(LOAN_APPROVED.topic(&topics).to_owned(), customer.user.to_string(), &loan);
    system.kafka.publish(vec![loan, record(contracts::events::ORDERS.topic(&topics).to_owned(), uid, &other)]).await;

    eventually(async || {
        let customer_id = customer.user.to_string();
        let request = customer.within(ListLoansRequest { customer_id, ..ListLoansRequest::default() });
        let loans = customers.clone().list_loans(request).await.unwrap().into_inner().loans;
        loans.iter().any(|loan| loan.status == "credited").then_some(())
    })
    .await;
    eventually(async || (customer.find(order).await["delivery_status"] == "DELIVERED").then_some(())).await;
    trace
}

/// The services with spans in a trace.
fn services<'a>(spans: &'a [Span], trace: &str) -> BTreeSet<&'a str> {
    spans.iter().filter(|span| span.trace == trace).map(|span| span.service.as_str()).collect()
}

/// Panics unless the parents of all spans are in [`PARENTS`].
fn check_parents(spans: &[Span], prefix: &str) {
    let known: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (span.id.as_slice(), span)).collect();
    let shown = |span: &Span| format!("{}: {}", span.service, span.name.replace(prefix, ""));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for span in spans {
        let parent = known.get(span.parent.as_slice());
        assert!(parent.is_some() || span.parent.is_empty(), "the parent of {span:?} is not exported");
        let parent = parent.map_or_else(|| "-".to_owned(), |parent| shown(parent));
        found.entry(shown(span)).or_default().insert(parent);
    }
    let parents = PARENTS.map(|(name, parents)| (name.to_owned(), parents.to_owned()));
    let expected: BTreeMap<String, String> = parents.into_iter().chain(of_consumers()).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "the spans");
    for (name, parents) in &found {
        let expected: BTreeSet<&str> = expected[name].split(" | ").collect();
        let wrong: Vec<_> = parents.iter().filter(|parent| !expected.contains(parent.as_str())).collect();
        assert!(wrong.is_empty(), "{name} has the parents {wrong:?}");
    }
}

/// The events that the run publishes: those with a span in [`PARENTS`].
fn routes() -> impl Iterator<Item = &'static Route> {
    let routes: &'static [Route] = const { &ROUTES };
    routes.iter().filter(|route| PARENTS.iter().any(|(name, _)| *name == publish_span(route)))
}

fn publish_span(route: &Route) -> String {
    format!("{}: {} publish", route.producer, route.topic(&Topics::default()))
}

/// The spans of the consumers of each event in [`PARENTS`], and their parents.
fn of_consumers() -> Vec<(String, String)> {
    let topics = Topics::default();
    let mut spans = Vec::new();
    for route in routes() {
        let topic = route.topic(&topics);
        let published = publish_span(route);
        let consumers = route.consumers.iter();
        spans.extend(consumers.map(|one| (format!("{}: {topic} process", one.service), published.clone())));
        // A batch of the timeline has records of several traces, so it begins its own.
        if route.is_of_order() {
            spans.push((format!("{}: {topic} process", TIMELINE.service), "-".to_owned()));
        }
    }
    spans
}
