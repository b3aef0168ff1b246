//! A client of a database over a network path that a test can break.

use platform::postgres::Database;
use sqlx::ConnectOptions as _;
use stand_ins::Proxy;

/// The application name of the client.
pub const APPLICATION: &str = "behind-a-proxy";

/// Returns a proxy before the server of `database`, and a pool of `connections` that goes through it.
pub async fn proxied(database: &testkit::Database, connections: u32) -> (Proxy, Database) {
    let options = database.pool.connect_options();
    let proxy = Proxy::to(format!("{}:{}", options.get_host(), options.get_port())).await.expect("a proxy");
    let url = (*options).clone().host("127.0.0.1").port(proxy.address().port()).to_url_lossy().to_string();
    let pool = Database::lazy(APPLICATION, "TEST_DATABASE_URL", &url.into(), connections).expect("a URL");
    (proxy, pool)
}
