//! What is worked off behind the callers' backs: when it begins, and how much at once.

use std::sync::Arc;

use payment::{
    client::{Fault, MemoryProvider, Providers},
    model::{Method, ProviderName},
    service::Charge,
};
use platform::ids;
use tokio::time::{Duration, Instant};

use super::{Shop, shop};
use crate::{INITIAL, declines, money};

/// How long the background waits for something to do.
async fn waited(shop: &Shop) -> Duration {
    let start = Instant::now();
    shop.service.wait().await;
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn the_background_looks_for_what_is_due_every_second() {
    let shop = shop();
    shop.pay().await.unwrap();

    assert_eq!(waited(&shop).await.as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_refunded_at_once() {
    let shop = shop();
    shop.pay().await.unwrap();

    shop.cancel().await;

    assert_eq!(waited(&shop).await, Duration::ZERO);
    assert_eq!(waited(&shop).await.as_secs(), 1);
    shop.cancel().await;
    assert_eq!(waited(&shop).await.as_secs(), 1, "nothing new");
}

#[tokio::test(start_paused = true)]
async fn a_charge_of_a_cancelled_order_that_becomes_known_is_refunded_at_once() {
    let shop = shop();
    shop.provider.script([Fault::Silent]);
    shop.pay().await.unwrap_err();
    shop.cancel().await;
    assert_eq!(waited(&shop).await, Duration::ZERO);

    shop.wait().await;

    assert_eq!(shop.movements(), (1, 1));
    assert_eq!(waited(&shop).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_due_is_worked_off_sixty_four_at_a_time() {
    let shop = shop();
    for _ in 0..65 {
        shop.provider.script([Fault::Broken]);
        let charge = Charge { order: ids::random(), user: ids::random(), ..shop.charge };
        shop.service.pay(&charge, ids::random()).await.unwrap_err();
    }
    tokio::time::advance(Duration::from_mins(1)).await;

    assert!(shop.service.finish_due().await.unwrap());
    assert_eq!(shop.movements(), (64, 0));
    assert!(!shop.service.finish_due().await.unwrap());
    assert_eq!(shop.movements(), (65, 0));
}

#[test]
fn balances_are_the_ledgers_and_all_else_is_another_providers_where_there_is_one() {
    let provider = || Arc::new(MemoryProvider::new(money(INITIAL), declines()));
    let (alone, both) = (Providers::new(provider(), None), Providers::new(provider(), Some(provider())));

    for method in [Method::Card, Method::Sbp, Method::CreditCard, Method::InvestorMoney] {
        let other = if method == Method::InvestorMoney { ProviderName::Ledger } else { ProviderName::Stripe };

        assert_eq!((alone.of(method), both.of(method)), (ProviderName::Ledger, other), "{method:?}");
    }
    assert!(alone.get(ProviderName::Ledger).is_ok() && both.get(ProviderName::Stripe).is_ok());
    assert!(alone.get(ProviderName::Stripe).is_err());
}
