//! Steps of the timeline as the pages show them.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use serde_json::Value;

use super::step_view::StepView;
use crate::model::{Kind, Step};

/// Returns the views of an order's steps, in the same order. `jaeger` is the address of Jaeger's page.
pub fn views(steps: &[Step], jaeger: Option<&str>) -> Vec<StepView> {
    let first = steps.iter().map(|step| step.at).min();
    steps.iter().map(|step| view(step, first.unwrap_or(step.at), jaeger)).collect()
}

fn view(step: &Step, first: DateTime<Utc>, jaeger: Option<&str>) -> StepView {
    let is_event = step.kind == Kind::Event;
    let since = |member: &str| {
        let at = step.detail[member].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok())?;
        Some((at.to_utc() - first).num_milliseconds())
    };
    let route = route_of(&format!("events.v1.{}", step.name)).filter(|_| is_event);
    let consumers = route.map(|route| route.consumers).unwrap_or_default();
    let is_unread = is_event && step.detail["payload"].is_null();
    StepView {
        at: step.at,
        is_event,
        service: step.service.to_owned(),
        name: step.name.clone(),
        topic: step.topic.clone(),
        partition: step.partition,
        offset: step.offset,
        event_uuid: step.event_uuid.map(|event| event.to_string()),
        trace_id: step.trace_id.clone(),
        trace_url: step
            .trace_id
            .as_ref()
            .zip(jaeger)
            .map(|(trace, jaeger)| format!("{}/trace/{trace}", jaeger.trim_end_matches('/'))),
        committed_ms: since("committed_at"),
        published_ms: since("published_at"),
        consumed_ms: since("consumed_at"),
        consumers: consumers.iter().map(|consumer| consumer.service.to_owned()).collect(),
        payload: members(&step.detail["payload"]),
        headers: members(&step.detail["headers"]),
        is_repeat: step.is_repeat,
        note: is_unread.then(|| "This record could not be decoded.".to_owned()),
    }
}

fn members(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(place: i64, name: &str) -> Step {
        Step {
            place,
            is_repeat: false,
            at: DateTime::UNIX_EPOCH,
            kind: Kind::Event,
            service: "order",
            name: name.to_owned(),
            topic: Some("order.paid".to_owned()),
            partition: Some(0),
            offset: Some(place),
            event_uuid: Some(Uuid::from_u128(1)),
            trace_id: Some("abc".to_owned()),
            detail: json!({"published_at": "1970-01-01T00:00:00.020Z", "payload": {"deliver": true, "user_uuid": "u"}}),
        }
    }

    #[test]
    fn an_event_names_its_readers_once_and_links_to_its_trace() {
        let [view] = <[_; 1]>::try_from(views(&[event(0, "OrderPaid")], Some("http://jaeger/"))).unwrap();

        let consumers = route_of("events.v1.OrderPaid").unwrap().consumers.iter().map(|consumer| consumer.service);
        assert!(
            view.consumers.contains(&"assembly".to_owned()) && consumers.eq(&view.consumers),
            "{:?}",
            view.consumers
        );
        assert_eq!(view.trace_url.as_deref(), Some("http://jaeger/trace/abc"));
        assert_eq!(view.published_ms, Some(20));
        assert_eq!((view.member("deliver"), view.member("user_uuid")), (Some("true"), Some("u")));
    }

    #[test]
    fn an_event_that_was_published_again_is_a_repeat() {
        let again = Step { is_repeat: true, ..event(2, "OrderPaid") };

        let repeats: Vec<bool> =
            views(&[event(0, "OrderPaid"), again], None).iter().map(|view| view.is_repeat).collect();

        assert_eq!(repeats, [false, true]);
    }

    #[test]
    fn a_record_that_is_no_message_says_so() {
        let broken = Step { detail: json!({"payload": null}), ..event(0, "Unheard") };

        assert!(views(&[broken], None)[0].note.is_some());
    }
}
