//! Creates a span for each SQL statement of a trace, named after the operation and the tables.
//!
//! sqlx emits a tracing event with text and duration when a statement of the pool, a transaction or a migration has
//! ended, so no call has to be wrapped. If no traces are exported, nothing subscribes to these events.

use std::{
    fmt::Debug,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanKind, TraceContextExt as _, Tracer as _},
};
use opentelemetry_sdk::trace::SdkTracer;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, Filtered, filter_fn},
};

/// The maximum number of tables in a span's name.
const MAX_TABLES: usize = 4;

/// Creates the layer, which needs `tracing_opentelemetry`'s layer.
pub fn statement_spans<S>(tracer: SdkTracer) -> Filtered<StatementSpans, FilterFn, S>
where
    S: Subscriber,
{
    StatementSpans { tracer }.with_filter(filter_fn(is_statement))
}

/// Returns true for sqlx's event, also when tracing asks whether it is enabled.
fn is_statement(metadata: &Metadata<'_>) -> bool {
    !metadata.is_span() && metadata.target() == "sqlx::query"
}

#[derive(Debug)]
pub struct StatementSpans {
    tracer: SdkTracer,
}

impl<S: Subscriber> Layer<S> for StatementSpans {
    fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let parent = Context::current();
        // A statement without a trace belongs to no request, such as a poll every second.
        if !parent.span().span_context().is_valid() {
            return;
        }
        let mut statement = Statement::default();
        event.record(&mut statement);
        let end = SystemTime::now();
        let name = name(&statement.text);
        let mut span = self
            .tracer
            .span_builder(name.clone())
            .with_kind(SpanKind::Client)
            .with_start_time(end.checked_sub(statement.duration).unwrap_or(end))
            .with_attributes([KeyValue::new("db.system.name", "postgresql"), KeyValue::new("db.query.summary", name)])
            .start_with_context(&self.tracer, &parent);
        span.end_with_timestamp(end);
    }
}

/// A statement as sqlx reports it, without parameter values.
#[derive(Debug, Default)]
struct Statement {
    text: String,
    duration: Duration,
}

impl Visit for Statement {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if field.name() == "elapsed_secs" {
            self.duration = Duration::try_from_secs_f64(value).unwrap_or_default();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // sqlx reports a text of at most four words only in `summary`.
        if field.name() == "db.statement" && !value.is_empty() || field.name() == "summary" && self.text.is_empty() {
            value.clone_into(&mut self.text);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// Returns the operation and the tables of a statement: `insert orders, outbox`. A statement that reads and writes is
/// named after its first write.
fn name(sql: &str) -> String {
    let words: Vec<String> = sql
        .split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '.')
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let subqueries: Vec<&str> =
        (0..words.len()).filter(|index| is_subquery(sql, word(*index), word(index + 1))).map(word).collect();
    let (mut operation, mut tables) = (None, Vec::<&str>::new());
    for index in 0..words.len() {
        let table = match word(index) {
            "into" | "join" | "from" => word(index + 1),
            // No table follows `for update`, `for no key update` and `do update`.
            "update" if !matches!(index.checked_sub(1).map(word), Some("for" | "do" | "key")) => word(index + 1),
            _ => continue,
        };
        let writes = match (word(index), index.checked_sub(1).map(word)) {
            ("into", Some("insert")) => Some("insert"),
            ("update", _) => Some("update"),
            ("from", Some("delete")) => Some("delete"),
            _ => None,
        };
        operation = operation.or(writes);
        let is_table =
            !matches!(table, "" | "select" | "lateral" | "only" | "unnest" | "generate_series" | "now" | "set");
        if is_table && !subqueries.contains(&table) && !tables.contains(&table) && tables.len() < MAX_TABLES {
            tables.push(table);
        }
    }
    let operation = operation.unwrap_or_else(|| match word(0) {
        "with" => "select",
        first => first,
    });
    if tables.is_empty() { operation.to_owned() } else { format!("{operation} {}", tables.join(", ")) }
}

/// Returns true for a common table expression: `name as (…)`, `name as materialized (…)`.
fn is_subquery(sql: &str, name: &str, next: &str) -> bool {
    next == "as"
        && [" as (", " as materialized (", " as not materialized ("]
            .iter()
            .any(|text| sql.to_lowercase().contains(&format!("{name}{text}")))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_statement_is_named_by_what_it_does_to_which_tables() {
        for (sql, expected) in [
            ("select 1", "select"),
            ("begin", "begin"),
            ("SELECT id FROM orders WHERE id = $1 FOR UPDATE", "select orders"),
            ("insert into orders (id) values ($1) on conflict (id) do update set id = excluded.id", "insert orders"),
            (
                "with paid as (update orders set status = $1 where id = $2 returning id)
                 insert into outbox (id) select id from paid",
                "update orders, outbox",
            ),
            ("delete from inbox using lease where inbox.id = lease.id", "delete inbox"),
            ("select o.id from orders o join order_parts p on p.order_id = o.id", "select orders, order_parts"),
            ("with wanted as materialized (select * from unnest($1::uuid[])) select * from wanted", "select"),
        ] {
            assert_eq!(name(sql), expected, "{sql}");
        }
    }
}
