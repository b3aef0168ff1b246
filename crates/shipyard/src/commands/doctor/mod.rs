//! `shipyard doctor`: checks the programs and servers that the shop needs. Says where each server comes from, and how
//! to get missing ones.

mod kafka;
mod programs;

use std::{fmt, net::SocketAddr, time::Duration};

use futures::future::join_all;
use platform::{
    config::{
        self, Settings,
        environment::{self, Environment},
    },
    http,
    postgres::connect_options,
    redis,
    tls::{self, Tls},
};
use servers::{advice, postgres::Binaries, redis::program as redis_program};
use sqlx::Connection as _;

use super::up::{ADMIN, check, listeners, presumed, program};
use crate::data::Data;
use operations::registry::{SERVICES, with_database};

const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of a check.
struct Finding {
    what: String,
    verdict: Verdict,
    found: String,
}

enum Verdict {
    Fine,
    /// Missing and not required. The text says how to get it.
    Optional(String),
    /// Missing and required. The text says how to get it.
    Needed(String),
}

impl Finding {
    fn fine(what: &str, found: String) -> Self {
        Self { what: what.to_owned(), verdict: Verdict::Fine, found }
    }

    fn optional(what: &str, found: &str, remedy: impl Into<String>) -> Self {
        Self { what: what.to_owned(), verdict: Verdict::Optional(remedy.into()), found: found.to_owned() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, remedy) = match &self.verdict {
            Verdict::Fine => ("ok", None),
            Verdict::Optional(remedy) => ("-", Some(remedy)),
            Verdict::Needed(remedy) => ("NO", Some(remedy)),
        };
        write!(f, "{mark:<4}{:<14}{}", self.what, self.found)?;
        remedy.map_or(Ok(()), |remedy| write!(f, "\n{:18}{remedy}", ""))
    }
}

/// Fails if the shop could not run.
pub async fn run(data: Data) -> anyhow::Result<()> {
    let settings = config::load()?;
    let mut findings = vec![environment(&settings)];
    findings.extend(postgres(&settings).await);
    findings.push(redis(&settings).await);
    findings.extend(kafka::check(&settings).await);
    findings.extend(ports(&settings, &data).await);
    findings.push(directory(&data));
    findings.extend(programs::find().await);
    for finding in &findings {
        outln!("{finding}");
    }
    let needed = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Needed(_))).count();
    anyhow::ensure!(needed == 0, "the shop cannot run here: {needed} problems to fix");
    outln!("\nThe shop can run here: {} up", program());
    Ok(())
}

/// Reports the environment, which variables still hold the repository's public development secrets, and which ones
/// production requires.
fn environment(settings: &Settings) -> Finding {
    let published = environment::published_secrets(settings).join(", ");
    let required = SERVICES.into_iter().flat_map(|service| service.decisions).copied();
    let missing = environment::missing_decisions(&settings.clone().for_shared_process(), required);
    let what = "Environment".to_owned();
    let (environment, missing) = match Environment::load(settings).and_then(|environment| Ok((environment, missing?))) {
        Ok((environment, missing)) => (environment, missing.join(", and ")),
        Err(error) => {
            let verdict = Verdict::Needed(format!("correct {error}"));
            return Finding { what, verdict, found: "not known".to_owned() };
        }
    };
    let secrets = format!("set secrets of your own in {published}: everyone can read the published ones");
    let lacks = [
        (!published.is_empty()).then_some(("with published secrets", secrets)),
        (!missing.is_empty()).then(|| ("without settings that it requires", format!("set {missing}"))),
    ];
    let (lacks, remedies): (Vec<&str>, Vec<String>) = lacks.into_iter().flatten().unzip();
    if lacks.is_empty() {
        return Finding::fine("Environment", environment.as_str().to_owned());
    }
    let verdict = match environment {
        Environment::Development => Verdict::Optional(remedies.join("; ")),
        Environment::Production => Verdict::Needed(remedies.join("; ")),
    };
    Finding { what, verdict, found: format!("{}, {}", environment.as_str(), lacks.join(", ")) }
}

