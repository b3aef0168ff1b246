//! Live steps as server-sent events.

use std::time::Duration;

use futures::future::join_all;
use platform::ids;

use crate::{
    fixture::{Fixture, stored},
    stand_ins::silent_order,
};

fn offsets(events: &[(i64, serde_json::Value)]) -> Vec<i64> {
    events.iter().map(|(_, step)| step["offset"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_has_every_step_once_also_if_it_is_cut_and_opened_again() {
    let mut fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let path = format!("/console/api/orders/{order}/live");
    fixture.add(&[stored(order, user, 0), stored(ids::random(), user, 1), stored(order, user, 2)]).await;

    let mut stream = fixture.stream(&path, &session, None).await;
    let known = stream.take(2).await;
    assert_eq!(offsets(&known), [0, 2]);
    fixture.add(&[stored(order, user, 3)]).await;
    let live = stream.take(1).await;
    assert_eq!(offsets(&live), [3]);

    // The service is killed. A new stream has the steps that were added meanwhile.
    drop(stream);
    fixture.crash().await;
    fixture.add(&[stored(order, user, 4)]).await;
    let mut again = fixture.stream(&path, &session, Some(live[0].0)).await;
    assert_eq!(offsets(&again.take(1).await), [4]);
    fixture.add(&[stored(order, user, 5)]).await;
    assert_eq!(offsets(&again.take(1).await), [5]);
    let mut by_query = fixture.stream(&format!("{path}?after={}", known[1].0), &session, None).await;
    assert_eq!(offsets(&by_query.take(3).await), [3, 4, 5]);
}

#[tokio::test]
async fn streams_that_open_while_records_come_miss_none() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let path = format!("/console/api/orders/{order}/live");
    fixture.add(&[stored(order, user, 0)]).await;

    let write = async {
        for number in 1..60 {
            fixture.add(&[stored(order, user, number)]).await;
        }
    };
    let read = async || {
        let mut stream = fixture.stream(&path, &session, None).await;
        offsets(&stream.take(60).await)
    };
    let ((), first, second, third) = tokio::join!(write, read(), read(), read());

    let expected: Vec<i64> = (0..60).collect();
    assert_eq!([first, second, third], [expected.clone(), expected.clone(), expected]);
}

#[tokio::test]
async fn a_stream_above_the_limit_is_refused_until_another_ends() {
    let fixture = Fixture::with(&[("CONSOLE_STREAMS", "2")]).await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let path = format!("/console/api/orders/{order}/live");
    fixture.add(&[stored(order, user, 0)]).await;

    let first = fixture.stream(&path, &session, None).await;
    let _second = fixture.stream(&path, &session, None).await;
    let refused = fixture.get(&path, &session).await;

    assert_eq!(refused.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()));
    assert_eq!(refused.header("retry-after"), "1");
    drop(first);
    testkit::eventually(async || {
        let opened =
            fixture.request(reqwest::Method::GET, &path).header("x-session-uuid", &session).send().await.unwrap();
        (opened.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stream_takes_a_slot_of_the_requests_until_it_is_open() {
    let (address, _order) = silent_order().await;
    let fixture = Fixture::with(&[("CONSOLE_MAX_IN_FLIGHT", "8"), ("ORDER_HTTP_ADDRESS", &address.to_string())]).await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    fixture.add(&[stored(order, user, 0)]).await;
    let mut open = Vec::new();
    for _ in 0..9 {
        open.push(fixture.stream(&format!("/console/api/orders/{order}/live"), &session, None).await);
    }

    // The console asks the order service for orders that the timeline lacks. Two of eight slots are the user's.
    let unknown = (0..3).map(async |_| {
        let path = format!("/console/api/orders/{}/live", ids::random());
        fixture.get(&path, &session).await.status
    });
    let statuses = join_all(unknown).await;

    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 1, "{statuses:?}");
}

#[tokio::test]
async fn a_stream_has_no_step_after_the_end_of_its_session_and_another_goes_on() {
    let fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let [ending, open] = [fixture.iam.session(user), fixture.iam.session(user)];
    let path = format!("/console/api/orders/{order}/live");
    fixture.add(&[stored(order, user, 0)]).await;
    let (mut ended, mut other) = (fixture.stream(&path, &ending, None).await, fixture.stream(&path, &open, None).await);
    ended.take(1).await;
    other.take(1).await;

    fixture.iam.end_session(&ending);
    fixture.add(&[stored(order, user, 1)]).await;

    assert_eq!(offsets(&other.take(1).await), [1]);
    assert_eq!(ended.next().await, None);
}

#[tokio::test]
async fn streams_end_with_the_service_and_a_wrong_place_is_named() {
    let mut fixture = Fixture::start().await;
    let (order, user) = (ids::random(), ids::random());
    let session = fixture.iam.session(user);
    let path = format!("/console/api/orders/{order}/live");
    fixture.add(&[stored(order, user, 0)]).await;
    for (query, header, field) in
        [("?after=x", None, "after"), ("", Some("x"), "Last-Event-ID"), ("?after=-1", None, "after")]
    {
        let request =
            fixture.request(reqwest::Method::GET, &format!("{path}{query}")).header("x-session-uuid", &session);
        let request = header.map_or(request.try_clone().unwrap(), |id| request.header("last-event-id", id));
        let refused = testkit::fetch(request).await;
        assert_eq!((refused.status, refused.json()["field"].as_str()), (400, Some(field)));
    }

    let mut stream = fixture.stream(&path, &session, None).await;
    stream.take(1).await;
    // If the stream did not end by itself, the server would cut it at the end of the time limit for requests in flight.
    let (ended, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(2), stream.next()), fixture.stop());

    assert_eq!(ended, Ok(None));
}
