//! The subject of a certificate: its names and its permitted uses.

/// The SPIFFE trust domain of the system. `spiffe://shipyard/order` identifies the service order.
const TRUST_DOMAIN: &str = "spiffe://shipyard/";
/// Additional names of every server, which clients on the same machine use.
const LOCAL: [&str; 2] = ["localhost", "127.0.0.1"];

/// The owner of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name of its directory.
    pub name: String,
    /// The subject's identity as a client. A subject without one is only a server.
    pub uri: Option<String>,
    /// The names of the subject as a server. A subject without one is only a client.
    pub hosts: Vec<String>,
}

impl Subject {
    /// Creates the subject of a service or of the gateway, which is a server by its name and a client by its URI.
    pub fn service(name: &str) -> Self {
        Self { uri: Some(uri(name)), ..Self::store(name) }
    }

    /// Creates the subject of a store, such as a database, which is a server and calls no service.
    pub fn store(name: &str) -> Self {
        let hosts = std::iter::once(name).chain(LOCAL).map(str::to_owned).collect();
        Self { name: name.to_owned(), uri: None, hosts }
    }

    /// Creates the subject of a person or a tool, which is only a client.
    pub fn client(name: &str) -> Self {
        Self { name: name.to_owned(), uri: Some(uri(name)), hosts: Vec::new() }
    }

    /// Returns the subject with another DNS name or IP address.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_owned());
        self
    }
}

fn uri(name: &str) -> String {
    format!("{TRUST_DOMAIN}{name}")
}
