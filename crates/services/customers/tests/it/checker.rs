//! A checker over HTTP that misbehaves: a missing or invalid response never counts as a refusal.

use customers::{
    client::{CheckRequest, Checker as _, HttpChecker},
    model::Verdict,
};
use stand_ins::{Kyc, KycMode};

use crate::{profile, today};

fn request(name: &str) -> CheckRequest {
    CheckRequest { key: format!("{name}/1"), profile: profile(name), today: today() }
}

async fn start() -> (Kyc, HttpChecker) {
    let kyc = Kyc::start().await.unwrap();
    let checker = HttpChecker::new(kyc.url().parse().unwrap()).unwrap();
    (kyc, checker)
}

#[tokio::test]
async fn the_checker_is_sent_the_contract_and_its_words_come_back() {
    let (kyc, checker) = start().await;
    kyc.decline("Mallory");

    assert_eq!(checker.ask(&request("Ann")).await, Ok(Verdict::Approved));
    let Ok(Verdict::Refused(Some(words))) = checker.ask(&request("Mallory")).await else { panic!("not refused") };

    assert_eq!(words.as_str(), "Mallory is declined");
    let sent = &kyc.questions()[0];
    assert_eq!((sent["key"].as_str(), sent["name"].as_str()), (Some("Ann/1"), Some("Ann")));
    assert_eq!((sent["birth_date"].as_str(), sent["address"]["zip"].as_str()), (Some("1990-12-31"), Some("101000")));
}

#[tokio::test]
async fn an_invalid_response_is_unknown_and_shows_no_personal_data() {
    let (kyc, checker) = start().await;
    for mode in [KycMode::Broken, KycMode::Wrong, KycMode::Lost] {
        kyc.be(mode);

        let unknown = checker.ask(&request("Ann")).await.unwrap_err();

        assert!(!unknown.to_string().contains("Ann"), "{unknown}");
    }
    kyc.be(KycMode::Well);
    assert_eq!(checker.ask(&request("Ann")).await, Ok(Verdict::Approved), "the same key");
    let unavailable = HttpChecker::new(kyc.url().parse().unwrap()).unwrap();
    drop(kyc);
    assert!(unavailable.ask(&request("Ann")).await.is_err());
}
