//! Short actions of operators, which other services execute: adding a courier, rejecting a customer, and restocking a
//! part.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use platform::{
    http::problem::Problem,
    ids,
    invalid::{InvalidField, InvalidFields},
};
use serde_json::json;
use tonic::{Code, Status};
use uuid::Uuid;

use super::{act, is_question};
use crate::{
    api::{Api, Form, Visit, of_status},
    pages::{self, Confirmation},
};

/// `POST /console/api/operator/couriers {name, speed}`
pub async fn add_courier(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let (name, speed) = (form.text("name")?, form.number("speed")?);
    let speed = i32::try_from(speed).map_err(|_| Problem::invalid("speed", "must be from 1 to 100"))?;
    if is_question(&form) {
        let confirmation = Confirmation {
            title: format!("Add the courier {name}?"),
            effects: vec![format!("{name} starts free, moves at speed {speed}, and takes the next order that fits.")],
            button: "Yes, add",
            is_final: true,
            back: "/console/operator/couriers",
            ..Confirmation::new(&form, "/console/api/operator/couriers")
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    let add = async {
        let added = api.services.add_courier(name.clone(), speed).await;
        let courier = added.map_err(|status| of_status("delivery", &status))?;
        Ok((format!("added with speed {speed}: {courier}"), courier))
    };
    let respond = |courier: String| (StatusCode::CREATED, Json(json!({ "courier_id": courier }))).into_response();
    act((&api, &form), "courier", &name, add, respond).await
}

/// `POST /console/api/operator/kyc-rollback {customer_id, reason}`
pub async fn roll_back_kyc(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let (customer, reason) = (form.text("customer_id")?, form.optional_text("reason")?.to_owned());
    let customer = uuid("customer_id", customer.trim())?.to_string();
    if is_question(&form) {
        let confirmation = Confirmation {
            title: "Withdraw this identity check?".to_owned(),
            effects: vec![
                "A verified customer becomes a rejected one, and gets no more loans.".to_owned(),
                "Loans that are credited already stay.".to_owned(),
            ],
            rows: vec![("Customer".to_owned(), customer), ("Reason".to_owned(), reason)],
            button: "Yes, withdraw",
            is_final: true,
            back: "/console/operator/actions",
            ..Confirmation::new(&form, "/console/api/operator/kyc-rollback")
        };
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    let roll_back = async {
        let rolled_back = api.services.roll_back_kyc(customer.clone(), reason).await;
        rolled_back.map(|status| (status.clone(), status)).map_err(|status| of_status("customers", &status))
    };
    let respond = |status: String| Json(json!({ "kyc_status": status })).into_response();
    act((&api, &form), "kyc-rollback", &customer, roll_back, respond).await
}

/// `POST /console/api/operator/restock {part_uuid, quantity, key?}`. Retries with the same key, a uuid, add
/// the stock once; a request with another part or quantity is refused.
pub async fn restock(State(api): State<Api>, visit: Visit, form: Form) -> Result<Response, Problem> {
    let (part, quantity) = (form.text("part_uuid")?, form.number("quantity")?);
    let part = uuid("part_uuid", &part)?.to_string();
    let key = form.optional_text("key")?;
    if quantity <= 0 {
        return Err(Problem::invalid("quantity", "must be at least 1"));
    }
    if is_question(&form) {
        let name = pages::part_name(&api, &part).await.map_err(|status| of_status("inventory", &status))?;
        let mut confirmation = Confirmation {
            title: format!("Add {quantity} of {name}?"),
            effects: vec![format!("The stock of {name} grows by {quantity}, and customers can order them at once.")],
            button: "Yes, restock",
            is_final: true,
            back: "/console/operator/actions",
            ..Confirmation::new(&form, "/console/api/operator/restock")
        };
        confirmation.fields.push(("key".to_owned(), ids::random().to_string()));
        return Ok(pages::confirm(&api, &visit, confirmation).await);
    }
    let key = if key.is_empty() { ids::random() } else { uuid("key", key)? };
    let add = async {
        let added = api.services.restock(key.to_string(), part.clone(), quantity).await;
        added.map(|()| (format!("{quantity} added"), ())).map_err(|status| not_restocked(&status))
    };
    let respond = |()| Json(json!({ "part_uuid": part, "quantity": quantity })).into_response();
    act((&api, &form), "restock", &part, add, respond).await
}

/// Returns the problem of inventory's refusal to add stock.
fn not_restocked(status: &Status) -> Problem {
    if status.code() == Code::AlreadyExists {
        let message = "this key was used for another part or quantity";
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", message);
    }
    renamed(&of_status("inventory", status))
}

/// Renames the fields in inventory's refusal to the fields of this endpoint.
fn renamed(problem: &Problem) -> Problem {
    if problem.errors.is_empty() {
        return problem.clone();
    }
    let fields = problem.errors.iter().map(|error| {
        let field = match &*error.field {
            "restock_uuid" => "key",
            field => field.strip_prefix("parts[0].").unwrap_or(field),
        };
        InvalidField::new(field, error.code, &error.message)
    });
    fields.collect::<InvalidFields>().into()
}

fn uuid(field: &'static str, text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::invalid(field, "must be a uuid"))
}

#[cfg(test)]
mod tests {
    use platform::grpc;

    use super::*;

    #[test]
    fn a_refused_restock_names_the_fields_and_the_codes_of_this_endpoint() {
        for (theirs, own) in [
            ("parts[0].quantity", "quantity"),
            ("parts[0].part_uuid", "part_uuid"),
            ("restock_uuid", "key"),
            ("parts", "parts"),
        ] {
            let shown = not_restocked(&grpc::invalid(theirs, "must be from 1 to 1000000"));

            assert_eq!((shown.status, shown.field.as_deref()), (400, Some(own)));
            assert_eq!(shown.message, format!("{own}: must be from 1 to 1000000"));
        }
        let away = Status::unavailable("away");
        assert_eq!(not_restocked(&away), of_status("inventory", &away));
        let reused = not_restocked(&Status::already_exists("parts: must be those of the restock_uuid's first request"));
        assert_eq!((reused.status, reused.code), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
}
