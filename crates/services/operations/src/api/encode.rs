//! Converts dead letters, actions and the state of long actions between the model and the protobuf messages.

use contracts::proto::operations::v1::{
    self as proto, AuditWork, Audited, DeadLetter, DeadLetterFilter, EndedAudit, EndedLetterWork, Header, LetterWork,
    ListDeadLettersResponse, PlanReplayResponse,
};
use platform::grpc::{invalid, time, timestamp};
use tonic::Status;

use crate::{
    model::{Filter, Letter, LetterPage, Plan},
    repository::{Action, Ended, Now},
};

pub fn filter(filter: Option<DeadLetterFilter>) -> Result<Filter, Status> {
    let DeadLetterFilter { letter, topic, group, kind, reason, until } = filter.unwrap_or_default();
    let until = match &until {
        Some(until) => Some(time(until).ok_or_else(|| invalid("filter.until", "must be in the years 1 to 9999"))?),
        None => None,
    };
    Ok(Filter { letter, topic, group, kind, reason, until })
}

pub fn page(page: LetterPage, work: Now<EndedLetterWork>) -> ListDeadLettersResponse {
    let LetterPage { matching, newest, pending, replayed, discarded, letters } = page;
    ListDeadLettersResponse {
        matching: matching as u64,
        newest: newest.map(timestamp),
        pending: pending as u64,
        replayed: replayed as u64,
        discarded: discarded as u64,
        letters: letters.into_iter().map(letter).collect(),
        work: Some(letter_work(work)),
    }
}

fn letter(letter: Letter) -> DeadLetter {
    let header = |(name, value)| Header { name, value };
    DeadLetter {
        id: letter.id,
        at: Some(timestamp(letter.at)),
        state: letter.state.into(),
        resolved: letter.resolved,
        topic: letter.topic,
        partition: letter.partition,
        offset: letter.offset,
        group: letter.group,
        kind: letter.kind,
        error: letter.error,
        attempts: letter.attempts,
        key: letter.key,
        headers: letter.headers.into_iter().map(header).collect(),
        payload: letter.payload,
    }
}

pub fn plan(plan: Plan) -> PlanReplayResponse {
    let Plan { messages, letters, poison, from_outside, discarded, late, truncated, newest } = plan;
    PlanReplayResponse {
        messages: messages as u64,
        letters: letters as u64,
        poison,
        from_outside: from_outside as u64,
        discarded: discarded as u64,
        late: late as u64,
        truncated: truncated as u64,
        newest: newest.map(timestamp),
    }
}

pub fn letter_work(now: Now<EndedLetterWork>) -> LetterWork {
    let last = now.last.map(|Ended { title, at, error, result }| {
        let at = Some(timestamp(at));
        EndedLetterWork { title, at, error, ..result }
    });
    LetterWork { running: now.running, last }
}

pub fn audit_work(now: Now<Audited>) -> AuditWork {
    let last = now.last.map(|Ended { title, at, error, result }| {
        let audited = error.is_none().then_some(result);
        EndedAudit { title, at: Some(timestamp(at)), error, audited }
    });
    AuditWork { running: now.running, last }
}

pub fn action(action: Action) -> proto::Action {
    let Action { at, operator_uuid, action, subject, result } = action;
    let operator_uuid = operator_uuid.to_string();
    proto::Action { at: Some(timestamp(at)), operator_uuid, action, subject, result }
}