async fn postgres(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut missing = 0;
    for service in with_database() {
        let variable = service.variable("DATABASE_URL");
        let Some(url) = settings.get(&variable) else {
            missing += 1;
            continue;
        };
        let connected = async {
            let options = connect_options(&variable, url)?;
            Ok::<_, anyhow::Error>(sqlx::PgConnection::connect_with(&options).await?)
        };
        let verdict = match tokio::time::timeout(CHECK_TIMEOUT, connected).await {
            Ok(Ok(_)) => Verdict::Fine,
            Ok(Err(error)) => Verdict::Needed(format!("start that server, or correct {variable}: {error:#}")),
            Err(_) => Verdict::Needed(format!("that server does not answer; start it, or correct {variable}")),
        };
        findings.push(Finding {
            what: "PostgreSQL".to_owned(),
            verdict,
            found: format!("as configured by {variable}"),
        });
    }
    if missing > 0 {
        let found = Binaries::on_this_machine().await.into_iter().next();
        findings.push(match found {
            Some(binaries) => {
                let directory = binaries.directory.display();
                Finding::fine(
                    "PostgreSQL",
                    format!("version {} from {directory}, as a child process", binaries.version),
                )
            }
            None => Finding::optional(
                "PostgreSQL",
                "no server on this machine; one is downloaded at the first start",
                format!("to use your distribution's, {}; or set ORDER_DATABASE_URL etc.", advice("postgresql")),
            ),
        });
    }
    findings
}

async fn redis(settings: &Settings) -> Finding {
    if let Some(url) = settings.get("REDIS_URL") {
        return given_redis(settings, url).await;
    }
    match redis_program() {
        Some(program) => Finding::fine("Redis", format!("{}, as a child process", program.display())),
        None => Finding::optional(
            "Redis",
            "none; sessions are kept in memory",
            format!("for sessions that outlive the process, {}; or set REDIS_URL", advice("redis-server")),
        ),
    }
}

/// Checks that the Redis server accepts the credentials and takes writes.
async fn given_redis(settings: &Settings, url: &str) -> Finding {
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let place = place.rsplit_once("://").map_or(place, |(_, place)| place);
    let found = format!("{}, as configured by REDIS_URL", place.split('/').next().unwrap_or_default());
    let tls = tls::Config::load(settings).and_then(|config| config.map(Tls::load).transpose());
    let connection = tls.map_err(anyhow::Error::from);
    let connection =
        connection.and_then(|tls| redis::lazy_connection("REDIS_URL", &url.into(), tls.as_ref().map(Tls::authorities)));
    let absent = format!("{}session:absent", settings.get("IAM_REDIS_PREFIX").unwrap_or_default());
    let verdict = match connection {
        Err(error) => Verdict::Needed(format!("correct {error}")),
        Ok(mut connection) => match tokio::time::timeout(CHECK_TIMEOUT, redis::probe(&mut connection, &absent)).await {
            Ok(Ok(())) => Verdict::Fine,
            Ok(Err(error)) if redis::is_refusal(&error) => {
                Verdict::Needed(format!("that server refuses the user or the password in REDIS_URL: {error}"))
            }
            Ok(Err(error)) => Verdict::Needed(format!("start that server, or correct REDIS_URL: {error}")),
            Err(_) => Verdict::Needed("that server does not answer; start it, or correct REDIS_URL".to_owned()),
        },
    };
    Finding { what: "Redis".to_owned(), verdict, found }
}

