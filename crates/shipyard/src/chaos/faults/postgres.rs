//! PostgreSQL killed, hung and out of connections.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::time::sleep;

use super::inject;
use crate::{
    chaos::{
        fault::{Fault, Injected, Stage},
        world::{CONNECTIONS, Link},
    },
    services::Service,
};

pub const FAULTS: [Fault; 3] = [
    Fault { number: 4, name: "postgres-kill", what: "kill -9 of PostgreSQL, three times", inject: inject!(kill) },
    Fault {
        number: 4,
        name: "postgres-hang",
        what: "PostgreSQL accepts and answers nothing for 15 s",
        inject: inject!(hang),
    },
    Fault {
        number: 4,
        name: "postgres-crowded",
        what: "PostgreSQL loses every connection and has none left for 10 s",
        inject: inject!(crowd),
    },
];

async fn kill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(3, 1);
    for _ in 0..times {
        stage.world.servers.kill_postgres().await?;
        sleep(Duration::from_secs(2)).await;
        stage.world.servers.start_postgres().await?;
        sleep(Duration::from_secs(2)).await;
    }
    Injected::times(times)
}

async fn hang(stage: &mut Stage) -> anyhow::Result<Injected> {
    let links = stage.world.links.clone();
    for service in Service::ALL {
        links.get(Link::Database(service))?.hang();
    }
    sleep(Duration::from_secs(stage.scale(15, 5))).await;
    for service in Service::ALL {
        links.get(Link::Database(service))?.restore();
    }
    Injected::times(1)
}

async fn crowd(stage: &mut Stage) -> anyhow::Result<Injected> {
    let url = &stage.world.servers.postgres_url;
    let mut crowd = vec![PgConnection::connect(url).await?];
    let mut lost = 0;
    // The services come back at once, so they are thrown out until the crowd has every place.
    while crowd.len() < CONNECTIONS as usize {
        let thrown = "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity
            where backend_type = 'client backend' and datname <> 'postgres'";
        lost += sqlx::query_scalar::<_, i64>(thrown).fetch_one(&mut crowd[0]).await?;
        let mut refused = 0;
        while crowd.len() < CONNECTIONS as usize && refused < 3 {
            match PgConnection::connect(url).await {
                Ok(connection) => crowd.push(connection),
                Err(_) => refused += 1,
            }
        }
        if refused > 0 && crowd.len() + 5 >= CONNECTIONS as usize {
            break;
        }
    }
    sleep(Duration::from_secs(stage.scale(10, 5))).await;
    for connection in crowd {
        let _ = connection.close().await;
    }
    Injected::times(usize::try_from(lost)?)
}
