//! Redis killed, and emptied.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    chaos::fault::{Done, Fault, Injected, Stage},
    commands::demo::customer::Customer,
};

pub const FAULTS: [Fault; 2] = [
    Fault {
        number: 5,
        name: "redis-kill",
        what: "Redis is killed for 8 s: nobody is let through, and sessions work again afterwards",
        inject: inject!(kill),
    },
    Fault {
        number: 5,
        name: "redis-empty",
        what: "Redis is killed and forgets everything: users log in again, no effect of an order is lost",
        inject: inject!(empty),
    },
];

/// By then nobody can be answered any more who asked iam before Redis was gone.
const IN_FLIGHT: Duration = Duration::from_secs(1);

async fn kill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let away = Duration::from_secs(stage.scale(8, 4));
    let shop = stage.world.shop()?;
    let customer = Customer::fresh("chaos");
    customer.register(&shop).await?;
    let (session, _) = customer.log_in(&shop).await?;
    stage.world.servers.kill_redis().await?;
    let begun = Instant::now();
    let mut problems = Vec::new();
    sleep(IN_FLIGHT).await;
    let mut asked = 0;
    while begun.elapsed() < away {
        asked += 1;
        if let Ok(answer) = shop.ask(Method::GET, "/api/v1/orders", Some(&session), None).await
            && answer.status.as_u16() != 503
        {
            problems.push(format!("without Redis a request was answered {}", answer.status));
        }
        sleep(Duration::from_millis(200)).await;
    }
    stage.world.servers.start_redis().await?;
    Ok(Injected::Times(Done { times: 1, problems, notes: vec![format!("{asked} requests without Redis: all 503")] }))
}

async fn empty(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(3, 1);
    for _ in 0..times {
        stage.world.servers.kill_redis().await?;
        stage.world.servers.empty_redis().await?;
        stage.world.servers.start_redis().await?;
        sleep(Duration::from_secs(3)).await;
    }
    Injected::times(times)
}
