//! PostgreSQL rejects a service: wrong password, missing privileges, or a renamed database.
//!
//! Each fails at once with an SQLSTATE. A consumer that blamed the message would dead-letter a whole topic meanwhile.

use std::time::Duration;

use anyhow::Context as _;
use operations::registry::find;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::{ANSWERED_AFTER, inject};
use crate::{
    cluster::PASSWORD,
    experiment::{Experiment, Fault, Injected, Injection},
};
use platform::server::service::Service;

const HOLDS: &str = "Nothing is dead-lettered.";

pub const FAULTS: [Fault; 3] = [
    Fault::new(
        4,
        "password-rotated",
        "the passwords of assembly and notification are changed, then those of the other services",
        inject!(refused(Refusal::Password)),
    )
    .lasting(15, 6)
    .holds(HOLDS),
    Fault::new(
        4,
        "rights-revoked",
        "assembly and notification have no privileges on their tables, then the other services",
        inject!(refused(Refusal::Rights)),
    )
    .lasting(15, 6)
    .holds(HOLDS),
    Fault::new(
        4,
        "database-renamed",
        "the databases of assembly and notification are renamed, then those of the other services",
        inject!(refused(Refusal::Database)),
    )
    .lasting(15, 6)
    .holds(HOLDS),
];

/// Services that only consume events. Customers' requests succeed without them, so events keep coming.
const TAKERS: [&Service; 2] = [&assembly::SERVICE, &notification::SERVICE];
/// The last connection to a database must be closed within this time.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
const RETRIES: &str = "kafka_message_retries_total";

/// How a service is rejected.
#[derive(Clone, Copy)]
enum Refusal {
    /// SQLSTATE 28P01, invalid password.
    Password,
    /// SQLSTATE 42501, insufficient privilege.
    Rights,
    /// SQLSTATE 3D000, the database does not exist.
    Database,
}

async fn refused(experiment: &mut Experiment, refusal: Refusal) -> anyhow::Result<Injected> {
    let servers = servers();
    let mut done = Injection { times: TAKERS.len() + servers.len(), ..Injection::default() };
    let retries = retries(experiment).await?;
    refuse(experiment, refusal, &TAKERS, async |experiment| {
        sleep(experiment.lasting).await;
        Ok(())
    })
    .await?;
    // A process serves its metrics even without its database.
    for (service, before) in retries {
        let retries = experiment.cluster.replicas.metric(service, RETRIES).await? - before;
        done.notes.push(format!("{service} tried messages again {retries} times"));
        if retries <= 0.0 {
            done.idle.push(format!("{service} retried no message"));
        }
    }
    sleep(ANSWERED_AFTER).await;
    // Reads may succeed: iam finds sessions in Redis, and order has the latest statuses in memory.
    let written = refuse(experiment, refusal, &servers, async |experiment| {
        sleep(ANSWERED_AFTER).await;
        let refused = Instant::now();
        sleep(experiment.lasting.saturating_sub(ANSWERED_AFTER)).await;
        Ok(experiment.load.journal.measurements().writes(refused))
    })
    .await?;
    experiment.cause_removed();
    if written > 0 {
        done.problems.push(format!("the fault had no effect: {written} writing requests succeeded meanwhile"));
    }
    Ok(Injected::Done(done))
}

/// Returns order and the services that it calls. Without them no request to create, pay or cancel succeeds.
fn servers() -> Vec<&'static Service> {
    let called = order::SERVICE.calls.iter().filter_map(|call| find(call.to));
    called.chain([&order::SERVICE]).collect()
}

async fn retries(experiment: &Experiment) -> anyhow::Result<Vec<(&'static Service, f64)>> {
    let mut retries = Vec::new();
    for service in TAKERS {
        retries.push((service, experiment.cluster.replicas.metric(service, RETRIES).await?));
    }
    Ok(retries)
}

/// Revokes these services' access while `meanwhile` runs. Restores it even if `meanwhile` fails.
async fn refuse<T>(
    experiment: &Experiment,
    refusal: Refusal,
    services: &[&'static Service],
    meanwhile: impl AsyncFnOnce(&Experiment) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let outcome = async {
        for service in services {
            Operator::new(experiment, service, refusal).await?.refuse(refusal).await?;
        }
        meanwhile(experiment).await
    };
    let outcome = outcome.await;
    for service in services {
        let admit = Operator::new(experiment, service, refusal).await?.admit(refusal).await;
        admit.with_context(|| format!("letting {service} in again"))?;
    }
    outcome
}

/// A superuser's connection that revokes and restores one service's access.
struct Operator {
    service: &'static Service,
    connection: PgConnection,
}

impl Operator {
    async fn new(experiment: &Experiment, service: &'static Service, refusal: Refusal) -> anyhow::Result<Self> {
        let servers = &experiment.cluster.servers;
        // Privileges are changed within the database. Renaming it needs a connection to another database.
        let url = match refusal {
            Refusal::Rights => servers.database_url(service)?,
            Refusal::Password | Refusal::Database => &servers.postgres_url,
        };
        Ok(Self { service, connection: PgConnection::connect(url).await? })
    }

    async fn refuse(mut self, refusal: Refusal) -> anyhow::Result<()> {
        let name = self.service.name;
        match refusal {
            Refusal::Password => {
                self.execute(format!(r#"alter role "{name}" password 'another'"#)).await?;
                self.throw_out("usename").await
            }
            Refusal::Rights => {
                self.execute(format!(r#"revoke all on all tables in schema public from "{name}""#)).await
            }
            Refusal::Database => {
                self.execute(format!(r#"alter database "{name}" allow_connections false"#)).await?;
                let until = Instant::now() + CLOSE_TIMEOUT;
                loop {
                    self.throw_out("datname").await?;
                    match self.execute(format!(r#"alter database "{name}" rename to "{name}-away""#)).await {
                        Err(_) if Instant::now() < until => sleep(Duration::from_millis(100)).await,
                        outcome => return outcome,
                    }
                }
            }
        }
    }

    /// Reverts [`refuse`](Self::refuse), even if that failed half-way.
    async fn admit(mut self, refusal: Refusal) -> anyhow::Result<()> {
        let name = self.service.name;
        match refusal {
            Refusal::Password => self.execute(format!(r#"alter role "{name}" password '{PASSWORD}'"#)).await,
            Refusal::Rights => {
                let rights = "select, insert, update, delete";
                self.execute(format!(r#"grant {rights} on all tables in schema public to "{name}""#)).await
            }
            Refusal::Database => {
                let away: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                    .bind(format!("{name}-away"))
                    .fetch_one(&mut self.connection)
                    .await?;
                if away {
                    self.execute(format!(r#"alter database "{name}-away" rename to "{name}""#)).await?;
                }
                self.execute(format!(r#"alter database "{name}" allow_connections true"#)).await
            }
        }
    }

    /// Terminates the connections whose `column` is the service's name.
    async fn throw_out(&mut self, column: &str) -> anyhow::Result<()> {
        let name = self.service.name;
        self.execute(format!("select pg_terminate_backend(pid) from pg_stat_activity where {column} = '{name}'")).await
    }

    async fn execute(&mut self, statement: String) -> anyhow::Result<()> {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connection).await?;
        Ok(())
    }
}
