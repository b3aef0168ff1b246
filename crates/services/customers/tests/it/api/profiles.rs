//! Profiles: who may do what, the error of each invalid request, and where personal data is stored.

use std::time::Duration;

use contracts::{
    events::{CustomerCreated, CustomerUpdated},
    proto::customers::v1::{Address, CreateCustomerRequest, EraseCustomerRequest, KycDecision, UpdateCustomerRequest},
};
use platform::{grpc::reason, ids};
use sqlx::Row as _;
use stand_ins::KycMode;
use testkit::with_session;
use tonic::{Code, Status};

use super::{Fixture, creation};

fn refused(status: &Status) -> (Code, Option<&str>) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn a_customer_is_created_checked_and_published_without_its_name() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.user();

    let created = fixture.create(&session, "Anna Karenina").await.unwrap();
    assert_eq!(
        (created.kyc_status.as_str(), created.version, created.id.clone()),
        ("KYC_PENDING", 1, user.to_string())
    );
    let verified = fixture.reaches(&session, user, "VERIFIED").await;
    assert_eq!((verified.version, verified.name.as_str(), verified.reason.as_str()), (2, "Anna Karenina", ""));

    let created = fixture.events::<CustomerCreated>(user, 1).await;
    let updated = fixture.events::<CustomerUpdated>(user, 1).await;
    assert_eq!((created.len(), updated.len()), (1, 1));
    assert_eq!((created[0].0.kyc_status.as_str(), created[0].0.version), ("KYC_PENDING", 1));
    assert_eq!((updated[0].0.kyc_status.as_str(), updated[0].0.version), ("VERIFIED", 2));
    for payload in [&created[0].1, &updated[0].1] {
        let text = String::from_utf8_lossy(payload);
        assert!(!["Anna", "Main", "1990"].iter().any(|personal| text.contains(personal)), "{text}");
    }
}

#[tokio::test]
async fn a_declined_name_is_rejected_and_may_be_updated() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.user();
    fixture.create(&session, "Mallory").await.unwrap();

    let rejected = fixture.reaches(&session, user, "REJECTED").await;
    assert_eq!((rejected.version, rejected.reason.as_str()), (2, "KYC_REFUSED: Mallory is declined"));
    let event = &fixture.events::<CustomerUpdated>(user, 1).await[0].0;
    assert_eq!(event.reason, "KYC_REFUSED");
    fixture.update(&session, "Ann", 2).await.unwrap();

    assert_eq!(fixture.reaches(&session, user, "VERIFIED").await.version, 4);
}

#[tokio::test]
async fn a_refused_update_brings_the_verified_name_back() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;

    let pending = fixture.update(&session, "Mallory", 2).await.unwrap();
    assert_eq!((pending.name.as_str(), pending.version), ("Mallory", 3));
    let back = fixture.reaches(&session, user, "VERIFIED").await;

    assert_eq!((back.name.as_str(), back.version), ("Ann", 4));
    assert!(back.reason.starts_with("KYC_ROLLED_BACK"), "{}", back.reason);
    let events = fixture.events::<CustomerUpdated>(user, 3).await;
    let published: Vec<_> = events.iter().map(|(event, _)| (event.version, event.reason.as_str())).collect();
    assert_eq!(published, [(2, ""), (3, ""), (4, "KYC_ROLLED_BACK")]);
}

#[tokio::test]
async fn wrong_input_names_the_field_and_not_its_value() {
    let fixture = Fixture::new().await;
    let (_, session) = fixture.user();
    let good = creation("Ann");
    let zip = Address { zip: "secret 4567890123".to_owned(), ..good.address.clone().unwrap() };
    let wrong = [
        (creation(" "), "name"),
        (creation(&"secret".repeat(40)), "name"),
        (CreateCustomerRequest { address: Some(zip), ..good.clone() }, "address.zip"),
        (CreateCustomerRequest { birth_date: "secret".to_owned(), ..good.clone() }, "birth_date"),
        (CreateCustomerRequest { birth_date: "2999-01-01".to_owned(), ..good }, "birth_date"),
    ];
    for (request, field) in wrong {
        let status = fixture.client().create_customer(with_session(&session, request)).await.unwrap_err();

        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().starts_with(&format!("{field}: ")), "{}", status.message());
        assert!(!status.message().contains("secret"), "{}", status.message());
    }
}

