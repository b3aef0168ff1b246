//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use futures::FutureExt as _;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    config::Config,
    databases::Databases,
    import_journal::import_journal,
    jobs, receipts,
    registry::readable,
    repository::{PgActions, PgWork, resolved_letters::ResolvedLetters},
    service::{Actions, Audits, Checkpoints, DeadLetters, LagHistory, LongActions, ReceiptReader, Receipts},
    service_states::AdminPorts,
};

/// The application name that PostgreSQL shows.
const NAME: &str = "shipyard-operations";

/// Builds the service and binds its listeners; connects to nothing yet. Fails if the URL of another service's database
/// is not set, except iam's.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero();
    let Config { server, identity, messaging, receipt_keys, settings } = config;
    let server = Server::bind(&SERVICE, server).await?;
    let databases = Arc::new(Databases::of_services(readable(&settings), NAME, &settings)?);
    let reader = Arc::new(ReceiptReader {
        receipts: Arc::new(receipts::Receipts::from_settings(NAME, &settings)?),
        databases: databases.clone(),
        topics: messaging.topics.clone(),
        retention: messaging.kafka.kafka_topic_retention,
    });
    let made_by = reader.clone();
    let receipts = Receipts::new(move |order| made_by.clone().make(order).boxed());
    let lag = LagHistory::new(messaging.kafka.clone(), messaging.topics.clone());
    let long_actions = LongActions::default();
    let rows = PgActions::new(server.database()?);
    let checkpoints = Checkpoints::new(rows.clone(), receipt_keys);
    let actions = Actions::new(rows, long_actions.clone());
    let import_journal = import_journal(messaging.kafka.clone(), server.database()?);
    let resolved = ResolvedLetters::new(server.database()?);
    let (audit, letters) = (PgWork::new(server.database()?, "audit"), PgWork::new(server.database()?, "letters"));
    let guard = identity.guard(&server, api::RULES)?;
    let grpc = api::Grpc {
        receipts,
        reader,
        databases,
        admin_ports: AdminPorts::from_settings(&settings)?,
        lag: lag.clone(),
        letters: DeadLetters::new(messaging.kafka, messaging.topics, resolved, actions.clone(), letters),
        audits: Audits::new(settings, actions.clone(), audit),
        actions,
    };
    Ok(App::new(server)
        .grpc(api::services(grpc), guard)
        .jobs(jobs::all(lag, long_actions))
        .jobs([import_journal, jobs::sign_actions(checkpoints)]))
}
