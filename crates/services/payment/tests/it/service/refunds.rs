//! Tests that a cancelled order ends with nothing charged, under every fault of the provider.

use std::time::Duration;

use payment::{client::ScriptedFault, error::Error, model::Status};
use platform::auth::Caller;

use super::fixture;
use crate::INITIAL_BALANCE;

#[tokio::test(start_paused = true)]
async fn a_refund_is_repeated_until_it_is_done() {
    for faults in [
        vec![ScriptedFault::Silent],
        vec![ScriptedFault::Broken; 5],
        vec![ScriptedFault::Twice],
        vec![ScriptedFault::Slow],
        vec![ScriptedFault::Failing],
    ] {
        let fixture = fixture();
        fixture.pay().await.unwrap();
        fixture.provider.script(faults.clone());
        fixture.cancel().await;

        fixture.wait().await;
        fixture.wait().await;

        assert!(matches!(fixture.status().await, Status::Refunded { .. }), "{faults:?}");
        assert_eq!(fixture.movements(), (1, 1), "{faults:?}");
        assert_eq!(fixture.provider.balance(fixture.charge.user), INITIAL_BALANCE, "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_order_is_refunded_at_once() {
    let fixture = fixture();
    fixture.pay().await.unwrap();
    let cancelled_meanwhile = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        fixture.cancel().await;
    };

    // 200 ms is less than the second after which the job polls by itself.
    tokio::join!(fixture.finish(Duration::from_millis(200)), cancelled_meanwhile);

    assert_eq!(fixture.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_charged_for_an_order_that_is_cancelled() {
    let fixture = fixture();
    fixture.cancel().await;
    fixture.service.refund(fixture.charge.order).await.unwrap();

    assert!(matches!(fixture.pay().await, Err(Error::Cancelled)));
    assert!(matches!(fixture.pay_again().await, Err(Error::Cancelled)));

    assert_eq!(fixture.movements(), (0, 0));
    let found = fixture.service.find(&Caller::Service("order".to_owned()), fixture.charge.order).await;
    assert!(matches!(found, Err(Error::NotFound)));
}

#[tokio::test(start_paused = true)]
async fn a_refund_needs_a_cancelled_order() {
    let fixture = fixture();
    let order = fixture.charge.order;
    let refused =
        async || matches!(fixture.service.refund(order).await, Err(Error::NotCancelled(uuid)) if uuid == order);

    assert!(refused().await, "nothing is known of the order");
    fixture.pay().await.unwrap();
    assert!(refused().await, "the order is paid");
    fixture.wait().await;

    assert!(matches!(fixture.status().await, Status::Succeeded { .. }));
    assert_eq!(fixture.movements(), (1, 0));
    fixture.cancel().await;
    for _ in 0..2 {
        fixture.service.refund(order).await.unwrap();
    }
    assert!(matches!(fixture.status().await, Status::Refunded { .. }));
    assert_eq!(fixture.movements(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_is_unknown_when_its_order_is_cancelled_is_settled_and_refunded() {
    for fault in [ScriptedFault::Silent, ScriptedFault::Broken] {
        let fixture = fixture();
        fixture.provider.script([fault]);
        assert!(fixture.pay().await.is_err());

        fixture.cancel().await;
        assert_eq!(fixture.status().await, Status::NEW);
        fixture.wait().await;

        assert!(matches!(fixture.status().await, Status::Refunded { .. }), "{fault:?}");
        assert_eq!(fixture.movements(), (1, 1), "{fault:?}");
        assert!(matches!(fixture.pay().await, Err(Error::Cancelled)), "{fault:?}");
        assert!(matches!(fixture.pay_again().await, Err(Error::Cancelled)), "{fault:?}");
    }
}
