//! The subject of a certificate: its names and its permitted uses.

/// The trust domain of the system (SPIFFE): `spiffe://shipyard/order` is the service order.
const TRUST_DOMAIN: &str = "spiffe://shipyard/";
/// Clients on the same machine also use these names for every server.
const LOCAL: [&str; 2] = ["localhost", "127.0.0.1"];

/// One certificate's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name of its directory.
    pub name: String,
    /// Its identity as a client: a certificate without one is a server's alone.
    pub uri: Option<String>,
    /// The names by which it is reached as a server: a certificate without one is a client's alone.
    pub hosts: Vec<String>,
}

impl Subject {
    /// A service of the system, or its gateway: a server by its name, and a client by its URI.
    pub fn service(name: &str) -> Self {
        Self { uri: Some(uri(name)), ..Self::store(name) }
    }

    /// A store, such as a database: a server that calls no service.
    pub fn store(name: &str) -> Self {
        let hosts = std::iter::once(name).chain(LOCAL).map(str::to_owned).collect();
        Self { name: name.to_owned(), uri: None, hosts }
    }

    /// A person or a tool: a client alone.
    pub fn client(name: &str) -> Self {
        Self { name: name.to_owned(), uri: Some(uri(name)), hosts: Vec::new() }
    }

    /// The subject, found under this DNS name or IP address too.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_owned());
        self
    }
}

fn uri(name: &str) -> String {
    format!("{TRUST_DOMAIN}{name}")
}
