//! `shipyard services`: lists the services and their default ports, for scripts.

use std::fmt::Write as _;

use operations::registry::SERVICES;

/// Prints a line for each API, such as `order http PORT`, and one for metrics and health, `order admin PORT`.
pub fn run() -> std::fmt::Result {
    let mut list = String::new();
    for service in SERVICES {
        for api in service.apis() {
            writeln!(list, "{service} {} {}", if api.is_grpc { "grpc" } else { "http" }, api.port)?;
        }
        writeln!(list, "{service} admin {}", service.admin_port)?;
    }
    print!("{list}");
    Ok(())
}
