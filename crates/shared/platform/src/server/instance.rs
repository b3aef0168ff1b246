//! The place of a process, and the id with which it holds leases.

use std::net::SocketAddr;

use base::ids;
use edge::http::request_target::host_name;

/// Returns the place of a process: its host name and port. A process that is started again in its place has the same;
/// two processes of one machine have different ports. Containers of different machines may have equal places.
pub fn place(address: SocketAddr) -> String {
    // Kafka accepts no other characters in an instance id.
    let host = host_name().replace(|one: char| !one.is_ascii_alphanumeric() && !"._-".contains(one), "_");
    format!("{host}-{}-", address.port())
}

/// Returns a new id of a process at this place. A restarted process is a new holder of leases.
pub fn instance(place: &str) -> String {
    format!("{place}{}", ids::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_at_one_place_are_different_holders_of_leases_and_ports_are_different_places() {
        let at = |port| place(SocketAddr::from(([127, 0, 0, 1], port)));

        assert_ne!(instance(&at(50_051)), instance(&at(50_051)));
        assert!(!instance(&at(50_051)).starts_with(&at(5_005)));
    }
}
