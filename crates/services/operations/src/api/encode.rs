//! Converts filters, actions and the state of long actions between the model and the protobuf messages.

use contracts::proto::operations::v1::{
    self as proto, AuditWork, Audited, DeadLetterFilter, EndedAudit, EndedLetterWork, LetterWork,
};
use platform::grpc::{invalid, time, timestamp};
use tonic::Status;

use crate::{
    model::Filter,
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
