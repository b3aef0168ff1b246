//! The demo's requests about a delivery.

use std::time::Duration;

use anyhow::{bail, ensure};
use client::delivery::Delivery;
use contracts::events::DELIVERY_STATUSES;
use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::orders::{Order, Visit};

/// The order service must copy a status of the delivery service within this time.
const COPY_TIMEOUT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Follows a delivery until it has ended or the time limit has passed.
pub struct Trip<'a> {
    visit: &'a Visit<'a>,
    order: &'a Order,
    until: Instant,
    seen: Option<Delivery>,
}

impl<'a> Trip<'a> {
    pub fn new(visit: &'a Visit<'a>, order: &'a Order, within: Duration) -> Self {
        Self { visit, order, until: Instant::now() + within, seen: None }
    }

    pub fn is_over(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.status == "DELIVERED")
    }

    pub async fn next(&mut self) -> anyhow::Result<((), String)> {
        loop {
            let asked = Instant::now();
            if let Some(delivery) = self.read().await? {
                let is_new = self.seen.as_ref().is_none_or(|seen| seen.status != delivery.status);
                self.goes_on(&delivery)?;
                let said = delivery.to_string();
                self.seen = Some(delivery);
                if is_new {
                    return Ok(((), said));
                }
            }
            if asked > self.until {
                let status = self.seen.as_ref().map_or("unknown", |seen| &seen.status);
                bail!("the delivery is still {status}; are couriers free?");
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Checks that the order service returns the address and, soon, the last status of the delivery.
    pub async fn copied(&self) -> anyhow::Result<((), String)> {
        let until = Instant::now() + COPY_TIMEOUT;
        loop {
            let asked = Instant::now();
            let body = self.visit.get(self.order).await?;
            if body["delivery_status"] == "DELIVERED" {
                ensure!(body["status"] == "ASSEMBLED", "a delivered order is {}", body["status"]);
                return Ok(((), "delivery_status DELIVERED".to_owned()));
            }
            ensure!(asked < until, "delivery_status is {} after {COPY_TIMEOUT:?}", body["delivery_status"]);
            sleep(POLL_INTERVAL).await;
        }
    }

    /// `None` until the delivery service knows the delivery.
    async fn read(&self) -> anyhow::Result<Option<Delivery>> {
        let path = format!("/api/v1/orders/{}/delivery", self.order.uuid);
        let response = self.visit.shop.ask(Method::GET, &path, Some(self.visit.session), None).await?;
        if response.status == 404 && self.seen.is_none() {
            response.problem(404, "DELIVERY_NOT_FOUND")?;
            return Ok(None);
        }
        Delivery::from_json(self.order.uuid, &response.success(200)?).map(Some)
    }

    /// Checks that status and progress do not go back, and that it is the same delivery.
    fn goes_on(&self, delivery: &Delivery) -> anyhow::Result<()> {
        ensure!(delivery.status != "FAILED", "the delivery has failed");
        let Some(seen) = self.seen.as_ref().filter(|seen| !seen.is_stale && !delivery.is_stale) else { return Ok(()) };
        let place = |delivery: &Delivery| DELIVERY_STATUSES.iter().position(|status| *status == delivery.status);
        ensure!(place(seen) <= place(delivery), "the delivery was {} and is {}", seen.status, delivery.status);
        ensure!(
            seen.progress <= delivery.progress,
            "its progress was {:?} and is {:?}",
            seen.progress,
            delivery.progress
        );
        ensure!(seen.tracking_number == delivery.tracking_number, "its tracking number has changed");
        Ok(())
    }
}

/// Checks that an order without an address has no delivery.
pub async fn none(visit: &Visit<'_>, order: &Order) -> anyhow::Result<((), String)> {
    let path = format!("/api/v1/orders/{}/delivery", order.uuid);
    visit.shop.ask(Method::GET, &path, Some(visit.session), None).await?.problem(404, "DELIVERY_NOT_FOUND")?;
    Ok(((), "404 DELIVERY_NOT_FOUND".to_owned()))
}
