//! The delivery of an order, as its customer has read it.

use anyhow::{Context as _, ensure};
use contracts::events::DELIVERY_STATUSES;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub struct Delivery {
    pub address: Option<String>,
    /// The last status in order's response.
    copied: Option<&'static str>,
    /// The last status in delivery's response, which may be ahead of order's.
    told: Option<&'static str>,
}

impl Delivery {
    pub fn to(address: Option<String>) -> Self {
        Self { address, ..Self::default() }
    }

    /// Returns true if the order has no address, or its delivery is final.
    pub fn has_ended(&self) -> bool {
        self.address.is_none() || matches!(self.copied, Some("DELIVERED" | "FAILED"))
    }

    pub fn check_order(&mut self, body: &Value) -> anyhow::Result<()> {
        ensure!(
            body.get("delivery_address").cloned() == self.address.as_ref().map(|address| json!(address)),
            "its address was {:?}",
            self.address
        );
        let status = body.get("delivery_status").filter(|status| !status.is_null());
        ensure!(self.address.is_some() || status.is_none(), "it has a delivery and no address");
        next(&mut self.copied, status)
    }

    /// Checks the response of `…/delivery`.
    pub fn check(&mut self, body: &Value) -> anyhow::Result<()> {
        // A stale response is order's own copy, which it returns while delivery is unavailable.
        let known = if body["stale"] == true { &mut self.copied.clone() } else { &mut self.told };
        next(known, body.get("status"))?;
        let arrived = body["status"] == "DELIVERED" && body["stale"] != true;
        ensure!(!arrived || body["progress"] == 100, "it is delivered, and its progress is {}", body["progress"]);
        Ok(())
    }
}

/// Checks that a delivery takes its statuses in order, or fails before a courier carries it.
fn next(known: &mut Option<&'static str>, status: Option<&Value>) -> anyhow::Result<()> {
    let Some(status) = status else {
        ensure!(known.is_none(), "its delivery was {known:?} before, and is gone");
        return Ok(());
    };
    let place = |name: &str| DELIVERY_STATUSES.iter().position(|status| *status == name);
    let now = status.as_str().and_then(place).context("its delivery has an unknown status")?;
    let now = DELIVERY_STATUSES[now];
    if let Some(before) = known.replace(now) {
        let goes_on = match (before, now) {
            ("PENDING", _) => true,
            (_, "FAILED") | ("FAILED", _) => before == now,
            _ => place(before) <= place(now),
        };
        ensure!(goes_on, "its delivery was {before} before, and is {now}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(statuses: &[&str]) -> anyhow::Result<()> {
        let mut delivery = Delivery::to(Some("Main Street".to_owned()));
        statuses.iter().try_for_each(|status| delivery.check(&json!({ "status": status, "progress": 100 })))
    }

    #[test]
    fn a_delivery_goes_on_and_never_back() {
        read(&["PENDING", "PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED"]).unwrap();
        read(&["PENDING", "DELIVERED"]).unwrap();
        read(&["PENDING", "FAILED", "FAILED"]).unwrap();
        for back in
            [&["IN_TRANSIT", "PENDING"], &["IN_TRANSIT", "FAILED"], &["FAILED", "PENDING"], &["PENDING", "LOST"]]
        {
            read(back).unwrap_err();
        }
    }

    #[test]
    fn a_copy_may_be_behind_what_delivery_has_told() {
        let mut delivery = Delivery::to(Some("Main Street".to_owned()));
        delivery.check(&json!({ "status": "DELIVERED", "progress": 100 })).unwrap();

        delivery.check(&json!({ "status": "PENDING", "stale": true })).unwrap();
        delivery.check_order(&json!({ "delivery_address": "Main Street", "delivery_status": "IN_TRANSIT" })).unwrap();
        assert!(!delivery.has_ended());
        delivery.check(&json!({ "status": "PENDING", "progress": 10 })).unwrap_err();
    }

    #[test]
    fn an_order_keeps_its_address_and_gets_none() {
        Delivery::to(None).check_order(&json!({})).unwrap();
        Delivery::to(None).check_order(&json!({ "delivery_address": "Main Street" })).unwrap_err();
        Delivery::to(Some("Main Street".to_owned())).check_order(&json!({})).unwrap_err();
    }
}
