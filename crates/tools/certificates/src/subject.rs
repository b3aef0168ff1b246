//! The subject of a certificate: its names and its permitted uses.

/// The system's SPIFFE trust domain. `spiffe://shipyard/order` identifies the service order.
const TRUST_DOMAIN: &str = "spiffe://shipyard/";
/// Additional names of every server, for clients on the same machine.
const LOCAL: [&str; 2] = ["localhost", "127.0.0.1"];

/// The owner of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name of the subject's directory.
    pub name: String,
    /// The subject's identity as a client; `None` for a subject that is only a server.
    pub uri: Option<String>,
    /// The subject's names as a server; empty for a subject that is only a client.
    pub hosts: Vec<String>,
}

impl Subject {
    /// Creates the subject of a service or the gateway: a server by its name, and a client by its URI.
    pub fn service(name: &str) -> Self {
        Self { uri: Some(uri(name)), ..Self::store(name) }
    }

    /// Creates the subject of a store, such as a database: only a server.
    pub fn store(name: &str) -> Self {
        let hosts = std::iter::once(name).chain(LOCAL).map(str::to_owned).collect();
        Self { name: name.to_owned(), uri: None, hosts }
    }

    /// Creates the subject of a person or a tool: only a client.
    pub fn client(name: &str) -> Self {
        Self { name: name.to_owned(), uri: Some(uri(name)), hosts: Vec::new() }
    }

    /// Adds a DNS name or IP address.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_owned());
        self
    }
}

fn uri(name: &str) -> String {
    format!("{TRUST_DOMAIN}{name}")
}