/// Checks the configuration and the ports that it names.
async fn ports(settings: &Settings, data: &Data) -> Vec<Finding> {
    if let Some(holder) = data.holder() {
        return vec![Finding::fine("Ports", format!("the shop runs already, as process {holder}"))];
    }
    let key = ("SERVICE_KEY", data.service_key(settings).unwrap_or_else(|| "0".repeat(64)));
    let settings = &presumed(settings).with([key]).for_shared_process();
    let listeners = match check(settings).and_then(|()| listeners(settings)) {
        Ok(listeners) => listeners,
        Err(error) => {
            let verdict = Verdict::Needed(format!("correct {}", error.variable));
            return vec![Finding { what: "Variables".to_owned(), verdict, found: error.to_string() }];
        }
    };
    let (admin, default) = ADMIN;
    let admin = settings.get(admin).unwrap_or(default).parse().ok().map(|address| (admin.to_owned(), address));
    let mut taken = Vec::new();
    let mut free = Vec::new();
    for (address, bound) in bound(listeners.into_iter().chain(admin)).await {
        match bound {
            Ok(()) => free.push(address.port().to_string()),
            Err(error) => taken.push(Finding {
                what: "Port".to_owned(),
                found: address.to_string(),
                verdict: Verdict::Needed(format!("{error:#}")),
            }),
        }
    }
    if !free.is_empty() {
        taken.insert(0, Finding::fine("Ports", format!("{} are free", free.join(", "))));
    }
    taken
}

/// Binds each address for a moment, all concurrently, because binding an address that is in use takes two seconds.
async fn bound(listeners: impl IntoIterator<Item = (String, SocketAddr)>) -> Vec<(SocketAddr, anyhow::Result<()>)> {
    let binding = listeners.into_iter().map(async |(variable, address)| {
        let bound = http::bind(&variable, address).await;
        (address, bound.map(drop))
    });
    join_all(binding).await
}

fn directory(data: &Data) -> Finding {
    let path = data.path().display().to_string();
    let writable = std::fs::create_dir_all(data.path()).and_then(|()| tempfile_in(data));
    match writable {
        Ok(()) => Finding::fine("Data", format!("kept in {path}")),
        Err(error) => Finding {
            what: "Data".to_owned(),
            found: format!("{path}: {error}"),
            verdict: Verdict::Needed("run in a writable directory, or name another with --data".to_owned()),
        },
    }
}

fn tempfile_in(data: &Data) -> std::io::Result<()> {
    let path = data.path().join("doctor");
    std::fs::write(&path, b"")?;
    std::fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::time::Instant;

    use super::*;

    #[test]
    fn everything_that_production_lacks_is_one_finding() {
        let settings = |environment: &str| {
            let own = [("SHIPYARD_ENVIRONMENT", environment), ("SERVICE_KEY", "development-only")];
            Settings::from_variables(own.map(|(name, value)| (name, value.to_owned())))
        };
        let remedy = |environment: &str| match super::environment(&settings(environment)).verdict {
            Verdict::Needed(remedy) | Verdict::Optional(remedy) => remedy,
            Verdict::Fine => String::new(),
        };

        let lacking = ["SERVICE_KEY", "PAYMENT_BUILT_IN=true", "PAYMENT_INITIAL_BALANCE", "KYC_BUILT_IN=true"];
        assert!(lacking.iter().all(|name| remedy("production").contains(name)), "{}", remedy("production"));
        assert!(!remedy("development").contains("BUILT_IN") && !remedy("").contains("BUILT_IN"), "{}", remedy(""));
    }

    #[tokio::test(start_paused = true)]
    async fn ports_that_are_taken_are_tried_at_the_same_time() {
        let taken: Vec<TcpListener> = (0..5).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<SocketAddr> = taken.iter().map(|listener| listener.local_addr().unwrap()).collect();
        let begun = Instant::now();

        let found = bound(addresses.iter().map(|address| ("ORDER_LISTEN".to_owned(), *address))).await;

        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        assert!(found.iter().all(|(_, bound)| bound.is_err()), "{found:?}");
        assert_eq!(found.iter().map(|(address, _)| *address).collect::<Vec<_>>(), addresses);
    }
}
