//! The ports of single services, whose requests are not checked by the gateway.

use contracts::ports::INTAKE;
use reqwest::Method;

use super::fixture::Fixture;
use crate::{customer::send, system::System};

#[tokio::test]
async fn intake_echoes_the_request_id_of_a_caller_from_outside() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };

    for id in ["abc-123", "0f860f2c-d76a-4140-99b3-fcc63f27a826"] {
        let request = gateway.request_to(INTAKE, Method::GET, "/orders/unknown").header("X-Request-ID", id);
        // A request with this header is not internal, although its caller is at 127.0.0.1.
        let answer = send(request.header("X-Forwarded-For", "198.51.100.7")).await;

        assert_eq!(answer.headers["x-request-id"], id, "{answer:?}");
    }
}
