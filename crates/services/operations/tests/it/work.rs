//! Long actions in several replicas: the table `work`.

use std::{future::pending, net::TcpListener};

use contracts::proto::operations::v1::{AuditWork, BeginAuditRequest, EndedLetterWork, GetAuditRequest};
use operations::{
    repository::{MIGRATIONS, PgWork},
    service::recorded,
};
use platform::ids;
use testkit::{Database, eventually, with_session};
use tonic::Code;

use crate::fixture::Fixture;

const TITLE: &str = "Auditing the shop";

/// Makes the row look as if the process of its run had died.
async fn age(database: &Database) {
    sqlx::query("update work set seen_at = now() - interval '31 s'").execute(&database.pool).await.unwrap();
}

fn titles(work: AuditWork) -> [Option<String>; 2] {
    [work.running.map(|running| running.title), work.last.map(|last| format!("{}: {:?}", last.title, last.error))]
}

#[tokio::test]
async fn a_replica_sees_what_another_runs_and_begins_after_that_one_was_lost() {
    // Connections to it are opened, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let fixture = Fixture::with_databases_at(&silent.local_addr().unwrap().to_string()).await;
    let (mut second, _running) = fixture.replica().await;
    let session = fixture.iam.operator_session(ids::random());
    let add = "insert into work (kind, run, title) values ('audit', gen_random_uuid(), $1)";
    sqlx::query(add).bind(TITLE).execute(&fixture.database.pool).await.unwrap();

    let refused = second.begin_audit(with_session(&session, BeginAuditRequest {})).await.unwrap_err();
    let seen = second.get_audit(with_session(&session, GetAuditRequest {})).await.unwrap().into_inner();
    age(&fixture.database).await;
    let begun = second.begin_audit(with_session(&session, BeginAuditRequest {})).await.unwrap().into_inner();
    let also = fixture.client().get_audit(with_session(&session, GetAuditRequest {})).await.unwrap().into_inner();

    assert_eq!(refused.code(), Code::Aborted);
    assert_eq!(titles(seen.work.unwrap()), [Some(TITLE.to_owned()), None]);
    let lost = format!("{TITLE}: {:?}", Some("it was interrupted"));
    for work in [begun.work, also.work] {
        assert_eq!(titles(work.unwrap()), [Some(TITLE.to_owned()), Some(lost.clone())]);
    }
    // The audit ends before the runtime does.
    eventually(async || {
        let audit = fixture.client().get_audit(with_session(&session, GetAuditRequest {})).await.unwrap();
        audit.into_inner().work.unwrap().running.is_none().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_run_that_was_lost_records_nothing_and_ends() {
    let database = testkit::database(&MIGRATIONS).await;
    let work = PgWork::new(database.pool.clone(), "letters");
    let first = work.begin("Replaying").await.unwrap().unwrap();
    assert!(work.begin("Discarding").await.unwrap().is_none());
    age(&database).await;
    let second = work.begin("Discarding").await.unwrap().unwrap();

    let ended = recorded(first.clone(), |_| pending::<anyhow::Result<()>>()).await;
    first.end(Ok(EndedLetterWork::default())).await.unwrap();

    assert!(ended.unwrap_err().to_string().starts_with("interrupted: "));
    let now = work.now::<EndedLetterWork>().await.unwrap();
    let last = now.last.unwrap();
    assert_eq!(now.running.unwrap().title, "Discarding");
    assert_eq!((&*last.title, last.error.as_deref()), ("Replaying", Some("it was interrupted")));
    let result = EndedLetterWork { sentences: vec!["one".to_owned()], ..EndedLetterWork::default() };
    second.end(Ok(result.clone())).await.unwrap();
    let now = work.now::<EndedLetterWork>().await.unwrap();
    let last = now.last.unwrap();
    assert_eq!((now.running, &*last.title, last.error, last.result), (None, "Discarding", None, result));
}

#[tokio::test]
async fn a_run_without_progress_is_seen() {
    let database = testkit::database(&MIGRATIONS).await;
    let work = PgWork::new(database.pool.clone(), "letters");
    let run = work.begin("Replaying").await.unwrap().unwrap();
    let running = tokio::spawn(recorded(run, |progress| async move {
        progress("messages", 1, 2);
        pending::<anyhow::Result<()>>().await
    }));
    let now = async || work.now::<EndedLetterWork>().await.unwrap().running.unwrap();
    eventually(async || (now().await.total == 2).then_some(())).await;

    let unseen = "update work set seen_at = now() - interval '20 s'";
    sqlx::query(unseen).execute(&database.pool).await.unwrap();

    let seen = "select true from work where seen_at > now() - interval '5 s'";
    eventually(async || {
        let seen = sqlx::query_scalar::<_, bool>(seen).fetch_optional(&database.pool);
        seen.await.unwrap()
    })
    .await;
    let running_now = now().await;
    assert_eq!((&*running_now.step, running_now.done), ("messages", 1));
    running.abort();
}
