//! Tests of the client of Stripe's API, over the stand-in that simulates Stripe.

use std::time::Duration;

use payment::{
    client::{ChargeError, Lookup, Provider as _, Refund, Stripe, StripeAccount},
    model::{ChargeOutcome, ChargeState, Decline, Intent, Method, RefundState, refund_of_rest},
};
use platform::{deadline, error_chain};
use stand_ins::{Mode, ProviderFault};
use tokio::net::TcpListener;

use crate::{MAX_AMOUNT, intent, money};

const KEY: &str = "sk_test_key";
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

pub async fn stand_in() -> stand_ins::Provider {
    let server = stand_ins::Provider::start(KEY).await.unwrap();
    server.decline_above(MAX_AMOUNT);
    server
}

pub fn client(url: &str) -> Stripe {
    let (url, timeout) = (url.parse().unwrap(), CALL_TIMEOUT);
    Stripe::new(StripeAccount { url, key: KEY.into(), currency: "eur".to_owned(), timeout }).unwrap()
}

fn charged() -> ChargeState {
    ChargeState::Settled(ChargeOutcome::Charged { reference: "pi_1".to_owned() })
}

fn declined(decline: Decline) -> ChargeState {
    ChargeState::Settled(ChargeOutcome::Declined(decline))
}

#[tokio::test]
async fn a_charge_is_sent_as_the_api_documents_it() {
    let server = stand_in().await;
    let intent = intent(Method::Card);

    client(&server.url()).charge(&intent).await.unwrap();

    let form = server.posts().remove(0);
    assert_eq!(form["Idempotency-Key"], intent.transaction.to_string());
    assert_eq!((form["amount"].as_str(), form["currency"].as_str()), ("1000", "eur"));
    assert_eq!((form["confirm"].as_str(), form["payment_method"].as_str()), ("true", "pm_card_visa_debit"));
    assert_eq!(form["metadata[order_uuid]"], intent.order.to_string());
}

#[tokio::test]
async fn declines_are_distinguished() {
    let server = stand_in().await;
    server.script([ProviderFault::Declined("insufficient_funds"), ProviderFault::Declined("stolen_card")]);

    for decline in [Decline::InsufficientFunds, Decline::Declined] {
        let intent = intent(Method::Card);
        assert_eq!(client(&server.url()).charge(&intent).await.unwrap(), declined(decline));
        assert_eq!(client(&server.url()).find(&intent, None).await.unwrap(), Lookup::Known(declined(decline)));
    }
}

#[tokio::test]
async fn an_invalid_charge_counts_as_declined() {
    let server = stand_in().await;
    let small = Intent { amount: money(49), ..intent(Method::Card) };

    assert_eq!(client(&server.url()).charge(&small).await.unwrap(), declined(Decline::Declined));
}

#[tokio::test]
async fn an_ambiguous_response_is_unknown_and_a_retry_charges_once() {
    for status in [409, 500, 503] {
        let server = stand_in().await;
        server.script([ProviderFault::Status(status)]);
        let intent = intent(Method::Card);

        let unknown = client(&server.url()).charge(&intent).await;
        assert!(matches!(unknown, Err(ChargeError::Unknown(_))), "{status}: {unknown:?}");
        assert_eq!(client(&server.url()).find(&intent, None).await.unwrap(), Lookup::Absent);
        assert_eq!(client(&server.url()).charge(&intent).await.unwrap(), charged());
        assert_eq!(server.charges(intent.order.uuid()), 1);
    }
}

#[tokio::test]
async fn a_provider_that_hangs_leaves_time_to_respond_that_the_outcome_is_unknown() {
    let server = stand_in().await;
    server.script([ProviderFault::Silent]);
    let (client, intent) = (client(&server.url()), intent(Method::Card));
    let limit = Duration::from_secs(1);

    let charge = deadline::within(limit, client.charge(&intent));
    let outcome = tokio::time::timeout(limit.saturating_sub(Duration::from_millis(50)), charge).await;

    assert!(outcome.is_ok_and(|outcome| outcome.is_err()));
}

