//! The contract of the repository, over memory and PostgreSQL.

use std::{sync::Arc, time::Duration};

use payment::{
    error::Error,
    model::{Decline, Direct, Intent, Method, Outcome, Payment, Status, Voided},
    repository::{Begun, MIGRATIONS, MemoryPayments, Payments, PgPayments, Unfinished},
};
use platform::{ids, postgres::Database};
use uuid::Uuid;

use crate::{again, contract::contract, intent, money};

const CONSUMER: &str = "consumer";

struct Fixture {
    payments: Arc<dyn Payments>,
    pool: Option<Database>,
}

fn memory() -> Fixture {
    Fixture { payments: Arc::new(MemoryPayments::default()), pool: None }
}

async fn postgres() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    Fixture { payments: Arc::new(PgPayments::new(pool.clone())), pool: Some(pool) }
}

contract!([
    an_intent_is_recorded_once,
    an_attempt_waits_for_the_one_before_it,
    a_declined_attempt_may_be_followed_by_another,
    a_success_takes_the_place_for_ever,
    the_first_outcome_stands,
    an_attempt_that_is_void_is_never_charged,
    an_attempt_that_is_recorded_cannot_be_void,
    payments_that_were_tried_least_often_come_first,
    a_cancelled_order_is_never_charged,
    a_cancelled_success_is_refunded_once,
    a_payment_that_is_cancelled_while_pending_is_settled_first,
    a_declined_payment_of_a_cancelled_order_makes_no_room,
    an_order_is_known_as_cancelled_for_ever,
    an_event_is_taken_once,
    a_pending_payment_is_due_after_a_while,
    a_due_payment_is_handed_out_once_and_later_again,
    a_refund_is_due_at_once,
    the_payment_of_an_order_is_the_one_that_counts,
    a_direct_payment_is_no_payment_of_the_order,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::memory()),
    postgres: tokio::test => super::postgres(),
);

impl Fixture {
    async fn begin(&self, intent: &Intent) -> Payment {
        match self.payments.begin(intent).await.unwrap() {
            Begun::New(payment) => payment,
            other => panic!("not recorded: {other:?}"),
        }
    }

    async fn settled(&self, intent: &Intent, outcome: &Outcome) -> Payment {
        self.begin(intent).await;
        self.payments.settle(intent.transaction, outcome).await.unwrap()
    }

    async fn due(&self) -> Vec<Uuid> {
        let due = self.payments.due(10).await.unwrap();
        due.into_iter().map(|(payment, _)| payment.intent.transaction).collect()
    }

    async fn elapse(&self, time: Duration) {
        match &self.pool {
            None => tokio::time::advance(time).await,
            Some(pool) => {
                sqlx::query!(
                    "update payments set next_try_at = next_try_at - make_interval(secs => $1)",
                    time.as_secs_f64(),
                )
                .execute(pool)
                .await
                .unwrap();
            }
        }
    }
}

fn charged() -> Outcome {
    Outcome::Charged { reference: "reference".to_owned() }
}

fn declined() -> Outcome {
    Outcome::Declined(Decline::Declined)
}

fn reference() -> String {
    "reference".to_owned()
}

async fn an_intent_is_recorded_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    let repeated = Intent { transaction: ids::random(), amount: money(7), ..intent };

    let first = fixture.begin(&intent).await;
    let second = fixture.payments.begin(&repeated).await.unwrap();

    assert_eq!((first.intent, &first.status, first.cancelled), (intent, &Status::Pending, false));
    assert_eq!(second, Begun::Standing(first.clone()));
    assert_eq!(fixture.payments.find(intent.order).await.unwrap(), Some(first));
}

async fn an_attempt_waits_for_the_one_before_it(fixture: Fixture) {
    let first = intent(Method::Card);
    let pending = fixture.begin(&first).await;

    let second = fixture.payments.begin(&again(&first)).await.unwrap();

    assert_eq!(second, Begun::Standing(pending));
}

async fn a_declined_attempt_may_be_followed_by_another(fixture: Fixture) {
    let first = intent(Method::Card);
    let declined = fixture.settled(&first, &declined()).await;
    let second = again(&first);

    let charged = fixture.settled(&second, &charged()).await;

    assert_eq!(declined.status, Status::Declined(Decline::Declined));
    assert_eq!(charged.status, Status::Succeeded { reference: reference() });
    assert_eq!(fixture.payments.begin(&first).await.unwrap(), Begun::Standing(declined));
}

async fn a_success_takes_the_place_for_ever(fixture: Fixture) {
    let first = intent(Method::Card);
    let success = fixture.settled(&first, &charged()).await;

    let second = fixture.payments.begin(&again(&first)).await.unwrap();

    assert_eq!(second, Begun::Standing(success));
}

