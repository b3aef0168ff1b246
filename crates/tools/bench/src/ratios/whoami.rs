//! P2: Whoami, compared with an empty call and a read of Redis.

use super::CONCURRENT_REQUESTS;
use crate::{
    lab::{Lab, Variant},
    report::{Aim, Row},
    rounds::{Probe, interleave},
    sample::closed_loop,
    statistics::additive_limit,
    work::{Customer, EmptyCall, Operation, RedisGet},
};

pub async fn whoami(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let customers = lab.customers().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let (nothing, servers) = (lab.nothing().await?, lab.servers().await?);
    let (shop, customers, time) = (&shop, &customers, lab.effort.time);
    let probes = vec![
        Probe::numerator("Whoami", || async move {
            closed_loop(Customer::workers(shop, CONCURRENT_REQUESTS, customers, &Operation::Whoami)?, time).await
        }),
        Probe::denominator("empty gRPC call", || async move {
            closed_loop(EmptyCall::workers(nothing, CONCURRENT_REQUESTS)?, time).await
        }),
        Probe::denominator("Redis GET", || async move {
            closed_loop(RedisGet::workers(servers.redis_url(), CONCURRENT_REQUESTS).await?, time).await
        }),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let row = taken.row("P2", "Whoami ÷ L", Aim::AtLeast(0.9), &[0, 1, 2], |round| {
        round[0].value / additive_limit(&[round[1].value, round[2].value])
    })?;
    let limit = taken.limit(&[1, 2]);
    Ok(vec![row.with_notes([format!("L = 1/(1/empty gRPC + 1/Redis GET) = {limit:.0}/s; 64 calls at once")])])
}