#[tokio::test]
async fn a_pending_charge_is_read_again() {
    let server = stand_in().await;
    server.script([ProviderFault::Slow]);

    assert_eq!(client(&server.url()).charge(&intent(Method::Card)).await.unwrap(), charged());
}

/// Starts a stand-in that has made a charge. Returns it with its client and the intent of the charge.
async fn with_charge() -> (stand_ins::Provider, Stripe, Intent) {
    let server = stand_in().await;
    let (client, intent) = (client(&server.url()), intent(Method::Card));
    client.charge(&intent).await.unwrap();
    (server, client, intent)
}

fn refund(key: &str, intent: &Intent) -> Refund {
    Refund {
        transaction: intent.transaction,
        id: "refund".to_owned(),
        key: key.to_owned(),
        charge: "pi_1".to_owned(),
        amount: intent.amount,
        pending: None,
    }
}

#[tokio::test]
async fn a_refund_that_is_refused_as_made_already_has_the_state_of_the_one_that_was_made() {
    let (server, client, intent) = with_charge().await;
    server.be(Mode::Refunding(ProviderFault::Processing));
    let pending = client.refund(&refund("one", &intent)).await.unwrap();

    assert_eq!(client.refund(&refund("two", &intent)).await.unwrap(), pending);
    server.complete();

    assert_eq!(client.refund(&refund("two", &intent)).await.unwrap(), RefundState::Refunded);
    assert_eq!(server.refunds(intent.order.uuid()), 1);
}

#[tokio::test]
async fn a_part_whose_response_was_lost_is_made_once_when_its_key_is_forgotten() {
    let (server, client, intent) = with_charge().await;
    let part = Refund { amount: money(300), ..refund("part", &intent) };
    server.be(Mode::Refunding(ProviderFault::Lost));
    assert!(client.refund(&part).await.is_err());
    server.be(Mode::Well);

    server.forget_keys();

    assert_eq!(client.refund(&part).await.unwrap(), RefundState::Refunded);
    assert_eq!(server.refunds(intent.order.uuid()), 1);
}

#[tokio::test]
async fn a_server_that_cannot_list_refunds_makes_one_once_per_key() {
    let (server, client, intent) = with_charge().await;
    server.without_refund_list();
    let part = Refund { amount: money(300), ..refund("part", &intent) };

    for _ in 0..2 {
        assert_eq!(client.refund(&part).await.unwrap(), RefundState::Refunded);
    }

    assert_eq!(server.refunds(intent.order.uuid()), 1);
}

async fn is_refunded(client: &Stripe, refund: &Refund) -> bool {
    client.are_refunded(std::slice::from_ref(refund)).await.unwrap() == [true]
}

async fn give_back_in_the_dashboard(server: &stand_ins::Provider, amount: &str) {
    let form = [("payment_intent", "pi_1"), ("amount", amount)];
    let request =
        platform::http::client_builder().build().unwrap().post(format!("{}/v1/refunds", server.url())).bearer_auth(KEY);
    request.header("Idempotency-Key", "dashboard").form(&form).send().await.unwrap().error_for_status().unwrap();
}

#[tokio::test]
async fn a_refund_in_the_providers_dashboard_counts_for_a_cancelled_order_alone() {
    let (server, client, intent) = with_charge().await;
    give_back_in_the_dashboard(&server, "1000").await;
    let part = refund("part", &intent);
    let rest = Refund { id: refund_of_rest(intent.transaction), ..refund("rest", &intent) };

    assert_eq!(client.refund(&rest).await.unwrap(), RefundState::Refunded);
    assert!(is_refunded(&client, &rest).await);
    assert_eq!(client.refund(&part).await.unwrap(), RefundState::Failed);

    assert_eq!(server.refunds(intent.order.uuid()), 1);
}

