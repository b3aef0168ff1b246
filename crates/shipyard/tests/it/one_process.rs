//! `shipyard` without a command: it finds or starts its servers, and an order is completed after a `kill -9`.

use std::{path::Path, time::Duration};

use client::{addresses::ShopAddresses, trust::Trust};
use operations::registry::SERVICES;
use platform::{config::Settings, server::service::Service};
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;
use testkit::eventually;
use tokio::sync::{OnceCell, SemaphorePermit};

use crate::{
    customer::{Customer, ORDERS},
    program::{Program, Variables, shipyard, until_ready},
    system::{all_room, free_address, listeners, room},
};

/// A shop for one test, configured with its listen addresses alone.
pub struct Shop {
    directory: TempDir,
    variables: Variables,
    admin: String,
    room: OnceCell<SemaphorePermit<'static>>,
}

impl Shop {
    pub fn new() -> Self {
        let admin = free_address().to_string();
        let mut variables: Variables = SERVICES.iter().flat_map(|service| listeners(service)).collect();
        variables.push(("SHIPYARD_ADMIN_LISTEN".to_owned(), admin.clone()));
        variables.push(("ASSEMBLY_BUILD_MIN".to_owned(), "3s".to_owned()));
        variables.push(("ASSEMBLY_BUILD_MAX".to_owned(), "3s".to_owned()));
        Self { directory: tempfile::tempdir().unwrap(), variables, admin, room: OnceCell::new() }
    }

    /// Adds a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The listen address of a service's first API.
    pub fn address(&self, service: &Service) -> String {
        let variable = service.variable("LISTEN");
        self.variables.iter().find(|(name, _)| *name == variable).map(|(_, value)| value.clone()).unwrap()
    }

    pub fn addresses(&self) -> ShopAddresses {
        ShopAddresses {
            order: format!("http://{}", self.address(&order::SERVICE)),
            iam: self.address(&iam::SERVICE),
            inventory: self.address(&inventory::SERVICE),
            trust: Trust::from_settings(&Settings::default()).unwrap(),
        }
    }

    /// Waits until no other test has its own system, and starts the shop. While this shop exists, no other system
    /// starts.
    pub async fn start_alone(&self) -> Program {
        self.room.get_or_init(all_room).await;
        self.start().await
    }

    /// Returns when the shop is ready.
    pub async fn start(&self) -> Program {
        self.room.get_or_init(room).await;
        let command = shipyard(&[], &self.variables, self.directory.path());
        let program = Program::start(command, &self.directory.path().join("log"));
        until_ready(&self.admin).await;
        program
    }

    /// Starts the shop and kills it while its servers are being prepared, each time at once after the last kill.
    async fn kill_early(&self) {
        self.room.get_or_init(room).await;
        for pause in [50, 200, 400, 800] {
            let command = shipyard(&[], &self.variables, self.directory.path());
            let mut program = Program::start(command, &self.directory.path().join("log"));
            tokio::time::sleep(Duration::from_millis(pause)).await;
            program.kill().await;
        }
    }

    async fn customer(&self) -> Customer {
        let [order, iam, inventory] =
            [&order::SERVICE, &iam::SERVICE, &inventory::SERVICE].map(|one| self.address(one));
        Customer::at(&order, &iam, &inventory).await
    }

    /// The metrics of all services of the shop.
    pub async fn metrics(&self) -> String {
        let http = platform::http::client(Duration::from_secs(5)).unwrap();
        let response = http.get(format!("http://{}/metrics", self.admin)).send().await.unwrap();
        response.text().await.unwrap()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // If the test runs as root, the database's files are in another directory.
        if let Ok(elsewhere) = std::fs::read_link(self.directory.path().join(".shipyard/postgres")) {
            let _ = std::fs::remove_dir_all(elsewhere);
        }
    }
}

#[tokio::test]
async fn one_process_needs_nothing_and_an_order_goes_on_after_it_was_killed() {
    let shop = Shop::new();
    shop.kill_early().await;
    let mut first = shop.start().await;
    let mut customer = shop.customer().await;
    let part = customer.part("Main Engine").await.uuid;
    let stock = customer.stock(&part).await;
    let body = json!({ "user_uuid": customer.user, "part_uuids": [part] });
    let created = customer.post_once("key", ORDERS, body.clone()).await.unwrap();
    let (paid, open) =
        (customer.order(&[&part]).await, created.json()["order_uuid"].as_str().unwrap().parse().unwrap());
    customer.pay(paid).await.success(200);

    first.kill().await;
    let mut second = shop.start().await;
    customer.log_in().await;

    assert!(shop.log().contains("Swagger UI"), "{}", shop.log());
    let again = customer.post_once("key", ORDERS, body.clone()).await.unwrap();
    assert_eq!((again.status, &again.text), (created.status, &created.text), "a key is known after a restart");
    customer.until(paid, "ASSEMBLED").await;
    assert_eq!(customer.find(open).await["status"], "PENDING_PAYMENT");
    customer.cancel(open).await.success(204);
    eventually(async || (customer.stock(&part).await == stock - 1).then_some(())).await;

    let shared = std::fs::read_to_string(shop.directory.path().join(".shipyard/running")).unwrap();
    assert!(shared.contains("ASSEMBLY_BUILD_MAX=3s\n"), "an audit in another terminal expects other times: {shared}");
    let refused = shipyard(&[], &shop.variables, shop.directory.path()).output().unwrap();
    let complaint = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && complaint.contains(&second.pid()), "{complaint}");
    customer.post(ORDERS, body).await.success(201);

    second.signal(Signal::INT);
    let ended = second.ended().await;
    assert!(ended.success(), "{ended}: {}", shop.log());
    let database = shop.directory.path().join(".shipyard/postgres/data/postmaster.pid");
    assert!(!database.exists(), "PostgreSQL has ended, and cleanly");
}
