//! `shipyard demo`: plays one customer and checks every response against the API contract.

mod delivery;
mod loan;
mod orders;
mod progress;

use std::time::Duration;

use contracts::proto::inventory::v1::Part;
use platform::config::Settings;
use uuid::Uuid;

use client::{
    bank::Bank,
    customer::{self, Customer},
    lending::Lending,
    shop::Shop,
};

use self::{delivery::Trip, loan::Purchase, progress::Progress};
use super::{address_arguments::AddressArguments, starting};
use crate::data::Data;
use platform::server::service::Service;

/// The delivery address of the third ship.
const ADDRESS: &str = "Москва, ул. Тверская, 1";

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    addresses: AddressArguments,
    /// Address of customers (default: CUSTOMERS_ADDRESS, or this machine)
    #[arg(long, value_name = "ADDRESS")]
    customers: Option<String>,
    /// Address of payment (default: PAYMENT_ADDRESS, or this machine)
    #[arg(long, value_name = "ADDRESS")]
    payment: Option<String>,
    /// Seconds within which the shop must be ready
    #[arg(long, default_value_t = starting::STARTUP_TIMEOUT.as_secs(), value_name = "SECONDS")]
    ready_within: u64,
    /// Seconds after the payment within which the ship must be assembled
    #[arg(long, default_value_t = 11, value_name = "SECONDS")]
    assembled_within: u64,
    /// Seconds after the payment within which the ship must be at its address
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    delivered_within: u64,
}

/// Fails at the first response that violates the contract.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let settings = data.running(Settings::load()?);
    let address = |given: Option<String>, service: &Service| given.unwrap_or_else(|| service.address(&settings));
    let addresses = arguments.addresses.completed(&settings)?;
    let shop = addresses.shop()?;
    let customers = address(arguments.customers, &customers::SERVICE);
    let lending = Lending::at(&addresses.trust, &customers, &address(arguments.payment, &payment::SERVICE))?;
    let bank = Bank::from_settings(&settings)?;
    let progress = Progress::new();
    let limits =
        [arguments.ready_within, arguments.assembled_within, arguments.delivered_within].map(Duration::from_secs);
    let customer = Customer::fresh("demo");
    let order = visit(&shop, &progress, &customer, limits, &lending, bank.as_ref()).await?;
    progress.end();
    if let Some(receipt) = receipt(&shop, order).await {
        outln!("           log in as {} with {} and see the delivered ship:", customer.login, customer.password);
        outln!("           {receipt}");
    }
    outln!("           `shipyard audit --order {order}` prints the receipt of the delivered ship");
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
    progress: &Progress,
    customer: &Customer,
    [ready_within, assembled_within, delivered_within]: [Duration; 3],
    lending: &Lending,
    bank: Option<&Bank>,
) -> anyhow::Result<Uuid> {
    let ready = starting::retry(ready_within, |_| true, || customer::find(shop));
    progress.step("connect to the shop", ready).await?;
    progress.step("reject a request without a session", customer::stranger(shop)).await?;
    let user = progress.step("register", customer.register(shop)).await?;
    let session = progress.step("log in", customer.log_in(shop)).await?;
    progress.step("read the user of the session", customer.whoami(shop, &session, user)).await?;
    let parts = progress.step("list the parts", customer::parts(shop, &session)).await?;

    let visit = orders::Visit { shop, session: &session, user };
    let first = progress.step("order a ship", visit.order(&parts)).await?;
    progress.step("read the order", visit.look(&first, "PENDING_PAYMENT", None)).await?;
    let paid = progress.step("pay", visit.pay(&first)).await?;
    progress.step("find it PAID within 1 s", visit.paid(&first, &paid)).await?;
    let second = progress.step("order another", visit.order(&parts)).await?;
    progress.step("cancel that", visit.cancel(&second)).await?;
    progress.step("reject paying or cancelling it now", visit.ended(&second)).await?;
    progress.step("reject paying the first again", visit.ended(&first)).await?;
    let assembled = format!("wait until it is ASSEMBLED, at most {} s", assembled_within.as_secs());
    progress.step(&assembled, visit.assembled(&first, &paid, assembled_within)).await?;
    progress.step("find no delivery without an address", delivery::none(&visit, &first)).await?;
    let third = progress.step("order a third, to an address", visit.order_to(&parts, ADDRESS)).await?;
    progress.step("pay for it", visit.pay(&third)).await?;
    let mut trip = Trip::new(&visit, &third, delivered_within);
    while !trip.is_over() {
        progress.step("follow it to the door", trip.next()).await?;
    }
    progress.step("find it delivered in the order, too", trip.copied()).await?;
    let mut orders = vec![third.uuid, second.uuid, first.uuid];
    if let Some(bank) = bank {
        orders.insert(0, borrow(&visit, &parts, lending, bank, progress).await?);
    } else {
        progress
            .step("borrow money: left out", async { Ok(((), "no KAFKA_BROKERS to approve a loan".to_owned())) })
            .await?;
    }
    progress.step("list the orders, newest first", visit.list(&orders)).await?;
    progress.step("log out and check the session is rejected", customer::log_out(shop, &session)).await?;
    Ok(third.uuid)
}

/// Buys a ship that costs more than the balance, with a loan. Returns its order.
async fn borrow(
    visit: &orders::Visit<'_>,
    parts: &[Part],
    lending: &Lending,
    bank: &Bank,
    progress: &Progress,
) -> anyhow::Result<Uuid> {
    let purchase = Purchase::new(visit, lending, bank);
    progress.step("become a customer", purchase.become_customer()).await?;
    let balance = lending.balance(visit.session, visit.user).await?;
    let ship = progress.step("order a ship that is too dear", visit.order_above(parts, balance)).await?;
    let balance = progress.step("reject paying it from the balance", purchase.too_dear(&ship)).await?;
    progress.step("get a loan", purchase.lend(&ship, balance)).await?;
    progress.step("pay with it", purchase.pay(&ship)).await?;
    Ok(ship.uuid)
}
