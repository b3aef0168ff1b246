//! The contract suite of the payment provider, run over the in-memory provider, the ledger and Stripe's API.

use std::sync::Arc;

use contracts::ids::{OrderId, UserId};
use payment::{
    client::{Balances, Ledger, Lookup, MemoryProvider, Movement, Provider, Refund},
    model::{ChargeOutcome, ChargeState, Credit, Decline, Intent, Method, Reference, RefundState, refund_of_rest},
    repository::MIGRATIONS,
};
use platform::{ids, postgres::Database};
use testkit::new_user;

use crate::{
    INITIAL_BALANCE, MAX_AMOUNT, again, declines, intent, money,
    stripe::{client, stand_in},
};

struct Fixture {
    provider: Arc<dyn Provider>,
    /// The same provider, if it keeps balances.
    balances: Option<Arc<dyn Balances>>,
    books: Books,
}

/// The provider's own records, which the tests inspect.
enum Books {
    Memory(MemoryProvider),
    Ledger(Database),
    Stripe(stand_ins::Provider),
}

fn memory() -> Fixture {
    let provider = MemoryProvider::new(money(INITIAL_BALANCE), declines());
    let balances: Arc<dyn Balances> = Arc::new(provider.clone());
    Fixture { provider: balances.clone(), balances: Some(balances), books: Books::Memory(provider) }
}

async fn ledger() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let ledger: Arc<dyn Balances> = Arc::new(Ledger::new(pool.clone(), money(INITIAL_BALANCE), declines()));
    Fixture { provider: ledger.clone(), balances: Some(ledger), books: Books::Ledger(pool) }
}

async fn stripe() -> Fixture {
    let server = stand_in().await;
    let provider = Arc::new(client(&server.url()));
    Fixture { provider, balances: None, books: Books::Stripe(server) }
}

contract!([
    a_charge_is_made_once_per_key,
    a_retry_of_a_declined_charge_is_declined,
    the_outcome_of_a_charge_can_be_found,
    a_charge_is_refunded_in_parts,
    an_unknown_charge_is_not_refunded,
] over
    memory: tokio::test => std::future::ready(super::memory()),
    ledger: tokio::test => super::ledger(),
    stripe: tokio::test => super::stripe(),
);

contract!([
    a_declined_charge_leaves_the_balance,
    a_decline_stays_after_the_balance_has_grown,
    a_balance_is_the_initial_one_until_the_first_charge,
    a_credit_is_added_once_per_reference,
    all_credits_of_a_user_have_a_bound,
    charges_made_at_once_are_each_decided_alone,
    a_refund_fits_after_every_credit,
] over
    memory_balances: tokio::test => std::future::ready(super::memory()),
    ledger_balances: tokio::test => super::ledger(),
);

impl Fixture {
    async fn charge(&self, intent: &Intent) -> ChargeOutcome {
        match self.provider.charge(intent).await.unwrap() {
            ChargeState::Settled(outcome) => outcome,
            processing @ ChargeState::Processing { .. } => panic!("{processing:?}"),
        }
    }

    async fn charged(&self, intent: &Intent) -> Refund {
        match self.charge(intent).await {
            ChargeOutcome::Charged { reference } => refund(intent, reference),
            declined @ ChargeOutcome::Declined(_) => panic!("{declined:?}"),
        }
    }

    /// Returns the numbers of charges and refunds of an order.
    async fn movements(&self, order: OrderId) -> (usize, usize) {
        let count = |movements: &[Movement], refund| {
            movements.iter().filter(|movement| movement.order == order && movement.refund.is_some() == refund).count()
        };
        match &self.books {
            Books::Memory(provider) => {
                let movements = provider.movements();
                (count(&movements, false), count(&movements, true))
            }
            Books::Ledger(pool) => {
                let kinds = sqlx::query_scalar!("select kind from ledger_entries where order_uuid = $1", order.uuid());
                let kinds = kinds.fetch_all(pool).await.unwrap();
                let count = |kind| kinds.iter().filter(|entry| *entry == kind).count();
                (count("charge"), count("refund"))
            }
            Books::Stripe(server) => (server.charges(order.uuid()), server.refunds(order.uuid())),
        }
    }

