//! `POST /webhooks/stripe` on the admin port: Stripe's events about charges and refunds
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use contracts::ids::TransactionId;
use platform::{
    clock, error_chain,
    http::{self, problem::Problem},
};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use uuid::Uuid;

use crate::service::PaymentService;

/// The maximum size of a body in bytes. Stripe's events about payments have some 5 KiB.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// The header with the time and the signatures, such as `t=1492774577,v1=5257a869e7…`.
const SIGNATURE: &str = "stripe-signature";
/// The maximum difference between the time of the signature and this clock, in seconds; the default of Stripe's
/// libraries.
const MAX_CLOCK_DIFFERENCE: u64 = 300;

#[derive(Clone)]
struct Webhook {
    service: PaymentService,
    key: hmac::Key,
}

#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    /// Another system with the same Stripe account may use this metadata key too, with any text.
    transaction_uuid: Option<String>,
}

/// Returns the route. `secret` is the endpoint's signing secret at Stripe.
pub fn routes(service: PaymentService, secret: &SecretString) -> Router {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let routes = Router::new()
        .route("/webhooks/stripe", post(handle))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Webhook { service, key });
    http::layers_with(routes, MAX_BODY_BYTES)
}

async fn handle(State(webhook): State<Webhook>, headers: HeaderMap, body: Bytes) -> Result<StatusCode, Problem> {
    let signature = headers.get(SIGNATURE).and_then(|header| header.to_str().ok()).unwrap_or_default();
    verify(&webhook.key, signature, &body, clock::now().timestamp())
        .map_err(|problem| Problem::new(StatusCode::BAD_REQUEST, "INVALID_SIGNATURE", problem))?;
    let event: Event = serde_json::from_slice(&body).map_err(|_| Problem::invalid("body", "is not an event"))?;
    let transaction = event.data.object.metadata.and_then(|metadata| Uuid::try_parse(&metadata.transaction_uuid?).ok());
    // Events without our metadata are not about our charges.
    let Some(transaction) = transaction else { return Ok(StatusCode::OK) };
    match webhook.service.look_at(TransactionId::new(transaction)).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) => {
            // Stripe redelivers an unhandled event for three days.
            tracing::warn!(transaction_uuid = %transaction, error = error_chain(error), "event of the payment provider not handled");
            Err(Problem::unavailable("the event was not handled; send it again"))
        }
    }
}

/// Checks the signature header of a body that arrived at `now`, in seconds since 1970.
fn verify(key: &hmac::Key, header: &str, body: &[u8], now: i64) -> Result<(), &'static str> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, time)| time).ok_or("Stripe-Signature: has no time")?;
    let seconds: i64 = time.parse().map_err(|_| "Stripe-Signature: the time is not a number")?;
    if now.abs_diff(seconds) > MAX_CLOCK_DIFFERENCE {
        return Err("Stripe-Signature: is more than 5 minutes old, or from the future");
    }
    let signed = [time.as_bytes(), b".", body].concat();
    // Stripe sends several signatures while the secret is being replaced.
    let mut signatures = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| bytes(hex));
    let matches = signatures.any(|signature| hmac::verify(key, &signed, &signature).is_ok());
    matches.then_some(()).ok_or("Stripe-Signature: no signature matches the body")
}

/// Decodes a signature of 64 hexadecimal digits.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = hex.as_bytes().chunks_exact(2);
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    /// Returns the header for a body that was signed with this secret at this time.
    fn signed(secret: &str, time: i64, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let hex = hex::encode(tag);
        format!("t={time},v1={hex}")
    }

    #[test]
    fn a_signature_counts_with_its_secret_its_body_and_its_time() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"whsec_one");
        let verify = |header: &str, body: &str, now| verify(&key, header, body.as_bytes(), now);
        let header = signed("whsec_one", 1_000, "{}");
        let rotated = format!("{},{}", signed("whsec_old", 1_000, "{}"), header.split_once(',').unwrap().1);

        assert_eq!(verify(&header, "{}", 1_000), Ok(()));
        assert_eq!(verify(&header, "{}", 1_300), Ok(()));
        assert_eq!(verify(&rotated, "{}", 1_000), Ok(()));
        for (header, body, now) in [
            (header.as_str(), "{} ", 1_000),
            (&header, "{}", 1_301),
            (&header, "{}", 699),
            (&signed("whsec_two", 1_000, "{}"), "{}", 1_000),
            (&header.replace("t=1000", "t=1001"), "{}", 1_000),
            ("t=1000", "{}", 1_000),
            ("t=1000,v1=00", "{}", 1_000),
            ("t=now,v1=00", "{}", 1_000),
            ("v1=00", "{}", 1_000),
            ("", "{}", 1_000),
        ] {
            assert!(verify(header, body, now).is_err(), "{header} {body} {now}");
        }
    }

    #[tokio::test]
    async fn a_process_of_several_services_has_the_route_of_the_providers_events() {
        let variables = [
            ("PAYMENT_DATABASE_URL", "postgres://nobody@127.0.0.1:1/payment"),
            ("KAFKA_BROKERS", "127.0.0.1:1"),
            ("PAYMENT_WEBHOOK_SECRET", "whsec_one"),
        ];
        let settings = testkit::settings().with(variables.map(|(name, value)| (name, value.to_owned())));
        let app = (crate::SERVICE.build)(settings).await.unwrap();

        let unsigned = Request::post("/webhooks/stripe").header("Host", "payment").body(Body::empty()).unwrap();
        let response = app.admin().oneshot(unsigned).await.unwrap();

        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
}
