//! The stores' containers have memory for what all replicas may open, as docs/scaling.md derives it.

use operations::registry::with_database;
use platform::server::service::Service;

use crate::{
    compose::{DEVELOPMENT, PLAIN, Rendered, TLS},
    repository::{read, root},
};

const MIB: u64 = 1 << 20;
/// The replicas of each service that the stores must serve.
const REPLICAS: u64 = 3;
/// Connections of audits, of the tool and of operators, including the three that PostgreSQL reserves.
const OTHERS: u64 = 40;
/// The memory of one connection: twice what was measured under load.
const PER_CONNECTION: u64 = 5 * MIB;
/// PostgreSQL's shared memory besides its buffers, and the files that it reads most.
const SHARED: u64 = (128 + 256) * MIB;
/// The program, its clients and the fragmentation of its memory.
const REDIS: u64 = 64 * MIB;

/// Returns the connections that one replica of each service may open: its pool, one that asks whether the server
/// answers, and one that waits for notifications of an outbox.
fn connections() -> u64 {
    let own = |service: &Service| {
        let pool = service.database.as_ref().map_or(0, |database| u64::from(database.connections));
        pool + 1 + u64::from(service.has_table("outbox"))
    };
    with_database().map(own).sum()
}

/// Reads a size such as `128MB`.
fn bytes(size: &str) -> u64 {
    let number = size.to_lowercase();
    number.strip_suffix("mb").and_then(|number| number.parse::<u64>().ok()).expect("a size in MB") * MIB
}

#[test]
fn the_stores_have_memory_for_all_connections_of_three_replicas() {
    for file in [PLAIN, TLS] {
        let Some(rendered) = Rendered::new(file, DEVELOPMENT) else { return };
        let postgres = rendered.postgres();
        let most: u64 = postgres["max_connections"].parse().expect("a number of connections");
        let needed = bytes(postgres["shared_buffers"]) + SHARED + most * PER_CONNECTION;
        let redis = rendered.command("redis");
        let keys = redis.windows(2).find(|words| words[0] == "--maxmemory").expect("Redis has a bound")[1];

        let opened = REPLICAS * connections() + OTHERS;
        assert!(opened <= most, "{file}: services and operators open {opened} connections, PostgreSQL has {most}");
        assert!(rendered.limit("postgres", "memory") >= needed, "{file}: PostgreSQL needs {} MiB", needed / MIB);
        assert!(rendered.limit("postgres", "pids") > most + 32, "{file}: each connection is a process");
        // The process that rewrites the append-only file may copy each page.
        let needed = 2 * bytes(keys) + REDIS;
        assert!(rendered.limit("redis", "memory") >= needed, "{file}: Redis needs {} MiB", needed / MIB);
        let page = read(&root().join("docs/scaling.md"));
        for sum in [format!("{opened} connections"), format!("{most} connections")] {
            assert!(page.contains(&sum), "docs/scaling.md does not say {sum:?}");
        }
    }
}
