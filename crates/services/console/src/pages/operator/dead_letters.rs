//! `GET /console/operator/dead-letters`.

use axum::{extract::State, response::Response};
use contracts::events::{INBOUND, ROUTES, TIMELINE};
use platform::http::{problem::Problem, query::QueryParameters};

use super::{layout, system::shown};
use crate::{
    api::{Api, LETTERS_PER_PAGE, LettersQuery, Visit, not_read},
    pages::{
        frame::page,
        views::operator::{Outcome, dead_letters::DeadLetters},
    },
    service::{Ended, Now},
};

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<LettersQuery>,
) -> Result<Response, Problem> {
    let (filter, skip) = (query.filter(), query.skip()?);
    let read = api.operations.dead_letters(&filter, skip, LETTERS_PER_PAGE);
    let (layout, found) = tokio::join!(layout(&api, &visit), read);
    let found = found.map_err(|error| not_read("the dead letters", error));
    let (status, problem) = shown(found.as_ref().err());
    let Now { running, last } = api.letter_work.now();
    let outcome = last.filter(|_| running.is_none()).map(|last| outcome(&last));
    let routed = ROUTES.iter().flat_map(|route| route.consumers).map(|consumer| consumer.group);
    let view = DeadLetters {
        layout,
        skip,
        query,
        topics: api.topics.all().into_iter().map(str::to_owned).collect(),
        groups: routed.chain(INBOUND.iter().map(|inbound| inbound.consumer.group)).chain([TIMELINE.group]).collect(),
        kinds: ROUTES.iter().map(|route| route.kind).collect(),
        found: found.ok(),
        running,
        outcome,
        problem,
    };
    Ok(page(status, &view))
}

fn outcome(last: &Ended<Vec<String>>) -> Outcome {
    match &last.result {
        Ok(sentences) => Outcome {
            title: sentences.first().cloned().unwrap_or_default(),
            lines: sentences
                .iter()
                .skip(1)
                .cloned()
                .chain([format!("Ended {}", last.at.format("%-d %b %Y, %H:%M:%S UTC"))])
                .collect(),
            is_trouble: sentences.len() > 1,
        },
        Err(error) => Outcome {
            title: format!("{} did not work", last.title),
            lines: vec![error.clone(), "What was done until then remains; the rest is still pending.".to_owned()],
            is_trouble: true,
        },
    }
}
