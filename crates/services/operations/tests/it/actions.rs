//! The log of operators' actions, and audits.

use std::net::TcpListener;

use contracts::proto::operations::v1::{
    BeginActionRequest, BeginAuditRequest, EndActionRequest, GetAuditRequest, ListActionsRequest,
};
use platform::ids;
use testkit::{eventually, with_session};
use tonic::Code;

use crate::fixture::Fixture;

fn beginning(action: &str, subject: &str) -> BeginActionRequest {
    BeginActionRequest { action: action.to_owned(), subject: subject.to_owned() }
}

#[tokio::test]
async fn an_action_is_ended_by_the_operator_who_has_begun_it() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let [one, other] = [ids::random(), ids::random()].map(|operator| fixture.iam.operator_session(operator));

    let begun = client.begin_action(with_session(&one, beginning("courier", "B\u{0}ob"))).await.unwrap();
    let end = EndActionRequest { id: begun.into_inner().id, result: "x".repeat(2_000) };
    let refused = client.end_action(with_session(&other, end.clone())).await.unwrap_err();
    client.end_action(with_session(&one, end.clone())).await.unwrap();
    let unknown = EndActionRequest { id: end.id + 1, ..end };
    let of_an_end = client.end_action(with_session(&one, unknown)).await.unwrap_err();

    assert_eq!([refused.code(), of_an_end.code()], [Code::NotFound; 2]);
    let row = |result: &str| ["courier", "Bob", result].map(str::to_owned);
    assert_eq!(fixture.log(&other).await, [row(&"x".repeat(1_000)), row("begun")]);
    let long = client.begin_action(with_session(&one, beginning("replay", "all"))).await.unwrap_err();
    assert_eq!(long.code(), Code::InvalidArgument, "operations executes and logs it itself");
}

#[tokio::test]
async fn a_user_without_the_role_lists_own_actions_alone() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let [operator, user] = [ids::random(), ids::random()];
    let (session, of_user) = (fixture.iam.operator_session(operator), fixture.iam.session(user));
    client.begin_action(with_session(&session, beginning("restock", "wing"))).await.unwrap();
    let of = |uuid: String| ListActionsRequest { operator_uuid: uuid, limit: 0 };

    let own = client.list_actions(with_session(&of_user, of(user.to_string()))).await.unwrap().into_inner();
    let of_operator = client.list_actions(with_session(&session, of(operator.to_string()))).await.unwrap();

    assert_eq!((own.actions.len(), of_operator.into_inner().actions.len()), (0, 1));
    for uuid in [String::new(), operator.to_string()] {
        let refused = client.list_actions(with_session(&of_user, of(uuid))).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn one_audit_runs_at_a_time_and_the_log_has_its_end() {
    // Connections to it are opened, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = Fixture::with_databases_at(&silent.local_addr().unwrap().to_string()).await;
    let mut client = fixture.client();
    let session = fixture.iam.operator_session(ids::random());

    let begun = client.begin_audit(with_session(&session, BeginAuditRequest {})).await.unwrap().into_inner();
    assert_eq!(begun.work.unwrap().running.unwrap().title, "Auditing the shop");
    let refused = client.begin_audit(with_session(&session, BeginAuditRequest {})).await.unwrap_err();
    let refusal = (refused.code(), refused.message());
    assert_eq!(refusal, (Code::Aborted, "an audit is running; wait until it has ended"));

    let ended = eventually(async || {
        let audit = fixture.client().get_audit(with_session(&session, GetAuditRequest {})).await.unwrap();
        audit.into_inner().work.unwrap().last
    })
    .await;
    let log = fixture.log(&session).await;
    assert_eq!([&log[0][0], &log[1][2]], ["audit", "begun"]);
    assert!(ended.error.is_some() && log[0][2].starts_with("asking the database of "), "{ended:?}: {log:?}");
}