    /// Returns the balance in the provider's records. Checks that the provider's API returns the same balance.
    async fn balance(&self, user: UserId) -> i64 {
        let balances = self.balances.as_ref().expect("a provider with balances");
        let balance = balances.balance_of(user).await.expect("the balance can be read").minor();
        let booked = match &self.books {
            Books::Memory(provider) => provider.balance(user),
            Books::Ledger(pool) => {
                let balance = sqlx::query_scalar!("select balance from balances where user_uuid = $1", user.uuid());
                balance.fetch_optional(pool).await.unwrap().unwrap_or(INITIAL_BALANCE)
            }
            Books::Stripe(_) => panic!("this provider has no balances"),
        };
        assert_eq!(balance, booked);
        balance
    }
}

fn refund(intent: &Intent, charge: String) -> Refund {
    Refund {
        transaction: intent.transaction,
        id: refund_of_rest(intent.transaction),
        key: refund_of_rest(intent.transaction),
        charge,
        amount: intent.amount,
        pending: None,
    }
}

async fn a_charge_is_made_once_per_key(fixture: Fixture) {
    let intent = intent(Method::Card);

    let first = fixture.charge(&intent).await;
    let second = fixture.charge(&intent).await;

    assert_eq!(first, second);
    assert!(matches!(first, ChargeOutcome::Charged { .. }));
    assert_eq!(fixture.movements(intent.order).await, (1, 0));
}

async fn a_retry_of_a_declined_charge_is_declined(fixture: Fixture) {
    let dear = Intent { amount: money(MAX_AMOUNT + 1), ..intent(Method::CreditCard) };

    for _ in 0..2 {
        assert_eq!(fixture.charge(&dear).await, ChargeOutcome::Declined(Decline::Declined));
    }
    assert_eq!(fixture.movements(dear.order).await, (0, 0));

    fixture.charged(&Intent { amount: money(MAX_AMOUNT), ..again(&dear) }).await;
    assert_eq!(fixture.movements(dear.order).await, (1, 0));
}

async fn the_outcome_of_a_charge_can_be_found(fixture: Fixture) {
    let (charged, declined) = (intent(Method::Sbp), Intent { amount: money(MAX_AMOUNT + 1), ..intent(Method::Sbp) });
    assert_eq!(fixture.provider.find(&charged, None).await.unwrap(), Lookup::Absent);

    for intent in [charged, declined] {
        let outcome = fixture.charge(&intent).await;

        let known = Lookup::Known(ChargeState::Settled(outcome.clone()));
        assert_eq!(fixture.provider.find(&intent, None).await.unwrap(), known);
        if let ChargeOutcome::Charged { reference } = outcome {
            assert_eq!(fixture.provider.find(&intent, Some(&reference)).await.unwrap(), known);
        }
    }
}

async fn a_charge_is_refunded_in_parts(fixture: Fixture) {
    let intent = intent(Method::Card);
    let whole = fixture.charged(&intent).await;
    let part = |id: &str, minor| Refund { id: id.into(), key: id.into(), amount: money(minor), ..whole.clone() };

    for refund in [part("one", 300), part("two", 300), part("one", 300), Refund { amount: money(400), ..whole.clone() }]
    {
        assert_eq!(fixture.provider.refund(&refund).await.unwrap(), RefundState::Refunded);
    }

    assert_eq!(fixture.movements(intent.order).await, (1, 3));
}

async fn an_unknown_charge_is_not_refunded(fixture: Fixture) {
    let intent = intent(Method::Card);
    let reference = ids::random().to_string();
    let refund = refund(&intent, reference);

    assert!(fixture.provider.refund(&refund).await.is_err());
    assert_eq!(fixture.movements(intent.order).await, (0, 0));
}

/// The balance of each of ten users covers one of two charges. For every third user the first charge exceeds the
/// balance.
async fn charges_made_at_once_are_each_decided_alone(fixture: Fixture) {
    let charges: Vec<Intent> = (0..10)
        .flat_map(|number| {
            let amount = if number % 3 == 0 { INITIAL_BALANCE + 1 } else { INITIAL_BALANCE };
            let first = Intent { amount: money(amount), ..intent(Method::InvestorMoney) };
            let second = Intent { amount: money(INITIAL_BALANCE), ..again(&first) };
            [first, second, first]
        })
        .collect();

    let outcomes = futures::future::join_all(charges.iter().map(|charge| fixture.charge(charge))).await;

    for (charges, outcomes) in charges.chunks(3).zip(outcomes.chunks(3)) {
        assert_eq!(outcomes[0], outcomes[2], "a retry has the outcome of its transaction");
        let successes = outcomes[..2].iter().filter(|outcome| matches!(outcome, ChargeOutcome::Charged { .. })).count();
        assert_eq!(successes, 1, "{outcomes:?}");
        assert_eq!(fixture.balance(charges[0].user).await, 0);
        assert_eq!(fixture.movements(charges[0].order).await, (1, 0));
    }
}

