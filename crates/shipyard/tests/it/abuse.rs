//! Attacks by strangers on the whole shop in one process fail no request of other customers, and the descriptions of
//! APIs can be switched off.

use serde_json::Value;

use crate::{one_process::Shop, program::shipyard};

/// Attacks with their scale and duration. They are small, since the shop shares its machine with other tests. The
/// clients of `unread-answers` begin to read after four seconds.
const ATTACKS: [(&str, &str, &str); 2] =
    [("watch-few,slow-bodies,leaving,whole-bodies,rapid-resets", "0.1", "2s"), ("unread-answers", "0.1", "6s")];

#[tokio::test]
async fn attacks_fail_no_request_of_other_customers() {
    let shop = Shop::new().with("SWAGGER_UI", "false").with("GRPC_REFLECTION", "false");
    let _program = shop.start_alone().await;

    for (attacks, scale, during) in ATTACKS {
        for row in attack(&shop, attacks, scale, ["1s", during, "500ms"]).await {
            let (connections, requests) = (&row["connections"], &row["during"]["requests"]);
            assert!(connections.as_u64().unwrap() > 0 && requests.as_u64().unwrap() >= 40, "{row}");
            assert_eq!((&row["during"]["failed"], &row["succeeded"]), (&0.into(), &0.into()), "{row}");
        }
    }
    descriptions_are_off(&shop).await;
}

/// How often a run is repeated because the machine was too busy for customers before the attack began.
const MAX_REPEATS: usize = 3;

/// Runs the attacks at this scale, with customers for these times before, during and after each attack. Returns the
/// report's row of each attack.
///
/// A run in which customers failed before an attack began proves nothing, so it is repeated.
pub async fn attack(shop: &Shop, attacks: &str, scale: &str, [before, during, after]: [&str; 3]) -> Vec<Value> {
    let arguments = ["abuse", "--only", attacks, "--scale", scale, "--rate", "20", "--users", "3"];
    let phases = ["--before", before, "--during", during, "--after", after, "--json"];
    let mut repeats = 0;
    loop {
        let command = shipyard(&[&arguments[..], &phases].concat(), shop.variables(), shop.directory());
        let output = tokio::process::Command::from(command).kill_on_drop(true).output().await.unwrap();

        let complaint = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"));
        let rows = report["rows"].as_array().unwrap();
        if repeats < MAX_REPEATS && rows.iter().any(|row| row["before"]["failed"] != 0) {
            repeats += 1;
            continue;
        }
        assert!(output.status.success(), "{report:#}");
        assert_eq!(rows.len(), attacks.split(',').count());
        return rows.clone();
    }
}

async fn descriptions_are_off(shop: &Shop) {
    let http = platform::http::client(std::time::Duration::from_secs(5)).unwrap();
    let url = format!("http://{}", shop.address(&order::SERVICE));
    let status = async |path: &str| http.get(format!("{url}{path}")).send().await.unwrap().status().as_u16();
    assert_eq!((status("/swagger-ui/").await, status("/openapi.json").await), (404, 404));
    let grpc = platform::http::client_builder().http2_prior_knowledge().build().unwrap();
    let url =
        format!("http://{}/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", shop.address(&iam::SERVICE));
    let call = grpc.post(url).header("content-type", "application/grpc").header("te", "trailers");
    let answer = call.send().await.unwrap();
    // UNIMPLEMENTED, or UNAUTHENTICATED: the guard runs before the server rejects an unknown method.
    assert!(["12", "16"].contains(&answer.headers()["grpc-status"].to_str().unwrap()), "{answer:?}");
}
