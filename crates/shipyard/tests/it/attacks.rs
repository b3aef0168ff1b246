//! Attacks by strangers on the whole shop in one process fail no request of other customers, and the descriptions of
//! APIs can be switched off.

use std::time::Duration;

use drive::attack::{Options, Phases, Row, attacks};

use crate::one_process::Shop;

const ATTACKS: [&str; 3] = ["idle", "leaving", "rapid-resets"];
/// The number of retries of a run before whose attack the machine was too busy for customers.
const MAX_RETRIES: usize = 3;

#[tokio::test]
async fn attacks_fail_no_request_of_other_customers() {
    let shop = Shop::new().with("SWAGGER_UI", "false").with("GRPC_REFLECTION", "false");
    let _program = shop.start_alone().await;

    for row in attack(&shop).await {
        assert!(row.counts.connections > 0 && row.during.all.operations >= 40, "{row}");
        assert_eq!((row.during.all.failed, row.counts.succeeded), (0, 0), "{row}");
    }
    descriptions_are_off(&shop).await;
}

/// Runs the attacks, small ones, since the shop shares its machine with other tests. Returns the report's row of each.
///
/// A run in which customers failed before an attack began proves nothing, so it is retried.
async fn attack(shop: &Shop) -> Vec<Row> {
    let [before, during, after] = [1_000, 2_000, 500].map(Duration::from_millis);
    let attacks = || attacks::ALL.into_iter().filter(|attack| ATTACKS.contains(&attack.name)).collect();
    let mut retries = 0;
    loop {
        let options = Options {
            addresses: shop.addresses(),
            attacks: attacks(),
            phases: Phases { before, during, after },
            rate: 20,
            users: 3,
            scale: 0.1,
            slack: 0.0,
        };
        let report = drive::attack::run(&options, |_| {}).await.unwrap();
        if retries < MAX_RETRIES && report.rows.iter().any(|row| row.before.all.failed != 0) {
            retries += 1;
            continue;
        }
        assert_eq!((report.failure(), report.rows.len()), (None, ATTACKS.len()), "{report}");
        return report.rows;
    }
}

async fn descriptions_are_off(shop: &Shop) {
    let http = platform::http::client(Duration::from_secs(5)).unwrap();
    let url = format!("http://{}", shop.address(&order::SERVICE));
    let status = async |path: &str| http.get(format!("{url}{path}")).send().await.unwrap().status().as_u16();
    assert_eq!((status("/swagger-ui/").await, status("/openapi.json").await), (404, 404));
    let grpc = platform::http::client_builder().http2_prior_knowledge().build().unwrap();
    let url =
        format!("http://{}/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", shop.address(&iam::SERVICE));
    let call = grpc.post(url).header("content-type", "application/grpc").header("te", "trailers");
    let response = call.send().await.unwrap();
    // UNIMPLEMENTED, or UNAUTHENTICATED: the guard runs before the server rejects an unknown method.
    assert!(["12", "16"].contains(&response.headers()["grpc-status"].to_str().unwrap()), "{response:?}");
}