#[tokio::test]
async fn a_cancelled_order_gets_once_what_somebody_left_of_its_charge_at_the_provider() {
    let (server, client, intent) = with_charge().await;
    give_back_in_the_dashboard(&server, "300").await;
    let rest = Refund { id: refund_of_rest(intent.transaction), ..refund("rest", &intent) };

    server.be(Mode::Refunding(ProviderFault::Lost));
    assert!(client.refund(&rest).await.is_err());
    assert_eq!(client.refund(&rest).await.unwrap(), RefundState::Refunded);
    server.forget_keys();
    server.be(Mode::Well);
    assert_eq!(client.refund(&rest).await.unwrap(), RefundState::Refunded);
    assert!(is_refunded(&client, &rest).await);

    let amounts: Vec<_> = server.entries().iter().map(|entry| entry.amount).collect();
    assert_eq!(amounts, [1000, 300, 700]);
}

#[tokio::test]
async fn the_partial_refunds_of_a_charge_are_distinguished() {
    let (server, client, intent) = with_charge().await;
    let part = |id: &str, minor| Refund { id: id.to_owned(), amount: money(minor), ..refund(id, &intent) };
    let (first, second, rest) = (part("first", 300), part("second", 300), part("rest", 400));

    for refund in [&first, &second, &rest] {
        assert_eq!(client.refund(refund).await.unwrap(), RefundState::Refunded);
    }
    // Each refund is found among the others although its key is forgotten, and a refund that was never made is not
    // mistaken for another.
    server.forget_keys();
    for refund in [&first, &second, &rest] {
        assert_eq!(client.refund(refund).await.unwrap(), RefundState::Refunded);
        assert!(is_refunded(&client, refund).await);
    }
    assert_eq!(client.refund(&part("fourth", 300)).await.unwrap(), RefundState::Failed);

    assert_eq!(server.refunds(intent.order.uuid()), 3);
    server.fail_refunds();
    assert!(!is_refunded(&client, &second).await);
}

#[tokio::test]
async fn a_refund_is_found_behind_pages_of_others_that_failed() {
    let (server, client, intent) = with_charge().await;
    let part = |id: &str, key: &str| Refund { id: id.to_owned(), amount: money(300), ..refund(key, &intent) };
    let made = part("made", "made");
    assert_eq!(client.refund(&made).await.unwrap(), RefundState::Refunded);

    server.be(Mode::Refunding(ProviderFault::Failing));
    for request in 0..201 {
        let key = format!("failing-{request}");
        let pending = client.refund(&part("failing", &key)).await.unwrap();
        let RefundState::Pending { reference } = pending else { panic!("{pending:?}") };
        let looked_up = Refund { pending: Some(reference), ..part("failing", &key) };
        assert_eq!(client.refund(&looked_up).await.unwrap(), RefundState::Failed);
    }

    assert!(is_refunded(&client, &made).await);
    assert!(!is_refunded(&client, &part("failing", "failing-0")).await);
}

#[tokio::test]
async fn a_server_without_search_or_with_another_account_leaves_a_charge_unknown() {
    let server = stand_in().await;
    server.without_search();
    let intent = intent(Method::Card);

    assert_eq!(client(&server.url()).find(&intent, None).await.unwrap(), Lookup::Unsupported);
    assert!(client(&server.url()).find(&intent, Some("pi_of_another_account")).await.is_err());
}

#[tokio::test]
async fn no_request_is_sent_to_an_unreachable_provider() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client(&format!("http://{free}"));

    assert!(matches!(client.charge(&intent(Method::Card)).await, Err(ChargeError::Refused(_))));
    assert!(client.find(&intent(Method::Card), None).await.is_err());
}

#[tokio::test]
async fn a_response_without_end_costs_little_and_leaves_the_outcome_unknown() {
    let server = stand_ins::Endless::start().await.unwrap();

    let outcome = client(&server.url()).charge(&intent(Method::Card)).await;

    let problem = error_chain(outcome.unwrap_err());
    assert!(problem.contains("more than 262144 bytes"), "{problem}");
    // The bytes in the socket buffers count as sent, too.
    assert!(server.sent() < 16 << 20, "{} bytes", server.sent());
}