/// Over HTTP, the id is in the path.
#[tokio::test]
async fn an_update_that_names_the_customer_of_another_user_changes_nothing() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;
    let (_, stranger) = fixture.verified().await;
    let CreateCustomerRequest { name, address, birth_date } = creation("Anna");
    let request = UpdateCustomerRequest { name, address, birth_date, version: 2, customer_id: user.to_string() };

    let refused = fixture.client().update_customer(with_session(&stranger, request.clone())).await.unwrap_err();
    let updated = fixture.client().update_customer(with_session(&session, request)).await.unwrap().into_inner();

    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(updated.customer.unwrap().name, "Anna");
}

#[tokio::test]
async fn what_does_not_fit_the_state_is_refused_with_its_reason() {
    let fixture = Fixture::new().await;
    let (_, session) = fixture.verified().await;
    let (_, stranger) = fixture.user();

    assert_eq!(refused(&fixture.create(&session, "Bob").await.unwrap_err()).0, Code::AlreadyExists);
    let stale = fixture.update(&session, "Bob", 1).await.unwrap_err();
    assert_eq!(refused(&stale), (Code::Aborted, Some("VERSION_CONFLICT")));
    assert_eq!(fixture.update(&stranger, "Bob", 1).await.unwrap_err().code(), Code::NotFound);
    fixture.kyc.be(KycMode::Silent);
    fixture.update(&session, "Bob", 2).await.unwrap();

    // The version is stale too, but the check in progress is reported first.
    let during = fixture.update(&session, "Carol", 2).await.unwrap_err();
    assert_eq!(refused(&during), (Code::FailedPrecondition, Some("KYC_IN_PROGRESS")));
    let erased = fixture.client().erase_customer(with_session(&session, EraseCustomerRequest {})).await.unwrap();
    assert_eq!(erased.into_inner().customer.unwrap().kyc_status, "ERASED", "the verdict of its check has no effect");
}

#[tokio::test]
async fn an_operator_rejects_a_verified_customer_once() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.verified().await;
    let author = ids::random();
    let operator = fixture.iam.operator_session(author);
    assert_eq!(fixture.rollback_kyc(&session, user, "").await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(fixture.rollback_kyc(&operator, ids::random(), "").await.unwrap_err().code(), Code::NotFound);

    let rejected = fixture.rollback_kyc(&operator, user, "a false passport").await.unwrap();
    assert_eq!((rejected.kyc_status.as_str(), rejected.version), ("REJECTED", 3));
    assert_eq!(rejected.reason, "KYC_REVOKED: a false passport");
    let again = fixture.rollback_kyc(&operator, user, "again").await.unwrap();

    assert_eq!((again.version, again.reason), (3, rejected.reason));
    let events = fixture.events::<CustomerUpdated>(user, 2).await;
    assert_eq!(events.last().unwrap().0.reason, "KYC_REVOKED");
    let authors =
        sqlx::query_scalar("select decided_by from customer_versions where customer_uuid = $1 order by version");
    let authors: Vec<Option<String>> = authors.bind(user).fetch_all(&fixture.database.pool).await.unwrap();
    assert_eq!(authors, [None, Some("checker".to_owned()), Some(author.to_string())]);
}

#[tokio::test]
async fn an_operator_decides_nothing_about_themselves() {
    let fixture = Fixture::new().await;
    let (user, _) = fixture.verified().await;
    let own = fixture.iam.operator_session(user);

    let refused_rollback = fixture.rollback_kyc(&own, user, "").await.unwrap_err();
    let refused_decision = fixture.decide_kyc(&own, user, 2, KycDecision::Approve, "").await.unwrap_err();

    for refusal in [refused_rollback, refused_decision] {
        assert_eq!(refused(&refusal), (Code::FailedPrecondition, Some("SELF_DEALING")));
    }
}

