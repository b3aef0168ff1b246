//! The message on standard output once all services are ready: addresses, servers and first steps.

use std::{fmt, io::Write as _, time::Instant};

use futures::future::join_all;
use platform::server::readiness::Readiness;
use tokio_util::sync::CancellationToken;

use super::Addresses;
use operations::registry::SERVICES;
use platform::server::service::SecondApi;

pub struct Banner {
    pub begun: Instant,
    pub addresses: Addresses,
    /// The servers in use, each with its origin.
    pub used: Vec<(&'static str, String)>,
}

impl Banner {
    /// Prints the banner once every service is ready.
    pub async fn show(self, all: Vec<Readiness>, stop: CancellationToken) -> anyhow::Result<()> {
        tokio::select! {
            // If the reader of the output has exited, the shop continues.
            _ = join_all(all.iter().map(Readiness::ready)) => drop(writeln!(std::io::stdout(), "{self}")),
            () = stop.cancelled() => {}
        }
        Ok(())
    }
}

impl fmt::Display for Banner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = format!("http://{}", self.addresses.of(&order::SERVICE));
        let iam = self.addresses.of(&iam::SERVICE);
        let console = format!("http://{}", self.addresses.of(&console::SERVICE));
        writeln!(
            f,
            "\nShipyard is ready after {:.1} s. Open it in a browser and buy a ship:\n",
            self.begun.elapsed().as_secs_f64()
        )?;
        writeln!(f, "  {console}/console/\n")?;
        writeln!(f, "  {:<14}{order}/api/v1   Swagger UI: {order}/swagger-ui/", "order")?;
        for service in SERVICES {
            if let Some(SecondApi::Http(_)) = service.second_api {
                let http = format!("http://{}", self.addresses.at(&service.variable("HTTP_LISTEN")));
                writeln!(f, "  {service:<14}{http}/api/v1   Swagger UI: {http}/swagger-ui/")?;
            }
            if service.second_api.is_none() && service.openapi.is_some() {
                let http = format!("http://{}", self.addresses.of(service));
                writeln!(f, "  {service:<14}{http}/   Swagger UI: {http}/swagger-ui/")?;
                continue;
            }
            writeln!(f, "  {service:<14}{} (gRPC)", self.addresses.at(&service.called_at()))?;
        }
        writeln!(f, "  {:<14}http://{}/metrics, /health/ready", "admin", self.addresses.admin)?;
        writeln!(
            f,
            "  {:<14}not here: only containers serve iam and the other RPCs as JSON on order's port\n",
            "gateway"
        )?;
        for (server, origin) in &self.used {
            writeln!(f, "  {server:<14}{origin}")?;
        }
        writeln!(f, "\nTry, in another terminal (Ctrl-C here ends the shop):\n")?;
        writeln!(f, "  {} demo", program())?;
        writeln!(f, "  {} couriers", program())?;
        writeln!(f, "  curl -s {order}/health/ready")?;
        write!(
            f,
            r#"  grpcurl -plaintext -d '{{"info":{{"info":{{"login":"ada","email":"ada@example.com"}},"password":"SecurePassword123!"}}}}' {iam} user.v1.UserService/Register"#
        )
    }
}

/// The command that started this program.
pub fn program() -> String {
    if std::env::var_os("CARGO").is_some() {
        "cargo run -q --".to_owned()
    } else {
        std::env::args().next().unwrap_or_else(|| "shipyard".to_owned())
    }
}
