//! A channel to one address of a peer, which records lost connections.

use std::time::Duration;

use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::{
    ConnectError, TimeoutExpired,
    body::Body,
    transport::{Channel, Error},
};
use tower::{Service as _, ServiceExt as _};

use super::{
    losses::Losses,
    verdict::{self, Verdict},
};
use crate::circuit_breaker::Outcome;

/// A channel to one address, which connects on first use.
pub struct Link {
    channel: Channel,
    losses: Losses,
}

/// Why a call has no response.
#[derive(Debug)]
pub enum Failure {
    /// No response arrived by the deadline. `others_serve` is true if only this replica is slow.
    TimedOut {
        others_serve: bool,
    },
    Lost(Lost),
}

/// A call whose connection could not be opened or has ended.
#[derive(Debug)]
pub struct Lost {
    pub message: String,
    /// What the call says about the peer's health.
    pub outcome: Outcome,
    /// True if the peer reports that it did not process the call.
    pub is_refused: bool,
    /// True if the connection could not be opened.
    pub is_unconnected: bool,
}

impl Link {
    pub fn new(channel: Channel) -> Self {
        Self { channel, losses: Losses::default() }
    }

    /// Checks the health over the channel of the calls, so that the result applies to them, and the connection exists
    /// before the first call. Also returns whether the connection was lost or could not be opened.
    pub async fn check(&self, limit: Duration) -> (Verdict, bool) {
        let begun = Instant::now();
        let (verdict, is_lost) = verdict::of(self.channel.clone(), limit).await;
        if verdict != Verdict::Silent {
            self.losses.answered(begun);
        }
        (verdict, is_lost)
    }

    pub async fn send(&self, request: Request<Body>, deadline: Instant) -> Result<Response<Body>, Failure> {
        let mut channel = self.channel.clone();
        let begun = Instant::now();
        let answer = timeout_at(deadline, async { channel.ready().await?.call(request).await });
        match answer.await {
            Ok(Ok(answer)) => {
                self.losses.answered(begun);
                Ok(answer)
            }
            // The channel also reads `grpc-timeout` and may notice the deadline first.
            Ok(Err(error)) if causes(&error).any(<dyn std::error::Error>::is::<TimeoutExpired>) => {
                Err(Failure::TimedOut { others_serve: false })
            }
            Ok(Err(error)) => {
                let is_unconnected = causes(&error).any(<dyn std::error::Error>::is::<ConnectError>);
                Err(Failure::Lost(Lost {
                    outcome: if is_unconnected { Outcome::Failed } else { self.losses.outcome(begun) },
                    is_refused: causes(&error).filter_map(|cause| cause.downcast_ref()).any(is_refused),
                    is_unconnected,
                    message: chain(&error),
                }))
            }
            Err(_) => Err(Failure::TimedOut { others_serve: false }),
        }
    }
}

/// Returns true if the server reports that it has not processed the stream: it refused the stream, or it is closing the
/// connection and the stream comes after the last one that it processes (RFC 9113, 6.8 and 8.7).
fn is_refused(error: &h2::Error) -> bool {
    error.is_remote() && (error.reason() == Some(h2::Reason::REFUSED_STREAM) || error.is_go_away())
}

fn chain(error: &Error) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source())
}
