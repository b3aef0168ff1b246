//! Tests of `SessionOwnerService` and of `SessionService`: users list and end their own sessions, an operator those of
//! any user, and an ended session is refused soon.

use contracts::proto::auth::v1::{
    EndSessionRequest, EndUserSessionsRequest, ListOwnersRequest, ListSessionsRequest, SessionOwner, SessionState,
    SessionSummary, session_owner_service_client::SessionOwnerServiceClient,
    session_service_client::SessionServiceClient,
};
use iam::model::SessionId;
use platform::ids;
use testkit::with_session;
use tonic::{Code, Status, transport::Channel};

use crate::{
    fixture::{Iam, PASSWORD, iam, settings, start},
    operators::operated,
};

fn client(iam: &Iam) -> SessionServiceClient<Channel> {
    SessionServiceClient::new(iam.channel.clone())
}

async fn list(iam: &Iam, session: &str, user_uuid: &str) -> Result<Vec<SessionSummary>, Status> {
    let message = ListSessionsRequest { user_uuid: user_uuid.to_owned() };
    Ok(client(iam).list_sessions(with_session(session, message)).await?.into_inner().sessions)
}

async fn end(iam: &Iam, session: &str, id: &str, user_uuid: &str) -> Result<(), Status> {
    let message = EndSessionRequest { id: id.to_owned(), user_uuid: user_uuid.to_owned() };
    client(iam).end_session(with_session(session, message)).await.map(drop)
}

async fn end_all(iam: &Iam, session: &str, user_uuid: &str) -> Result<(), Status> {
    let message = EndUserSessionsRequest { user_uuid: user_uuid.to_owned() };
    client(iam).end_user_sessions(with_session(session, message)).await.map(drop)
}

fn short(session: &str) -> String {
    SessionId::from(session.parse::<uuid::Uuid>().unwrap()).digest().short().to_string()
}

