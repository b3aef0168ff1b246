//! Streams of server-sent events. `GET /console/api/orders/{uuid}/live`: the steps of an order, from the first one or
//! after the last one that the browser has. `GET /console/api/couriers/live`: all couriers, and then each that changes.
//! `GET /console/api/couriers`: all couriers.

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use contracts::{events::message_json, ids::UserId, proto::delivery::v1::Courier};
use futures::{Stream, StreamExt as _};
use platform::{auth::Caller, http::problem::Problem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AboutOrder, Api, Visit, of_error};
use crate::service::SessionWatch;

/// The interval of comments on a stream without events.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// A browser waits this long before it reopens a stream that has ended.
const RETRY_DELAY: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Default, Deserialize)]
pub struct StreamQuery {
    after: Option<String>,
}

impl StreamQuery {
    /// Returns the place after which the reader continues. The header `Last-Event-ID`, which a browser sends when it
    /// reopens a stream, takes precedence.
    fn after(&self, headers: &HeaderMap) -> Result<i64, Problem> {
        let (name, id) = match (headers.get(LAST_EVENT_ID), self.after.as_deref()) {
            (Some(id), _) => ("Last-Event-ID", id.to_str().unwrap_or_default()),
            (None, Some(id)) => ("after", id),
            (None, None) => return Ok(0),
        };
        let place = id.parse().ok().filter(|place| *place >= 0);
        place.ok_or_else(|| Problem::invalid(name, "must be the id of a step"))
    }
}

pub async fn follow_steps(
    (State(api), visit, uri, Path(path)): AboutOrder,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Response {
    let open = async {
        let after = query.after(&headers)?;
        let (order, _) = api.readable(&visit, &path, uri.path()).await?;
        let reader = api.live.read(order, UserId::new(visit.user.uuid), after).await.map_err(of_error)?;
        Ok::<_, Problem>((reader, SessionWatch::new(api.sessions.clone(), visit.session, visit.user.is_operator)))
    };
    match open.await {
        Ok(open) => stream(futures::stream::unfold(open, async |(mut reader, mut session)| {
            let step = session.admit(reader.next()).await?;
            Some((event(step.place, &step), (reader, session)))
        })),
        Err(problem) => problem.into_response(),
    }
}

/// A courier's order is shown only to the order's user and to operators.
pub async fn couriers(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Response {
    match api.couriers.list(&caller).await {
        Ok(couriers) => {
            let couriers: Vec<Value> = couriers.iter().map(|one| as_json(&one.courier)).collect();
            Json(json!({ "couriers": couriers })).into_response()
        }
        Err(error) => of_error(error).into_response(),
    }
}

fn as_json(courier: &Courier) -> Value {
    message_json("delivery.v1.Courier", courier)
}

pub async fn follow_couriers(State(api): State<Api>, visit: Visit) -> Response {
    match api.couriers.read(&api.live, visit.user).await {
        Ok(reader) => {
            let first = (reader, SessionWatch::new(api.sessions.clone(), visit.session, visit.user.is_operator), 1);
            stream(futures::stream::unfold(first, async |(mut reader, mut session, number)| {
                let courier = session.admit(reader.next()).await?;
                Some((event(number, &as_json(&courier)), (reader, session, number + 1)))
            }))
        }
        Err(error) => of_error(error).into_response(),
    }
}

fn event(id: i64, data: &impl Serialize) -> Event {
    let event = Event::default().id(id.to_string()).retry(RETRY_DELAY);
    event.json_data(data).unwrap_or_default()
}

/// Returns a response that streams events, which no proxy stores or buffers.
fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let stream = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(COMMENT_INTERVAL));
    let headers = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, stream).into_response()
}