async fn the_first_outcome_stands(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;

    let settled = fixture.payments.settle(intent.transaction, &declined()).await.unwrap();

    assert_eq!(settled.status, Status::Succeeded { reference: reference() });
    let unknown = fixture.payments.settle(ids::random(), &charged()).await;
    assert!(matches!(unknown, Err(Error::NotFound)));
}

async fn an_attempt_that_is_void_is_never_charged(fixture: Fixture) {
    let first = intent(Method::Card);

    let payments = fixture.payments.void_attempt(&first).await.unwrap();
    let repeated = fixture.payments.void_attempt(&Intent { transaction: ids::random(), ..first }).await.unwrap();
    let charge = fixture.payments.begin(&Intent { transaction: ids::random(), ..first }).await.unwrap();

    assert_eq!(Voided::among(&payments), Voided::Void);
    assert_eq!(payments, repeated);
    assert_eq!(charge, Begun::Standing(payments[0].clone()));
    assert_eq!(payments[0].status, Status::Declined(Decline::Declined));
    assert!(fixture.due().await.is_empty());
    fixture.settled(&again(&first), &charged()).await;
}

async fn an_attempt_that_is_recorded_cannot_be_void(fixture: Fixture) {
    let (pending, success) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&pending).await;
    fixture.settled(&success, &charged()).await;

    for attempt in [pending, again(&pending)] {
        assert_eq!(Voided::among(&fixture.payments.void_attempt(&attempt).await.unwrap()), Voided::Open);
    }
    for attempt in [success, again(&success)] {
        let payments = fixture.payments.void_attempt(&attempt).await.unwrap();
        assert_eq!(Voided::among(&payments), Voided::Charged(success.transaction));
    }
}

async fn payments_that_were_tried_least_often_come_first(fixture: Fixture) {
    let (old, fresh) = (intent(Method::Card), intent(Method::Card));
    fixture.begin(&old).await;
    for _ in 0..3 {
        fixture.elapse(Duration::from_secs(11)).await;
        assert_eq!(fixture.due().await, [old.transaction]);
    }
    fixture.begin(&fresh).await;
    fixture.elapse(Duration::from_secs(11)).await;

    let one = fixture.payments.due(1).await.unwrap();

    assert_eq!(one.first().map(|(payment, _)| payment.intent.transaction), Some(fresh.transaction));
    assert_eq!(fixture.due().await, [old.transaction]);
}

async fn a_cancelled_order_is_never_charged(fixture: Fixture) {
    let intent = intent(Method::Card);

    assert!(fixture.payments.cancel(intent.order, None).await.unwrap());
    assert!(!fixture.payments.cancel(intent.order, None).await.unwrap());

    assert_eq!(fixture.payments.begin(&intent).await.unwrap(), Begun::Cancelled);
    assert_eq!(fixture.payments.find(intent.order).await.unwrap(), None);
    assert!(fixture.due().await.is_empty());
}

async fn a_cancelled_success_is_refunded_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;

    assert!(fixture.payments.cancel(intent.order, None).await.unwrap());
    let refunding = fixture.payments.find(intent.order).await.unwrap().unwrap();
    fixture.payments.refunded(intent.transaction).await.unwrap();
    fixture.payments.refunded(intent.transaction).await.unwrap();
    assert!(!fixture.payments.cancel(intent.order, None).await.unwrap());

    assert_eq!(refunding.status, Status::Refunding { reference: reference() });
    let refunded = fixture.payments.find(intent.order).await.unwrap().unwrap();
    assert_eq!(refunded.status, Status::Refunded { reference: reference() });
    assert_eq!(fixture.payments.begin(&again(&intent)).await.unwrap(), Begun::Cancelled);
    assert_eq!(fixture.payments.begin(&intent).await.unwrap(), Begun::Standing(refunded));
}

async fn a_payment_that_is_cancelled_while_pending_is_settled_first(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;

    assert!(fixture.payments.cancel(intent.order, None).await.unwrap());
    let pending = fixture.payments.find(intent.order).await.unwrap().unwrap();
    let settled = fixture.payments.settle(intent.transaction, &charged()).await.unwrap();

    assert_eq!((pending.status, pending.cancelled), (Status::Pending, true));
    assert_eq!(settled.status, Status::Refunding { reference: reference() });
}