#[tokio::test]
async fn a_user_lists_their_sessions_and_ends_one() {
    let iam = iam().await;
    let (info, user, own) = iam.registered_user().await;
    let lost = iam.login(&info.login, PASSWORD).await.unwrap();

    let sessions = list(&iam, &own, "").await.unwrap();
    let shown: Vec<_> = sessions.iter().map(|session| (session.id.clone(), session.is_current)).collect();
    assert_eq!(shown, [(short(&lost), false), (short(&own), true)]);
    assert!(!format!("{sessions:?}").contains(&own) && !format!("{sessions:?}").contains(&lost), "no id is shown");
    assert_eq!(list(&iam, &own, &user).await.unwrap().len(), 2);

    end(&iam, &own, &short(&lost), "").await.unwrap();

    assert_eq!(iam.whoami(&lost).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.whoami(&own).await.is_ok());
    let again = end(&iam, &own, &short(&lost), "").await.unwrap_err();
    assert_eq!((again.code(), again.message()), (Code::NotFound, "session not found"));
    for id in ["", "0123", &own] {
        let malformed = end(&iam, &own, id, "").await.unwrap_err();
        assert_eq!(malformed.code(), Code::InvalidArgument, "{malformed}");
        assert!(malformed.message().starts_with("id: "), "{malformed}");
    }
    assert_eq!(list(&iam, &own, "ann").await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn sessions_of_others_are_neither_seen_nor_ended() {
    let iam = iam().await;
    let (_, ann, anns) = iam.registered_user().await;
    let (_, _, eves) = iam.registered_user().await;
    let unknown = ids::random().to_string();

    for user in [&ann, &unknown] {
        let seen = list(&iam, &eves, user).await.unwrap_err();
        let ended = end(&iam, &eves, &short(&anns), user).await.unwrap_err();
        let all = end_all(&iam, &eves, user).await.unwrap_err();

        assert_eq!((seen.code(), seen.message()), (Code::NotFound, "user not found"));
        assert_eq!((ended.code(), ended.message()), (Code::NotFound, "user not found"));
        assert_eq!(all.code(), Code::PermissionDenied);
    }
    assert_eq!(end(&iam, &eves, &short(&anns), "").await.unwrap_err().code(), Code::NotFound);
    assert!(iam.whoami(&anns).await.is_ok());
}

#[tokio::test]
async fn an_operator_sees_and_ends_anyones_sessions() {
    let (iam, _, operators) = operated().await;
    let (info, ann, first) = iam.registered_user().await;
    let second = iam.login(&info.login, PASSWORD).await.unwrap();
    let third = iam.login(&info.login, PASSWORD).await.unwrap();

    assert_eq!(list(&iam, &operators, &ann).await.unwrap().len(), 3);
    end(&iam, &operators, &short(&first), &ann).await.unwrap();
    assert_eq!(iam.whoami(&first).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.whoami(&second).await.is_ok());
    end_all(&iam, &operators, &ann).await.unwrap();
    end_all(&iam, &operators, &ann).await.unwrap();

    for ended in [&second, &third] {
        assert_eq!(iam.whoami(ended).await.unwrap_err().code(), Code::Unauthenticated);
    }
    assert!(iam.whoami(&operators).await.is_ok());
}

#[tokio::test]
async fn an_ended_session_is_refused_by_every_replica_at_once() {
    let settings = settings().await;
    let replicas = [start(&settings).await, start(&settings).await, start(&settings).await];
    let (info, _, session) = replicas[0].registered_user().await;
    replicas[0].logout(&session).await.unwrap();

    let mut accepted = 0;
    for round in 0..50 {
        let session = replicas[round % 3].login(&info.login, PASSWORD).await.unwrap();
        let token = replicas[round % 3].token(&session).await;
        for replica in &replicas {
            assert!(replica.whoami(&session).await.is_ok(), "round {round}");
            assert!(replica.whoami_by(&token).await.is_ok(), "round {round}");
        }
        let ending = &replicas[(round + 1) % 3];
        match round % 3 {
            0 => ending.logout(&session).await.unwrap(),
            1 => ending.logout_all(&session).await.unwrap(),
            _ => end(ending, &session, &short(&session), "").await.unwrap(),
        }
        for replica in &replicas {
            accepted += u32::from(replica.whoami(&session).await.is_ok());
            accepted += u32::from(replica.whoami_by(&token).await.is_ok());
        }
    }

    assert_eq!(accepted, 0, "of 50 ended sessions and their tokens, asked for at three replicas");
    // The logout of a session that is over, or never was, succeeds.
    for session in [session, ids::random().to_string()] {
        replicas[1].logout(&session).await.unwrap();
    }
}

#[tokio::test]
async fn an_account_has_no_more_sessions_than_its_bound() {
    let iam = start(&settings().await.with([("IAM_SESSIONS_PER_USER", "2".to_owned())])).await;
    let (info, _, first) = iam.registered_user().await;
    let second = iam.login(&info.login, PASSWORD).await.unwrap();
    let third = iam.login(&info.login, PASSWORD).await.unwrap();

    assert_eq!(iam.whoami(&first).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.whoami(&second).await.is_ok());
    assert_eq!(list(&iam, &third, "").await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_service_gets_the_owner_of_each_session_in_the_order_of_its_request() {
    let (iam, operator, operators) = operated().await;
    let (info, user, ended) = iam.registered_user().await;
    let open = iam.login(&info.login, PASSWORD).await.unwrap();
    iam.logout(&ended).await.unwrap();
    let mut client = SessionOwnerServiceClient::new(testkit::peer_of("order", "iam", iam.address));

    let sessions = vec![open, ended, "no uuid".to_owned(), operators, ids::random().to_string()];
    let owners = client.list_owners(ListOwnersRequest { sessions }).await.unwrap().into_inner().owners;
    let many = vec![String::new(); 1_001];
    let refused = client.list_owners(ListOwnersRequest { sessions: many }).await.unwrap_err();

    let owner = |state: SessionState, user_uuid: &str, roles: &[&str]| SessionOwner {
        state: state.into(),
        user_uuid: user_uuid.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let ended = || owner(SessionState::Ended, "", &[]);
    let expected = [
        owner(SessionState::Open, &user, &[]),
        ended(),
        ended(),
        owner(SessionState::Open, &operator, &["operator"]),
        ended(),
    ];
    assert_eq!(owners, expected);
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "sessions: must have at most 1000 entries")
    );
}
