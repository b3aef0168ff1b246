//! Calls from one process to another. A call may be delayed, lost, duplicated, or sent to a dead process.

use std::{fmt, sync::Arc, time::Duration};

use platform::deadline;
use tokio::sync::oneshot;

use crate::{
    plan::Fault,
    process::Process,
    world::{Name, Serves, World},
};

/// The timeout of a call, as in `platform::grpc::Peer`.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why there is no response.
#[derive(Clone, Copy, Debug)]
pub enum Lost {
    /// No process listens: the call had no effect.
    Refused,
    /// The connection broke, or the call timed out. The call may have had an effect.
    Silent,
}

/// Formats a response with the same text in every run. It avoids an error's `Debug`, which may contain a backtrace.
pub fn said<T: fmt::Debug, E: fmt::Display>(response: &Result<Result<T, E>, Lost>) -> String {
    match response {
        Ok(Ok(response)) => format!("{response:?}"),
        Ok(Err(error)) => error.to_string(),
        Err(lost) => format!("{lost:?}"),
    }
}

impl World {
    /// Runs `work` in the process `to`. Waits at most `limit` for the response.
    pub async fn call<S, T, F>(
        self: &Arc<Self>,
        to: Name,
        service: fn(Serves) -> Option<S>,
        limit: Duration,
        work: impl Fn(S) -> F,
    ) -> Result<T, Lost>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
        S: Clone,
    {
        let response = async {
            self.travel().await;
            if self.strikes(Fault::Loss) {
                self.note(format_args!("a request to {to:?} is lost"));
                return std::future::pending().await;
            }
            let up = self.up(to).ok_or(Lost::Refused)?;
            let service = service(up.serves).ok_or(Lost::Refused)?;
            if self.strikes(Fault::Duplicate) {
                self.note(format_args!("a request to {to:?} arrives twice"));
                let (again, late) = (work(service.clone()), self.millis(0, 8000));
                up.process.spawn(async move {
                    tokio::time::sleep(late).await;
                    let _ = tokio::time::timeout(limit, deadline::within(limit, again)).await;
                });
            }
            let (tell, told) = oneshot::channel();
            let (work, process) = (work(service), up.process.clone());
            up.process.spawn(async move {
                if let Ok(response) = tokio::time::timeout(limit, deadline::within(limit, work)).await {
                    process.step("before it responds").await;
                    let _ = tell.send(response);
                }
            });
            let response = told.await.map_err(|_| Lost::Silent)?;
            self.travel().await;
            if self.strikes(Fault::Loss) {
                self.note(format_args!("a response of {to:?} is lost"));
                return std::future::pending().await;
            }
            Ok(response)
        };
        tokio::time::timeout(limit, response).await.unwrap_or(Err(Lost::Silent))
    }
}

impl Process {
    /// Calls another service, as its gRPC client would. This process may die before the call and after the response.
    pub async fn ask<S, T, F>(
        &self,
        to: Name,
        service: fn(Serves) -> Option<S>,
        work: impl Fn(S) -> F,
    ) -> Result<T, Lost>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
        S: Clone,
    {
        self.step(&format!("before it asks {to:?}")).await;
        let response = self.world.call(to, service, deadline::remaining(CALL_TIMEOUT), work).await;
        self.step(&format!("after it has asked {to:?}")).await;
        response
    }
}
