//! The demo's requests about orders.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use contracts::money::Money;
use contracts::proto::inventory::v1::Part;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use client::{
    customer::ORDERS,
    response::{minor, occurrences, uuid},
    shop::Shop,
};

/// The order must be PAID within this time after the payment.
const PAID_TIMEOUT: Duration = Duration::from_secs(1);

/// A step's result and a remark.
type Step<T> = anyhow::Result<(T, String)>;

pub struct Visit<'a> {
    pub shop: &'a Shop,
    pub session: &'a str,
    pub user: Uuid,
}

pub struct Order {
    pub uuid: Uuid,
    parts: Vec<String>,
    minor: i64,
    address: Option<String>,
}

pub struct Payment {
    transaction: Uuid,
    at: Instant,
}

impl Order {
    /// The price in minor units.
    pub const fn minor(&self) -> i64 {
        self.minor
    }
}

impl Visit<'_> {
    /// Orders two of the first part and one of each other part.
    pub async fn order(&self, parts: &[Part]) -> Step<Order> {
        let bought: Vec<&Part> = parts.first().into_iter().chain(parts).collect();
        self.buy(&bought, None).await
    }

    /// Orders one of the first part, to be delivered to this address.
    pub async fn order_to(&self, parts: &[Part], address: &str) -> Step<Order> {
        let bought: Vec<&Part> = parts.iter().take(1).collect();
        self.buy(&bought, Some(address)).await
    }

    /// Orders parts in turn until they cost more than `minor`.
    pub async fn order_above(&self, parts: &[Part], minor: i64) -> Step<Order> {
        let mut bought: Vec<&Part> = Vec::new();
        let mut sum = Money::ZERO;
        for part in parts.iter().cycle().take(50) {
            sum = sum.checked_add(Money::from_major(part.price)?)?;
            bought.push(part);
            if sum.minor() > minor {
                break;
            }
        }
        ensure!(sum.minor() > minor, "fifty parts cost {sum}");
        self.buy(&bought, None).await
    }

    async fn buy(&self, bought: &[&Part], address: Option<&str>) -> Step<Order> {
        let uuids: Vec<String> = bought.iter().map(|part| part.uuid.clone()).collect();
        let expected =
            bought.iter().try_fold(Money::ZERO, |sum, part| sum.checked_add(Money::from_major(part.price)?))?;
        let mut body = json!({ "user_uuid": self.user, "part_uuids": uuids });
        if let Some(address) = address {
            body["delivery_address"] = json!(address);
        }
        let response = self.post(ORDERS, Some(body)).await?;
        let body = response.success(201)?;
        let order = uuid(&body, "order_uuid")?;
        ensure!(uuid(&body, "uuid")? == order, "uuid is not order_uuid in {body}");
        ensure!(occurrences(&body, "uuid") == 1, "there is more than one member `uuid` in {body}");
        let minor = minor(&body, "total_price")?;
        ensure!(minor == expected.minor(), "total_price is {}, and the parts cost {expected}", body["total_price"]);
        let location = response.header("location")?;
        ensure!(location.ends_with(&format!("{ORDERS}/{order}")), "Location is {location}");
        let said = match bought.len() {
            1 => format!("{order}, 1 part, {expected}"),
            count => format!("{order}, {count} parts, {expected}"),
        };
        Ok((Order { uuid: order, parts: uuids, minor, address: address.map(str::to_owned) }, said))
    }

    /// Checks that the order has this status and is otherwise unchanged.
    pub async fn look(&self, order: &Order, status: &str, paid: Option<&Payment>) -> Step<()> {
        let body = self.get(order).await?;
        ensure!(body["status"] == status, "the status is {}, not {status}", body["status"]);
        self.check(order, &body, paid)?;
        Ok(((), status.to_owned()))
    }

    pub async fn pay(&self, order: &Order) -> Step<Payment> {
        let path = format!("{ORDERS}/{}/pay", order.uuid);
        let body = self.post(&path, Some(json!({ "payment_method": "CARD" }))).await?.success(200)?;
        let transaction = uuid(&body, "transaction_uuid")?;
        ensure!(transaction.get_version_num() == 4, "transaction_uuid is not a UUID v4 in {body}");
        Ok((Payment { transaction, at: Instant::now() }, format!("transaction {transaction}")))
    }

    pub async fn pay_from_balance(&self, order: &Order) -> anyhow::Result<client::response::HttpResponse> {
        let path = format!("{ORDERS}/{}/pay", order.uuid);
        self.post(&path, Some(json!({ "payment_method": "INVESTOR_MONEY" }))).await
    }

    /// Waits until the order is PAID, at most `PAID_TIMEOUT`.
    pub async fn paid(&self, order: &Order, payment: &Payment) -> Step<()> {
        let status = self.wait(order, payment, &["PAID", "ASSEMBLED"], PAID_TIMEOUT).await?;
        Ok(((), status))
    }

    pub async fn assembled(&self, order: &Order, payment: &Payment, within: Duration) -> Step<()> {
        self.wait(order, payment, &["ASSEMBLED"], within).await?;
        Ok(((), format!("{:.1} s after paying", payment.at.elapsed().as_secs_f64())))
    }

    pub async fn cancel(&self, order: &Order) -> Step<()> {
        let response = self.post(&format!("{ORDERS}/{}/cancel", order.uuid), None).await?;
        response.success(204)?;
        ensure!(response.text.is_empty(), "a 204 came with the body {}", response.text);
        self.look(order, "CANCELLED", None).await
    }

    /// Checks that a paid or cancelled order can be neither paid nor cancelled again.
    pub async fn ended(&self, order: &Order) -> Step<()> {
        let path = format!("{ORDERS}/{}", order.uuid);
        let body = Some(json!({ "payment_method": "CARD" }));
        self.post(&format!("{path}/pay"), body).await?.problem(409, "INVALID_STATUS")?;
        self.post(&format!("{path}/cancel"), None).await?.problem(409, "INVALID_STATUS")?;
        Ok(((), "409 INVALID_STATUS".to_owned()))
    }

    /// Checks that the customer's orders are exactly these, in this order.
    pub async fn list(&self, expected: &[Uuid]) -> Step<()> {
        let body = self.shop.ask(Method::GET, ORDERS, Some(self.session), None).await?.success(200)?;
        let orders = body["orders"].as_array().with_context(|| format!("no orders in {body}"))?;
        let listed: Vec<Uuid> = orders.iter().map(|order| uuid(order, "order_uuid")).collect::<anyhow::Result<_>>()?;
        ensure!(listed == expected, "the list is {listed:?}, not {expected:?}");
        ensure!(orders.iter().all(|order| order["created_at"].is_string()), "an order lacks created_at in {body}");
        ensure!(body.get("next_cursor").is_none(), "there is a next_cursor at the end of {body}");
        Ok(((), String::new()))
    }

    /// Polls until the order has one of these statuses. The time limit counts from the payment.
    async fn wait(
        &self,
        order: &Order,
        payment: &Payment,
        statuses: &[&str],
        within: Duration,
    ) -> anyhow::Result<String> {
        loop {
            let asked = payment.at.elapsed();
            let body = self.get(order).await?;
            let status = body["status"].as_str().unwrap_or_default();
            if statuses.contains(&status) {
                self.check(order, &body, Some(payment))?;
                return Ok(status.to_owned());
            }
            if asked > within {
                bail!("the order is still {status} {:.1} s after it was paid", asked.as_secs_f64());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn check(&self, order: &Order, body: &Value, paid: Option<&Payment>) -> anyhow::Result<()> {
        ensure!(uuid(body, "order_uuid")? == order.uuid, "another order came back: {body}");
        ensure!(uuid(body, "user_uuid")? == self.user, "the order is another's: {body}");
        ensure!(minor(body, "total_price")? == order.minor, "the price has changed: {body}");
        ensure!(body["part_uuids"] == json!(order.parts), "part_uuids are not as they were sent: {body}");
        ensure!(
            body.get("delivery_address").cloned() == order.address.as_ref().map(|address| json!(address)),
            "another address: {body}"
        );
        match paid {
            Some(payment) => {
                ensure!(uuid(body, "transaction_uuid")? == payment.transaction, "another transaction: {body}");
                ensure!(body["payment_method"] == "CARD", "another payment method: {body}");
            }
            None => {
                for member in ["transaction_uuid", "payment_method"] {
                    ensure!(body.get(member).is_none(), "{member} is there before the order is paid: {body}");
                }
            }
        }
        Ok(())
    }

    pub(super) async fn get(&self, order: &Order) -> anyhow::Result<Value> {
        let path = format!("{ORDERS}/{}", order.uuid);
        self.shop.ask(Method::GET, &path, Some(self.session), None).await?.success(200)
    }

    async fn post(&self, path: &str, body: Option<Value>) -> anyhow::Result<client::response::HttpResponse> {
        self.shop.ask(Method::POST, path, Some(self.session), body).await
    }
}
