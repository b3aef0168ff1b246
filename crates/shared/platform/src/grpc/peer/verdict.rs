//! A health check of a peer.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// The outcome of the latest health check of a replica, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Serving,
    /// The replica was not checked yet, or has lost a connection since.
    NotAsked,
    NotServing,
    Silent,
}

/// Checks the health within `limit`. Also returns whether the connection was lost or could not be opened.
pub async fn of(channel: Channel, limit: Duration) -> (Verdict, bool) {
    let mut health = HealthClient::new(channel);
    match timeout(limit, health.check(HealthCheckRequest { service: String::new() })).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => (Verdict::Serving, false),
        Ok(Ok(_)) => (Verdict::NotServing, false),
        Ok(Err(status)) => match status.code() {
            // A server outside this system may lack a health service, or deny it to this client.
            Code::Unimplemented | Code::NotFound | Code::PermissionDenied | Code::Unauthenticated => {
                (Verdict::Serving, false)
            }
            _ => (Verdict::Silent, true),
        },
        Err(_) => (Verdict::Silent, false),
    }
}
