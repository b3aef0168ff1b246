//! `shipyard services`: lists the services and their default ports, for scripts.

use operations::registry::SERVICES;
use serde::Serialize;

use crate::output;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// A listener of a service: `grpc` or `http` for an API, `admin` for metrics and health.
#[derive(Serialize)]
struct Listener {
    service: &'static str,
    kind: &'static str,
    port: u16,
}

/// Prints a line for each listener, such as `order http PORT`.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let listeners: Vec<Listener> = SERVICES
        .into_iter()
        .flat_map(|service| {
            let apis = service.apis().into_iter().map(|api| (if api.is_grpc { "grpc" } else { "http" }, api.port));
            let all: Vec<_> = apis.chain([("admin", service.admin_port)]).collect();
            all.into_iter().map(|(kind, port)| Listener { service: service.name, kind, port })
        })
        .collect();
    if arguments.json {
        return output::json(&listeners);
    }
    for Listener { service, kind, port } in listeners {
        outln!("{service} {kind} {port}");
    }
    Ok(())
}
