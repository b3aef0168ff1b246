//! Stops callers before callees, so that requests in flight can be completed.

use operations::registry::{SERVICES, depth, find};
use platform::server::{Run, shutdown::Tasks};
use tokio_util::sync::CancellationToken;

/// Runs the services until `stop` or the first failure. Services of one depth form a group. A group is stopped once the
/// previous group, whose services call this one's, has stopped.
pub async fn run(services: Vec<(&'static str, Run)>, stop: CancellationToken) -> anyhow::Result<()> {
    let deepest = SERVICES.into_iter().map(depth).max().unwrap_or(0);
    let mut groups: Vec<Group> = (0..=deepest).map(|_| Group::new()).collect();
    for (name, service) in services {
        groups[deepest - find(name).map_or(0, depth)].tasks.serve(name, service);
    }
    let tokens: Vec<CancellationToken> = groups.iter().map(|group| group.stop.clone()).collect();
    let all = stop.child_token();
    let first = async {
        all.cancelled().await;
        tokens[0].cancel();
    };
    let run = groups.into_iter().enumerate().map(|(index, group)| {
        let (all, next) = (&all, tokens.get(index + 1));
        async move {
            let outcome = group.run().await;
            all.cancel();
            next.inspect(|next| next.cancel());
            outcome
        }
    });
    let (outcomes, ()) = tokio::join!(futures::future::join_all(run), first);
    outcomes.into_iter().find(Result::is_err).unwrap_or(Ok(()))
}

/// Services that stop at the same time.
struct Group {
    stop: CancellationToken,
    tasks: Tasks,
}

impl Group {
    fn new() -> Self {
        let stop = CancellationToken::new();
        Self { tasks: Tasks::new(&stop), stop }
    }

    /// Runs the group until its services end or it is stopped. A group without services also waits to be stopped.
    async fn run(self) -> anyhow::Result<()> {
        let outcome = self.tasks.join().await;
        if outcome.is_ok() {
            self.stop.cancelled().await;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::*;

    /// The order in which services stopped.
    type Log = Arc<Mutex<Vec<&'static str>>>;

    /// A service that takes a while to complete its requests.
    fn service(name: &'static str, log: &Log) -> (&'static str, Run) {
        let log = log.clone();
        let run: Run = Box::new(move |stop| {
            Box::pin(async move {
                stop.cancelled().await;
                tokio::time::sleep(Duration::from_secs(9)).await;
                log.lock().unwrap().push(name);
                Ok(())
            })
        });
        (name, run)
    }

    #[tokio::test(start_paused = true)]
    async fn services_end_before_those_that_they_call() {
        let log = Log::default();
        let services = ["iam", "payment", "order", "inventory"].map(|name| service(name, &log));
        let stop = CancellationToken::new();
        stop.cancel();

        run(services.into(), stop).await.unwrap();

        let ended = log.lock().unwrap().clone();
        assert_eq!((ended.first(), ended.last(), ended.len()), (Some(&"order"), Some(&"iam"), 4), "{ended:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_stops_the_others_and_is_named() {
        let log = Log::default();
        let broken: Run = Box::new(|_| Box::pin(async { anyhow::bail!("no luck") }));
        let services = vec![service("iam", &log), ("payment", broken), service("order", &log)];

        let error = run(services, CancellationToken::new()).await.unwrap_err();

        assert_eq!(format!("{error:#}"), "payment failed: no luck");
        assert_eq!(log.lock().unwrap().len(), 2);
    }
}
