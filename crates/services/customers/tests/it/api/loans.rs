//! Loans that are credited once, held or refused, and poison messages.

use contracts::proto::customers::v1::{EraseCustomerRequest, ListLoansRequest};
use platform::ids;
use serde_json::json;
use testkit::{eventually, with_session};

use super::{Fixture, loan};

#[tokio::test]
async fn a_loan_that_comes_five_times_is_credited_once() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;

    fixture.approve(vec![loan(user, "loan-1", 6500.0); 5]).await;
    fixture.loan_reaches(&session, user, "loan-1", "credited").await;
    fixture.approve(vec![loan(user, "loan-2", 0.01)]).await;
    fixture.loan_reaches(&session, user, "loan-2", "credited").await;

    assert_eq!(fixture.payment.credited(user), 650_001);
    assert_eq!(fixture.loans(&session, user).await.len(), 2);
}

#[tokio::test]
async fn a_loan_before_the_customer_is_held_then_credited_and_after_a_rollback_refused() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.user();
    let operator = fixture.iam.operator_session(ids::random());

    fixture.approve(vec![loan(user, "early", 100.0)]).await;
    fixture.loan_reaches(&session, user, "early", "held").await;
    fixture.create(&session, "Ann").await.unwrap();
    fixture.loan_reaches(&session, user, "early", "credited").await;
    fixture.rollback_kyc(&operator, user, "").await.unwrap();
    fixture.approve(vec![loan(user, "late", 100.0)]).await;
    fixture.loan_reaches(&session, user, "late", "refused").await;

    assert_eq!(fixture.payment.credited(user), 10_000);
}

#[tokio::test]
async fn a_hold_ends_for_a_user_who_is_no_customer() {
    let fixture = Fixture::with(&[("LOAN_HOLD", "1s")]).await;
    let (user, session) = fixture.user();

    fixture.approve(vec![loan(user, "one", 100.0)]).await;
    fixture.loan_reaches(&session, user, "one", "refused").await;
    fixture.create(&session, "Ann").await.unwrap();
    fixture.reaches(&session, user, "VERIFIED").await;

    assert_eq!(fixture.payment.credited(user), 0);
}

#[tokio::test]
async fn a_loan_whose_credit_payment_refuses_permanently_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;

    fixture.approve(vec![loan(user, "largest", 9_999_999_999_999.99)]).await;
    fixture.loan_reaches(&session, user, "largest", "refused").await;

    let request = ListLoansRequest { customer_id: user.to_string(), ..ListLoansRequest::default() };
    let loans = fixture.client().list_loans(with_session(&session, request)).await.unwrap().into_inner().loans;
    assert_eq!(loans[0].reason, "BALANCE_TOO_LARGE");
}

#[tokio::test]
async fn a_kill_between_decision_and_credit_credits_once() {
    let mut fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;
    fixture.payment.set_silent(true);
    fixture.approve(vec![loan(user, "one", 100.0)]).await;
    fixture.loan_reaches(&session, user, "one", "crediting").await;
    eventually(async || (fixture.payment.credited(user) > 0).then_some(())).await;

    fixture.crash().await;
    // The loan was decided before the revocation, so it is still credited.
    fixture.rollback_kyc(&fixture.iam.operator_session(ids::random()), user, "").await.unwrap();
    fixture.payment.set_silent(false);
    fixture.loan_reaches(&session, user, "one", "credited").await;

    assert_eq!(fixture.payment.credited(user), 10_000);
}

#[tokio::test]
async fn an_erased_customer_gets_no_loan() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;
    let erase = || async { fixture.client().erase_customer(with_session(&session, EraseCustomerRequest {})).await };
    let erased = erase().await.unwrap().into_inner().customer.unwrap();
    assert_eq!((erased.kyc_status.as_str(), erased.version, erased.name.as_str()), ("ERASED", 3, ""));
    assert_eq!(erase().await.unwrap().into_inner().customer.unwrap().version, 3);

    fixture.approve(vec![loan(user, "one", 100.0)]).await;
    fixture.loan_reaches(&session, user, "one", "refused").await;
    let anew = fixture.create(&session, "Bob").await.unwrap();

    assert_eq!((anew.kyc_status.as_str(), anew.version), ("KYC_PENDING", 4));
    fixture.reaches(&session, user, "VERIFIED").await;
    assert_eq!(fixture.payment.credited(user), 0);
}

#[tokio::test]
async fn a_wrong_loan_is_a_dead_letter_that_names_the_rule_and_holds_up_none() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;
    let good = json!({ "customer_id": user, "loan_id": "good", "amount": 100 });
    let with = |field: &str, value: serde_json::Value| {
        let mut loan = good.clone();
        loan[field] = value;
        loan.to_string().into_bytes()
    };
    let wrong = [
        (b"{".to_vec(), "must be a JSON object"),
        (with("amount", json!(0)), "amount: must be above 0"),
        (with("amount", json!(1.001)), "amount: must have at most two decimals"),
        (with("customer_id", json!("me")), "customer_id: must be a uuid"),
        (with("loan_id", json!("")), "loan_id: must be 1 to 64"),
        (with("amount", json!(101)), "LOAN_ID_REUSED"),
        (with("customer_id", json!(ids::random())), "LOAN_ID_REUSED"),
    ];

    fixture.approve(vec![good.to_string().into_bytes()]).await;
    fixture.loan_reaches(&session, user, "good", "credited").await;
    fixture.approve(wrong.iter().map(|(payload, _)| payload.clone()).collect()).await;
    fixture.approve(vec![loan(user, "last", 1.0)]).await;
    fixture.loan_reaches(&session, user, "last", "credited").await;

    let letters =
        eventually(|| async { Some(fixture.letters().await).filter(|letters| letters.len() >= wrong.len()) }).await;
    for (payload, rule) in &wrong {
        let letter = letters.iter().find(|letter| letter.payload == *payload).unwrap();
        let error = letter.headers.texts().find(|(_, value)| value.contains(rule));
        assert!(error.is_some(), "{rule}: {:?}", letter.headers);
    }
    assert_eq!((letters.len(), fixture.payment.credited(user)), (wrong.len(), 10_100));
}
