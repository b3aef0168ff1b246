//! `GET /console/api/orders/{uuid}/live`: the steps of an order as server-sent events, from the first or after the one that the browser has.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderName, Uri, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt as _};
use platform::http::problem::Problem;
use serde::{Deserialize, Serialize};

use super::{Api, of_error};
use crate::{
    model::Step,
    pages::Visit,
    service::{self, SessionWatch},
};

/// How often a stream without steps sends a comment.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a browser waits before it opens a stream again that has ended.
const RETRY_DELAY: Duration = Duration::from_secs(1);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Default, Deserialize)]
pub struct StreamQuery {
    after: Option<String>,
}

impl StreamQuery {
    /// Returns the place after which the reader continues. The header, which a browser sends when it opens a stream again, comes first.
    pub fn after(&self, headers: &HeaderMap) -> Result<i64, Problem> {
        let (name, id) = match (headers.get(LAST_EVENT_ID), self.after.as_deref()) {
            (Some(id), _) => ("Last-Event-ID", id.to_str().unwrap_or_default()),
            (None, Some(id)) => ("after", id),
            (None, None) => return Ok(0),
        };
        let place = id.parse().ok().filter(|place| *place >= 0);
        place.ok_or_else(|| Problem::invalid(name, "must be the id of a step"))
    }
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    uri: Uri,
    Path(path): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
) -> Response {
    let open = async {
        let after = query.after(&headers)?;
        let (order, _) = api.readable(&visit, &path, uri.path()).await?;
        // First the stream, then what there is: no step is between them.
        let stream = api.live.open(order).map_err(of_error)?;
        let known = api.timelines.after(order, after).await.map_err(of_error)?;
        let session = SessionWatch::new(api.iam.clone(), visit.session);
        Ok::<_, Problem>(Reader { known: known.into(), stream, session, seen: after })
    };
    match open.await {
        Ok(reader) => stream(futures::stream::unfold(reader, async |mut reader| {
            let step = reader.next().await?;
            Some((event(step.place, &step), reader))
        })),
        Err(problem) => problem.into_response(),
    }
}

/// A reader of one order's steps.
struct Reader {
    known: VecDeque<Step>,
    stream: service::Stream,
    session: SessionWatch,
    /// The place of the last step that was sent.
    seen: i64,
}

impl Reader {
    /// Returns the next step. `None` ends the stream: the service stops, the session has ended, or the reader has fallen too far behind.
    async fn next(&mut self) -> Option<Step> {
        if let Some(step) = self.known.pop_front() {
            self.seen = step.place;
            return Some(step);
        }
        loop {
            let step = tokio::select! {
                step = self.stream.steps.recv() => step.ok()?,
                () = self.stream.closing.cancelled() => return None,
                () = self.session.ended() => return None,
            };
            if step.place > self.seen {
                self.seen = step.place;
                return Some(step.as_ref().clone());
            }
        }
    }
}

/// Returns an event with its id and JSON.
pub fn event(id: i64, data: &impl Serialize) -> Event {
    let event = Event::default().id(id.to_string()).retry(RETRY_DELAY);
    event.json_data(data).unwrap_or_default()
}

/// Answers with a stream of events that no proxy stores or holds back.
pub fn stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    let stream = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(COMMENT_INTERVAL));
    let headers = [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-accel-buffering"), "no")];
    (headers, stream).into_response()
}
