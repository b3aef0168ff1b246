//! Tests of statement spans in traces.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use platform::postgres::{Database, statement_spans};
use sqlx::Connection as _;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

/// A number with so many digits that no random span id contains it.
const VALUE: i64 = 4_711_471_147_114_711;

#[tokio::test]
async fn each_statement_of_a_request_has_a_span_under_the_requests() {
    let test = testkit::empty_database().await;
    let pool = Database::lazy("test", "TEST_DATABASE_URL", &test.url.clone().into(), 1).unwrap();
    let exporter = InMemorySpanExporter::default();
    let traces = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let subscriber = tracing_subscriber::registry()
        .with(statement_spans(traces.tracer("test")))
        .with(tracing_opentelemetry::layer().with_tracer(traces.tracer("test")));
    let recording = platform::telemetry::subscribe(subscriber);

    sqlx::query("select 1").execute(&pool).await.unwrap();
    async {
        let mut connection = pool.connect().await.unwrap();
        let mut transaction = connection.begin_with("begin isolation level serializable").await.unwrap();
        sqlx::query("create table ships (id bigint)").execute(&mut *transaction).await.unwrap();
        sqlx::query("insert into ships (id) values ($1)").bind(VALUE).execute(&mut *transaction).await.unwrap();
        transaction.commit().await.unwrap();
        sqlx::query("select id from ships where id = $1").bind(VALUE).fetch_optional(&pool).await.unwrap();
    }
    .instrument(tracing::info_span!("request"))
    .await;

    drop(recording);
    let spans = exporter.get_finished_spans().unwrap();
    let request = spans.iter().find(|span| span.name == "request").expect("a span of the request");
    let statements: Vec<_> = spans.iter().filter(|span| span.name != "request").collect();
    let names: Vec<&str> = statements.iter().map(|span| span.name.as_ref()).collect();
    for name in ["insert ships", "select ships", "create", "commit"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    assert!(!names.contains(&"select"), "a statement of no request has no span: {names:?}");
    for span in statements {
        assert_eq!(span.parent_span_id, request.span_context.span_id(), "{}", span.name);
        assert!(span.start_time >= request.start_time && span.end_time <= request.end_time, "{}", span.name);
    }
    assert!(!format!("{spans:?}").contains(&VALUE.to_string()), "values are not part of a trace");
}