async fn a_declined_charge_leaves_the_balance(fixture: Fixture) {
    let first = intent(Method::InvestorMoney);
    fixture.charged(&first).await;
    let dear = Intent { amount: money(INITIAL_BALANCE - 999), ..again(&first) };

    let declined = fixture.charge(&dear).await;

    assert_eq!(declined, ChargeOutcome::Declined(Decline::InsufficientFunds));
    assert_eq!(fixture.balance(first.user).await, INITIAL_BALANCE - 1000);
    assert_eq!(fixture.movements(first.order).await, (1, 0));
}

async fn a_decline_stays_after_the_balance_has_grown(fixture: Fixture) {
    let first = Intent { amount: money(INITIAL_BALANCE), ..intent(Method::InvestorMoney) };
    let refund = fixture.charged(&first).await;
    let second = again(&first);
    assert_eq!(fixture.charge(&second).await, ChargeOutcome::Declined(Decline::InsufficientFunds));

    for _ in 0..2 {
        fixture.provider.refund(&refund).await.unwrap();
    }

    assert_eq!(fixture.charge(&second).await, ChargeOutcome::Declined(Decline::InsufficientFunds));
    assert_eq!(fixture.balance(first.user).await, INITIAL_BALANCE);
}

async fn a_balance_is_the_initial_one_until_the_first_charge(fixture: Fixture) {
    let first = intent(Method::InvestorMoney);
    assert_eq!(fixture.balance(first.user).await, INITIAL_BALANCE);

    fixture.charged(&Intent { user: first.user, ..intent(Method::Card) }).await;
    assert_eq!(fixture.balance(first.user).await, INITIAL_BALANCE);

    fixture.charged(&first).await;
    assert_eq!(fixture.balance(first.user).await, INITIAL_BALANCE - 1000);
}

fn credit(user: UserId, reference: &str, minor: i64) -> Credit {
    Credit { reference: Reference::new(reference).unwrap(), user, amount: money(minor) }
}

async fn a_credit_is_added_once_per_reference(fixture: Fixture) {
    let balances = fixture.balances.clone().unwrap();
    let (user, other) = (new_user(), new_user());
    let (first, second) = (credit(user, "one", 500), credit(user, "two", 7));

    for _ in 0..3 {
        assert_eq!(balances.credit(&first).await.unwrap(), Some(first.clone()));
    }
    assert_eq!(balances.credit(&second).await.unwrap(), Some(second));
    assert_eq!(balances.credit(&credit(other, "one", 9)).await.unwrap(), Some(first), "the earlier one stands");

    assert_eq!((fixture.balance(user).await, fixture.balance(other).await), (INITIAL_BALANCE + 507, INITIAL_BALANCE));
    fixture.charged(&Intent { user, amount: money(INITIAL_BALANCE + 507), ..intent(Method::InvestorMoney) }).await;
    assert_eq!(fixture.balance(user).await, 0);
}

async fn all_credits_of_a_user_have_a_bound(fixture: Fixture) {
    let balances = fixture.balances.clone().unwrap();
    let user = new_user();
    let limit = contracts::money::MAX - INITIAL_BALANCE;

    assert_eq!(balances.credit(&credit(user, "one", limit + 1)).await.unwrap(), None);
    assert_eq!(fixture.balance(user).await, INITIAL_BALANCE);
    assert!(balances.credit(&credit(user, "one", limit)).await.unwrap().is_some());
    fixture.charged(&Intent { user, amount: money(1000), ..intent(Method::InvestorMoney) }).await;

    // A later refund of the charge must fit into the maximum amount, so this credit is refused.
    assert_eq!(balances.credit(&credit(user, "two", 1)).await.unwrap(), None);
}

async fn a_refund_fits_after_every_credit(fixture: Fixture) {
    let balances = fixture.balances.clone().unwrap();
    let intent = intent(Method::InvestorMoney);
    let refund = fixture.charged(&intent).await;

    let rest = credit(intent.user, "one", contracts::money::MAX - INITIAL_BALANCE);
    assert!(balances.credit(&rest).await.unwrap().is_some());
    fixture.provider.refund(&refund).await.unwrap();

    assert_eq!(fixture.balance(intent.user).await, contracts::money::MAX);
}
