//! `shipyard up`: runs all services in one process, with the servers that they need.

mod banner;
mod infrastructure;
mod listen_addresses;
mod shutdown_order;

use platform::{
    clock,
    config::{self, ConfigError, Settings, descriptions::Descriptions},
    http::{self, request_target::OwnHosts},
    kafka,
    server::{
        health::admin_routes,
        readiness::Readiness,
        shutdown::{Tasks, on_signal},
    },
    telemetry,
};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

use self::{banner::Banner, infrastructure::Infrastructure};
pub use self::{
    banner::program,
    infrastructure::presumed,
    listen_addresses::{ADMIN, Addresses, check, listeners},
};
use crate::data::Data;
use operations::databases::Databases;
use operations::facts::{LOG_SINCE, TIME_LIMITS};
use operations::{registry::SERVICES, republish_lost_events::republish};

/// The variables that `shipyard operator` needs to create users as iam does.
pub const OF_OPERATORS: [&str; 3] = ["IAM_PASSWORD_MIN", "IAM_ARGON2_MEMORY_KIB", "IAM_ARGON2_ITERATIONS"];

/// The services whose HTTP API can be open to callers without a session.
const OPEN: [&str; 2] = ["delivery", "intake"];

/// The default of `LOG_LEVEL`: `info` for the services (which logs events of orders), outages, this program and its
/// servers; otherwise `warn`.
fn log_level() -> String {
    let services = SERVICES.map(|service| format!("{}=info", service.name)).join(",");
    format!("warn,{},shipyard=info,servers=info,{services}", telemetry::OUTAGES)
}

/// Opens the APIs that may need no session, if they listen on loopback alone. Returns the variables of the others, too.
/// A value that is set stays.
fn open_on_loopback(mut settings: Settings) -> Result<(Settings, Vec<String>), ConfigError> {
    let mut closed = Vec::new();
    for service in SERVICES.into_iter().filter(|service| OPEN.contains(&service.name)) {
        let variable = service.variable("OPEN");
        if service.listeners(&settings)?.iter().all(|(_, address)| address.ip().is_loopback()) {
            settings = settings.or(&variable, "true");
        } else if settings.get(&variable).is_none() {
            closed.push(variable);
        }
    }
    Ok((settings, closed))
}

pub async fn run(data: Data) -> anyhow::Result<()> {
    let begun = Instant::now();
    let settings = config::load()?.or("LOG_LEVEL", &log_level());
    let (settings, closed) = open_on_loopback(settings.for_shared_process())?;
    let _telemetry = telemetry::start("shipyard", &settings.read()?)?;
    if !closed.is_empty() {
        let variables = closed.join(", ");
        tracing::warn!(
            variables,
            "APIs need a session, since they listen beyond loopback; true opens them to everyone"
        );
    }
    settings.check_names()?;
    Descriptions::choose(&settings)?;
    let stop = on_signal()?;
    let _lock = data.lock()?;
    let key = data.ensure_service_key(&settings)?;
    let settings = settings.with([("SERVICE_KEY", key)]);
    // Checks configuration and ports before any server starts.
    let addresses = Addresses::settle(&presumed(&settings)).await?;
    let settings = with(settings, &addresses.variables());
    outln!("Shipyard is starting.");
    let infrastructure = tokio::select! {
        provided = Infrastructure::provide(&settings, &data) => provided?,
        () = stop.cancelled() => return Ok(()),
    };
    // A broker that does not persist records has none that are older than this start.
    let since = infrastructure.forgets_events.then(|| (LOG_SINCE.to_owned(), clock::now().to_rfc3339()));
    let provided: Vec<_> = infrastructure.variables.iter().cloned().chain(since).collect();
    let settings = with(settings, &provided);
    // The commands that read these variables run in other terminals.
    let same = OF_OPERATORS.into_iter().chain(TIME_LIMITS);
    let same = same.filter_map(|name| Some((name.to_owned(), settings.get(name)?.to_owned())));
    let found: Vec<_> = addresses.variables().into_iter().chain(provided).chain(same).collect();
    data.publish(&found)?;
    let banner = Banner { begun, addresses, used: infrastructure.used.clone() };
    let outcome = serve(&settings, infrastructure.forgets_events, banner, stop).await;
    infrastructure.stop().await;
    outcome
}

async fn serve(settings: &Settings, republished: bool, banner: Banner, stop: CancellationToken) -> anyhow::Result<()> {
    if republished {
        migrate_and_republish(settings, &stop).await?;
    }
    if stop.is_cancelled() {
        return Ok(());
    }
    let mut services = Vec::new();
    for service in SERVICES {
        services.push((service.name, (service.build)(settings.clone()).await?));
    }
    let admin = http::bind(ADMIN.0, banner.addresses.admin).await?;
    let mut tasks = Tasks::new(&stop);
    let all: Vec<Readiness> = services.iter().map(|(_, app)| app.readiness()).collect();
    let own = services.iter().map(|(_, app)| app.admin());
    let hosts = OwnHosts::load(&SERVICES.map(|service| service.name), settings)?;
    let routes = own.fold(admin_routes(all.clone(), hosts), |routes, own| routes.merge(own));
    tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
    tasks.spawn("banner", |stop| banner.show(all, stop));
    let services = services.into_iter().map(|(name, app)| (name, app.into_run())).collect();
    tasks.serve("the shop", |stop| shutdown_order::run(services, stop));
    tasks.join().await
}

/// Applies migrations. Then marks the events that the mock broker has lost for publication again.
async fn migrate_and_republish(settings: &Settings, stop: &CancellationToken) -> anyhow::Result<()> {
    let databases = Databases::from_settings("shipyard-up", settings)?;
    databases.migrate(stop).await?;
    if !stop.is_cancelled() {
        let count = republish(&databases, kafka::Config::load(settings)?.effect_retention()).await?;
        if count > 0 {
            tracing::info!(count, "republishing events that were unfinished when the last process ended");
        }
    }
    databases.close().await;
    Ok(())
}

fn with(settings: Settings, variables: &[(String, String)]) -> Settings {
    settings.with(variables.iter().map(|(name, value)| (name.as_str(), value.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_that_listens_beyond_loopback_is_open_only_if_its_variable_says_so() {
        let open = |variables: &[(&'static str, &str)]| {
            let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let (settings, closed) = open_on_loopback(Settings::from_variables(variables)).unwrap();
            (["DELIVERY_OPEN", "INTAKE_OPEN"].map(|name| settings.get(name) == Some("true")), closed.join(" "))
        };

        assert_eq!(open(&[]), ([true, true], String::new()));
        assert_eq!(open(&[("LISTEN_IP", "::1"), ("DELIVERY_OPEN", "false")]), ([false, true], String::new()));
        assert_eq!(open(&[("LISTEN_IP", "0.0.0.0")]), ([false, false], "DELIVERY_OPEN INTAKE_OPEN".to_owned()));
        assert_eq!(open(&[("DELIVERY_HTTP_LISTEN", "0.0.0.0:1")]), ([false, true], "DELIVERY_OPEN".to_owned()));
        let set = [("LISTEN_IP", "0.0.0.0"), ("INTAKE_OPEN", "true")];
        assert_eq!(open(&set), ([false, true], "DELIVERY_OPEN".to_owned()));
    }
}