async fn a_declined_payment_of_a_cancelled_order_makes_no_room(fixture: Fixture) {
    let declined_before = intent(Method::Card);
    fixture.settled(&declined_before, &declined()).await;
    assert!(fixture.payments.cancel(declined_before.order, None).await.unwrap());
    let declined_after = intent(Method::Card);
    fixture.begin(&declined_after).await;
    assert!(fixture.payments.cancel(declined_after.order, None).await.unwrap());
    fixture.payments.settle(declined_after.transaction, &declined()).await.unwrap();

    for declined in [declined_before, declined_after] {
        assert_eq!(fixture.payments.begin(&again(&declined)).await.unwrap(), Begun::Cancelled);
        assert!(!fixture.payments.cancel(declined.order, None).await.unwrap());
        let repeated = fixture.payments.begin(&declined).await.unwrap();
        assert!(matches!(repeated, Begun::Standing(Payment { status: Status::Declined(_), .. })), "{repeated:?}");
    }
}

async fn an_order_is_known_as_cancelled_for_ever(fixture: Fixture) {
    let (unpaid, declined, charged_) = (intent(Method::Card), intent(Method::Card), intent(Method::Card));
    fixture.settled(&declined, &self::declined()).await;
    fixture.settled(&charged_, &charged()).await;

    for order in [unpaid.order, declined.order, charged_.order] {
        assert!(!fixture.payments.is_cancelled(order).await.unwrap());
        fixture.payments.cancel(order, None).await.unwrap();
        assert!(fixture.payments.is_cancelled(order).await.unwrap());
    }
    fixture.payments.refunded(charged_.transaction).await.unwrap();

    assert!(fixture.payments.is_cancelled(charged_.order).await.unwrap());
    assert!(!fixture.payments.is_cancelled(ids::random()).await.unwrap());
}

async fn an_event_is_taken_once(fixture: Fixture) {
    let (order, event) = (ids::random(), Some((CONSUMER, ids::random())));

    assert!(fixture.payments.cancel(order, event).await.unwrap());

    assert!(!fixture.payments.cancel(order, event).await.unwrap());
    assert!(!fixture.payments.cancel(ids::random(), event).await.unwrap());
    assert!(!fixture.payments.cancel(order, Some((CONSUMER, ids::random()))).await.unwrap());
}

async fn a_pending_payment_is_due_after_a_while(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;

    assert!(fixture.due().await.is_empty());
    fixture.elapse(Duration::from_secs(6)).await;

    assert_eq!(fixture.due().await, [intent.transaction]);
    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished { pending: 1, refunding: 0 });
}

async fn a_due_payment_is_handed_out_once_and_later_again(fixture: Fixture) {
    let (first, second) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&first).await;
    fixture.elapse(Duration::from_millis(1)).await;
    fixture.begin(&second).await;
    fixture.elapse(Duration::from_secs(6)).await;

    let one = fixture.payments.due(1).await.unwrap();
    let rest = fixture.due().await;

    assert_eq!(one.first().map(|(payment, _)| payment.intent.transaction), Some(first.transaction));
    assert_eq!(rest, [second.transaction]);
    assert!(fixture.due().await.is_empty());
    for _ in 0..20 {
        fixture.elapse(Duration::from_secs(11)).await;
        assert_eq!(fixture.due().await.len(), 2);
    }
}

async fn a_refund_is_due_at_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    fixture.payments.cancel(intent.order, Some((CONSUMER, ids::random()))).await.unwrap();

    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished { pending: 0, refunding: 1 });
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.refunded(intent.transaction).await.unwrap();
    fixture.elapse(Duration::from_mins(1)).await;

    assert!(fixture.due().await.is_empty());
    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished::default());
}

async fn the_payment_of_an_order_is_the_one_that_counts(fixture: Fixture) {
    let first = intent(Method::Card);
    let second = again(&first);
    let third = again(&second);
    fixture.settled(&first, &declined()).await;
    fixture.settled(&second, &declined()).await;
    let latest = fixture.payments.find(first.order).await.unwrap().unwrap();

    fixture.settled(&third, &charged()).await;

    let counts = fixture.payments.find(first.order).await.unwrap().unwrap();
    assert_eq!((latest.intent, counts.intent), (second, third));
    assert_eq!(fixture.payments.find(ids::random()).await.unwrap(), None);
}

async fn a_direct_payment_is_no_payment_of_the_order(fixture: Fixture) {
    let intent = intent(Method::Card);
    let direct = Direct { transaction: ids::random(), order: intent.order, user: intent.user, method: intent.method };
    let repeated = Direct { transaction: ids::random(), ..direct };
    let somebody_elses = Direct { transaction: ids::random(), user: ids::random(), ..direct };

    for payment in [direct, repeated] {
        assert_eq!(fixture.payments.record_direct(&payment).await.unwrap(), direct.transaction);
    }
    assert_eq!(fixture.payments.record_direct(&somebody_elses).await.unwrap(), somebody_elses.transaction);

    assert_eq!(fixture.payments.find(intent.order).await.unwrap(), None);
    fixture.begin(&intent).await;
}
