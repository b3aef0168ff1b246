//! The id with which a process holds leases.

use std::net::SocketAddr;

use crate::ids;

/// Returns a new id of a process: its host name and port, for people, and a UUID, since containers may have equal host
/// names. A restarted process is a new holder of leases, since the previous process may only be frozen.
pub fn instance(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}-{}", host.trim(), address.port(), ids::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_with_one_host_name_and_port_are_different_holders_of_leases() {
        let address = SocketAddr::from(([127, 0, 0, 1], 50_051));

        assert_ne!(instance(address), instance(address));
    }
}
