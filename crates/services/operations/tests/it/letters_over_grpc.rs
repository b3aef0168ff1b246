//! Views of dead letters, and the actions on them, over the API.

use contracts::{
    events::OrderPaid,
    proto::operations::v1::{
        DeadLetterFilter, DiscardDeadLettersRequest, ListDeadLettersRequest, PlanReplayRequest,
        ReplayDeadLettersRequest,
    },
};
use platform::{clock, ids};
use testkit::{eventually, with_session};
use tonic::Code;

use crate::{dead_letters::fill, fixture::Fixture};

fn replay() -> ReplayDeadLettersRequest {
    ReplayDeadLettersRequest { filter: None }
}

#[tokio::test]
async fn a_page_has_the_letters_that_match_and_the_numbers_of_all() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());
    let topic = fixture.kafka.topic::<OrderPaid>();
    fill(&fixture.kafka, &topic, 0..30, clock::now()).await;
    let of = |filter: DeadLetterFilter| ListDeadLettersRequest { filter: Some(filter), skip: 0, limit: 200 };

    let page = fixture.page(&session, ListDeadLettersRequest { filter: None, skip: 10, limit: 5 }).await;
    let numbers = fixture.page(&session, ListDeadLettersRequest::default()).await;

    assert_eq!((page.matching, page.pending, page.letters.len()), (30, 30, 5));
    let letter = &page.letters[0];
    assert_eq!(letter.topic, topic);
    assert!(!letter.payload.is_empty() && !letter.headers.is_empty() && letter.at.is_some(), "{letter:?}");
    assert_eq!((numbers.matching, numbers.letters.len(), numbers.newest), (30, 0, page.newest));
    let one = DeadLetterFilter { letter: Some(letter.id.clone()), ..DeadLetterFilter::default() };
    assert_eq!(fixture.page(&session, of(one)).await.letters.as_slice(), std::slice::from_ref(letter));
    let elsewhere = DeadLetterFilter { topic: Some("nowhere".to_owned()), ..DeadLetterFilter::default() };
    assert_eq!(fixture.page(&session, of(elsewhere)).await.pending, 0);

    fill(&fixture.kafka, &topic, 30..31, clock::now() + chrono::TimeDelta::seconds(1)).await;
    let until = DeadLetterFilter { until: page.newest, ..DeadLetterFilter::default() };
    let shown = fixture.page(&session, of(until.clone())).await;
    assert_eq!((shown.matching, shown.pending), (30, 31));
    let plan = PlanReplayRequest { filter: Some(until) };
    let plan = fixture.client().plan_replay(with_session(&session, plan)).await.unwrap().into_inner();
    assert_eq!((plan.messages, plan.letters, plan.poison.len()), (30, 30, 24));
}

#[tokio::test]
async fn a_second_action_while_one_runs_is_aborted() {
    let fixture = Fixture::start().await;
    let mut client = fixture.client();
    let session = fixture.iam.operator_session(ids::random());
    fill(&fixture.kafka, &fixture.kafka.topic::<OrderPaid>(), 0..500, clock::now()).await;
    let discard = |why: &str| DiscardDeadLettersRequest { filter: None, why: why.to_owned() };

    let without_reason = client.discard_dead_letters(with_session(&session, discard(" "))).await.unwrap_err();
    let begun = client.replay_dead_letters(with_session(&session, replay())).await.unwrap().into_inner();
    let second = client.replay_dead_letters(with_session(&session, replay())).await.unwrap_err();
    let other = client.discard_dead_letters(with_session(&session, discard("x"))).await.unwrap_err();

    assert_eq!(without_reason.code(), Code::InvalidArgument);
    assert_eq!(begun.work.unwrap().running.unwrap().title, "Replaying dead letters");
    assert_eq!([second.code(), other.code()], [Code::Aborted; 2]);
    assert_eq!(other.message(), "dead letters are being replayed or discarded; wait until that has ended");
    let ended =
        eventually(async || fixture.page(&session, ListDeadLettersRequest::default()).await.work.unwrap().last).await;
    let said = "500 messages replayed, 500 dead letters resolved";
    assert_eq!((ended.error, &*ended.sentences[0]), (None, said));
    let row = |result: &str| ["replay", "all pending dead letters", result].map(str::to_owned);
    assert_eq!(fixture.log(&session).await, [row(said), row("begun")]);
}

#[tokio::test]
async fn an_action_that_a_stop_interrupts_has_an_end_in_the_log() {
    let mut fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());
    fill(&fixture.kafka, &fixture.kafka.topic::<OrderPaid>(), 0..5_000, clock::now()).await;
    fixture.client().replay_dead_letters(with_session(&session, replay())).await.unwrap();

    fixture.stop().await;

    let rows = sqlx::query_scalar("select result from actions order by id").fetch_all(&fixture.database.pool);
    let results: Vec<String> = rows.await.unwrap();
    assert_eq!(results, ["begun", "interrupted: the service stopped"]);
    let last = sqlx::query_scalar("select last_error from work where run is null").fetch_one(&fixture.database.pool);
    let last: Option<String> = last.await.unwrap();
    assert_eq!(last.as_deref(), Some("interrupted: the service stopped"));
}

#[tokio::test]
async fn an_action_that_cannot_be_written_down_does_not_begin() {
    let fixture = Fixture::start().await;
    let session = fixture.iam.operator_session(ids::random());
    fill(&fixture.kafka, &fixture.kafka.topic::<OrderPaid>(), 0..1, clock::now()).await;
    let refuse = "alter table actions add constraint nothing check (false) not valid";
    sqlx::query(refuse).execute(&fixture.database.pool).await.unwrap();

    let refused = fixture.client().replay_dead_letters(with_session(&session, replay())).await.unwrap_err();

    assert_eq!(refused.code(), Code::Internal);
    let page = fixture.page(&session, ListDeadLettersRequest::default()).await;
    assert_eq!((page.pending, page.work.unwrap().running), (1, None));
}
