//! `GET /console/api/couriers`: all couriers. `GET /console/api/couriers/live`: a stream of all couriers, and then of
//! each courier that changes.

use axum::{
    Extension, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use contracts::{events::message_json, proto::delivery::v1::Courier};
use platform::auth::Caller;
use serde_json::{Value, json};

use super::{Api, live, of_error};
use crate::{pages::Visit, service::SessionWatch};

/// A courier's order is shown only to the order's user and to operators.
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
    match api.couriers.read(&api.live, visit.user).await {
        Ok(reader) => {
            let first = (reader, SessionWatch::new(api.sessions.clone(), visit.session, visit.user.is_operator), 1);
            live::stream(futures::stream::unfold(first, async |(mut reader, mut session, number)| {
                let courier = session.admit(reader.next()).await?;
                Some((live::event(number, &as_json(&courier)), (reader, session, number + 1)))
            }))
        }
        Err(error) => of_error(error).into_response(),
    }
}