#[tokio::test]
async fn an_operator_decides_a_check_that_the_checker_does_not_answer() {
    let fixture = Fixture::new().await;
    let operator = fixture.iam.operator_session(ids::random());
    let (user, session) = fixture.user();
    fixture.kyc.be(KycMode::Silent);
    fixture.create(&session, "Ann").await.unwrap();
    let decide = async |version, decision, reason| fixture.decide_kyc(&operator, user, version, decision, reason).await;
    let long = "x".repeat(501);
    for (decision, reason, field) in [
        (KycDecision::Unspecified, "", "decision"),
        (KycDecision::Approve, "looks fine", "decision"),
        (KycDecision::Refuse, &*long, "reason"),
    ] {
        let wrong = decide(1, decision, reason).await.unwrap_err();
        assert_eq!(wrong.code(), Code::InvalidArgument);
        assert!(wrong.message().starts_with(field), "{wrong}");
    }
    let own = fixture.decide_kyc(&session, user, 1, KycDecision::Approve, "").await.unwrap_err();
    assert_eq!(own.code(), Code::PermissionDenied);

    let verified = decide(1, KycDecision::Approve, "").await.unwrap();

    assert_eq!((verified.kyc_status.as_str(), verified.version), ("VERIFIED", 2));
    let again = decide(1, KycDecision::Approve, "").await.unwrap_err();
    assert_eq!(refused(&again), (Code::Aborted, Some("VERSION_CONFLICT")));
    let late = decide(2, KycDecision::Refuse, "").await.unwrap_err();
    assert_eq!(refused(&late), (Code::FailedPrecondition, Some("KYC_NOT_IN_PROGRESS")));
    // The checker's late response about the earlier version changes nothing, and the refusal of an update restores
    // the name.
    fixture.update(&session, "Eve", 2).await.unwrap();
    let back = decide(3, KycDecision::Refuse, "another person").await.unwrap();
    assert_eq!((back.name.as_str(), back.kyc_status.as_str()), ("Ann", "VERIFIED"));
    assert_eq!(back.reason, "KYC_ROLLED_BACK: another person");
    fixture.kyc.be(KycMode::Well);
    let events = fixture.events::<CustomerUpdated>(user, 3).await;
    assert_eq!(events.last().unwrap().0.version, 4);
    assert_eq!(fixture.get(&session, user).await.unwrap().version, 4);
}

#[tokio::test]
async fn no_answer_of_the_checker_is_a_refusal() {
    let mut fixture = Fixture::new().await;
    for mode in [KycMode::Silent, KycMode::Broken, KycMode::Wrong, KycMode::Lost] {
        fixture.kyc.be(mode);
        let (user, session) = fixture.user();
        fixture.create(&session, "Ann").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(fixture.get(&session, user).await.unwrap().kyc_status, "KYC_PENDING", "{mode:?}");
        if mode == KycMode::Lost {
            // The saga's step is recorded, so another process continues it under the same key.
            fixture.crash().await;
        }
        fixture.kyc.be(KycMode::Well);

        assert_eq!(fixture.reaches(&session, user, "VERIFIED").await.version, 2, "{mode:?}");
        let key = format!("{user}/1");
        let keys = fixture.kyc.questions().into_iter().filter(|question| question["name"] == "Ann");
        assert!(keys.filter(|question| question["key"] == key).count() >= 2, "{mode:?}");
    }
}

/// Each table's name, and its rows as text.
async fn tables(fixture: &Fixture) -> Vec<(String, String)> {
    let names = sqlx::query("select table_name::text from information_schema.tables where table_schema = 'public'");
    let mut tables = Vec::new();
    for row in names.fetch_all(&fixture.database.pool).await.unwrap() {
        let name: String = row.get(0);
        let rows = format!("select coalesce(string_agg(row_to_json(t)::text, ' '), '') from \"{name}\" t");
        let rows: String =
            sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&fixture.database.pool).await.unwrap();
        // The outbox's payloads are bytes, which appear in hexadecimal.
        tables.push((name, rows));
    }
    tables
}

fn with_name(tables: &[(String, String)]) -> Vec<&str> {
    // "Anna" in hexadecimal.
    let hex = "416e6e61";
    let found = tables.iter().filter(|(_, rows)| rows.contains("Anna") || rows.contains(hex));
    found.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_name_is_in_one_table_and_in_none_once_it_is_erased() {
    let fixture = Fixture::new().await;
    let (user, session) = fixture.user();
    fixture.create(&session, "Anna Karenina").await.unwrap();
    fixture.reaches(&session, user, "VERIFIED").await;
    fixture.update(&session, "Anna Mallory", 2).await.unwrap();
    let back = fixture.reaches(&session, user, "VERIFIED").await;
    assert_eq!(back.name, "Anna Mallory");
    assert_eq!(with_name(&tables(&fixture).await), ["profiles"]);

    fixture.client().erase_customer(with_session(&session, EraseCustomerRequest {})).await.unwrap();

    assert_eq!(with_name(&tables(&fixture).await), Vec::<&str>::new());
}
