//! `GET /console/api/couriers` and `/couriers/live`: the couriers, and each of them when it changes.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use contracts::{events::message_json, proto::delivery::v1::Courier};
use platform::auth::Caller;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{Api, live, of_error};
use crate::{
    error::Error,
    pages::Visit,
    service::{Couriers, SessionWatch, Slot},
};

/// Each courier names the order that it carries to the order's user and to operators alone.
pub async fn list(State(api): State<Api>, Extension(caller): Extension<Caller>) -> Response {
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

pub async fn follow(State(api): State<Api>, visit: Visit) -> Response {
    let caller = visit.caller();
    let open = async {
        let (slot, closing) = api.live.slot()?;
        let couriers = api.couriers.clone();
        let changes = couriers.subscribe();
        let known = couriers.list(&caller).await?.into_iter().map(|one| one.courier).collect();
        let session = SessionWatch::new(api.iam.clone(), visit.session);
        Ok::<_, Error>(Reader { known, changes, closing, session, caller, couriers, sent: 0, _slot: slot })
    };
    match open.await {
        Ok(reader) => live::stream(futures::stream::unfold(reader, async |mut reader| {
            let courier = reader.next().await?;
            reader.sent += 1;
            Some((live::event(reader.sent, &as_json(&courier)), reader))
        })),
        Err(error) => of_error(error).into_response(),
    }
}

/// A reader of couriers, who gets all of them first.
struct Reader {
    known: VecDeque<Courier>,
    changes: broadcast::Receiver<Arc<Courier>>,
    closing: CancellationToken,
    session: SessionWatch,
    caller: Caller,
    couriers: Couriers,
    sent: i64,
    _slot: Slot,
}

impl Reader {
    async fn next(&mut self) -> Option<Courier> {
        if let Some(courier) = self.known.pop_front() {
            return Some(courier);
        }
        let changed = tokio::select! {
            changed = self.changes.recv() => changed.ok()?,
            () = self.closing.cancelled() => return None,
            () = self.session.ended() => return None,
        };
        let visible = self.couriers.visible(changed.as_ref().clone(), &self.caller).await.ok()?;
        Some(visible.courier)
    }
}
