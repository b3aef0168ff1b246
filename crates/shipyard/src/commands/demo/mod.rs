//! `shipyard demo`: plays one customer and checks every response against the API contract.

mod delivery;
mod loan;
mod orders;

use std::time::Duration;

use anyhow::Context as _;
use client::{
    addresses::ShopAddresses,
    bank::Bank,
    customer::{self, Customer},
    lending::Lending,
    shop::Shop,
};
use contracts::proto::inventory::v1::Part;
use operations::facts::bounds;
use platform::config;
use tokio::time::Instant;
use uuid::Uuid;

use self::{delivery::Trip, loan::Purchase};
use super::{STARTUP_TIMEOUT, retry};
use crate::data::Data;

/// The delivery address of the third ship.
const ADDRESS: &str = "Москва, ул. Тверская, 1";
/// A ship must be ASSEMBLED within this time after the end of its build.
const ASSEMBLED_LATENCY: Duration = Duration::from_secs(1);
/// A ship must arrive at its address within this time after the payment.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(clap::Args)]
pub struct Arguments {
    /// Seconds within which the shop must be ready
    #[arg(long, default_value_t = STARTUP_TIMEOUT.as_secs(), value_name = "SECONDS")]
    ready_within: u64,
    /// Seconds after the payment within which the ship must be assembled (default: ASSEMBLY_BUILD_MAX and one more)
    #[arg(long, value_name = "SECONDS")]
    assembled_within: Option<u64>,
}

/// Fails at the first response that violates the contract.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(config::load()?);
    let addresses = ShopAddresses::from_settings(&settings)?;
    let shop = addresses.shop()?;
    let [customers, payment] = [&customers::SERVICE, &payment::SERVICE].map(|service| service.address(&settings));
    let lending = Lending::at(&addresses.trust, &customers, &payment)?;
    let bank = Bank::from_settings(&settings)?;
    let customer = Customer::fresh("demo");
    let build = bounds(&settings)?.build + ASSEMBLED_LATENCY;
    let assembled_within = arguments.assembled_within.map_or(build, Duration::from_secs);
    let limits = [Duration::from_secs(arguments.ready_within), assembled_within];
    let order = visit(&shop, &customer, limits, &lending, bank.as_ref()).await?;
    outln!("everything as the contract says");
    if let Some(receipt) = receipt(&shop, order).await {
        outln!("log in as {} with {} and see the delivered ship:", customer.login, customer.password);
        outln!("{receipt}");
    }
    outln!("`shipyard audit --order {order}` prints the receipt of the delivered ship");
    Ok(())
}

/// The address of the order's receipt, if the shop has a console.
async fn receipt(shop: &Shop, order: Uuid) -> Option<String> {
    let receipt = shop.console().await?.join(&format!("/console/orders/{order}#receipt")).ok()?;
    Some(receipt.to_string())
}

/// Returns the order of the ship that was delivered.
async fn visit(
    shop: &Shop,
    customer: &Customer,
    [ready_within, assembled_within]: [Duration; 2],
    lending: &Lending,
    bank: Option<&Bank>,
) -> anyhow::Result<Uuid> {
    let ready = retry(ready_within, |_| true, || customer::find(shop));
    step("connect to the shop", ready).await?;
    step("reject a request without a session", customer::stranger(shop)).await?;
    let user = step("register", customer.register(shop)).await?;
    let session = step("log in", customer.log_in(shop)).await?;
    step("read the user of the session", customer.whoami(shop, &session, user)).await?;
    let parts = step("list the parts", customer::parts(shop, &session)).await?;

    let visit = orders::Visit { shop, session: &session, user };
    let first = step("order a ship", visit.order(&parts)).await?;
    step("read the order", visit.look(&first, "PENDING_PAYMENT", None)).await?;
    let paid = step("pay", visit.pay(&first)).await?;
    step("find it PAID within 1 s", visit.paid(&first, &paid)).await?;
    let second = step("order another", visit.order(&parts)).await?;
    step("cancel that", visit.cancel(&second)).await?;
    step("reject paying or cancelling it now", visit.ended(&second)).await?;
    step("reject paying the first again", visit.ended(&first)).await?;
    let assembled = format!("wait until it is ASSEMBLED, at most {} s", assembled_within.as_secs());
    step(&assembled, visit.assembled(&first, &paid, assembled_within)).await?;
    step("find no delivery without an address", delivery::none(&visit, &first)).await?;
    let third = step("order a third, to an address", visit.order_to(&parts, ADDRESS)).await?;
    step("pay for it", visit.pay(&third)).await?;
    let mut trip = Trip::new(&visit, &third, DELIVERY_TIMEOUT);
    while !trip.is_over() {
        step("follow it to the door", trip.next()).await?;
    }
    step("find it delivered in the order, too", trip.copied()).await?;
    let mut orders = vec![third.uuid, second.uuid, first.uuid];
    if let Some(bank) = bank {
        orders.insert(0, borrow(&visit, &parts, lending, bank).await?);
    } else {
        outln!("no KAFKA_BROKERS to approve a loan: nothing is borrowed");
    }
    step("list the orders, newest first", visit.list(&orders)).await?;
    step("log out and check the session is rejected", customer::log_out(shop, &session)).await?;
    Ok(third.uuid)
}

/// Buys a ship that costs more than the balance, with a loan. Returns its order.
async fn borrow(visit: &orders::Visit<'_>, parts: &[Part], lending: &Lending, bank: &Bank) -> anyhow::Result<Uuid> {
    let purchase = Purchase::new(visit, lending, bank);
    step("become a customer", purchase.become_customer()).await?;
    let balance = lending.balance(visit.session, visit.user).await?;
    let ship = step("order a ship that is too dear", visit.order_above(parts, balance)).await?;
    let balance = step("reject paying it from the balance", purchase.too_dear(&ship)).await?;
    step("get a loan", purchase.lend(&ship, balance)).await?;
    step("pay with it", purchase.pay(&ship)).await?;
    Ok(ship.uuid)
}

/// Runs one step, which returns its result and a remark, and prints them with the time it took. An error names the
/// step.
async fn step<T>(what: &str, work: impl Future<Output = anyhow::Result<(T, String)>>) -> anyhow::Result<T> {
    let begun = Instant::now();
    let (result, said) = work.await.with_context(|| format!("not as the contract says: {what}"))?;
    let line = format!("{:>6} ms  {what:<42} {said}", begun.elapsed().as_millis());
    outln!("{}", line.trim_end());
    Ok(result)
}
