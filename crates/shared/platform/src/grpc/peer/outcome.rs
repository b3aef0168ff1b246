//! What the end of a call means for the circuit breaker.

use std::time::Duration;

use tonic::{Code, Status};

use crate::{circuit_breaker::Outcome, grpc::reason};

/// A missed deadline counts as the peer's failure only if it had at least this long to respond.
const MIN_RESPONSE_TIME: Duration = Duration::from_secs(1);

/// Returns what a response means for the circuit breaker. UNAVAILABLE with a reason, such as PAYMENT_OUTCOME_UNKNOWN,
/// is an answer: the peer works, and other calls may succeed.
pub fn outcome_of(status: &Status, left: Duration) -> Outcome {
    match (status.code(), reason(status)) {
        (Code::Unavailable, Some(_)) => Outcome::Answered,
        (code, _) => outcome(code, left),
    }
}

/// Returns what a status code means for the circuit breaker. The peer had the time `left` to respond.
pub fn outcome(code: Code, left: Duration) -> Outcome {
    match code {
        Code::Unavailable => Outcome::Failed,
        // A tonic server responds CANCELLED if it notices the passed deadline before the client does.
        Code::DeadlineExceeded | Code::Cancelled if left >= MIN_RESPONSE_TIME => Outcome::Failed,
        Code::DeadlineExceeded | Code::Cancelled => Outcome::Inconclusive,
        _ => Outcome::Answered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grpc::with_reason;

    #[test]
    fn a_deadline_tells_about_the_peer_only_where_it_had_a_second() {
        let second = Duration::from_secs(1);
        let cases = [
            (Code::DeadlineExceeded, second, Outcome::Failed),
            (Code::DeadlineExceeded, Duration::from_millis(999), Outcome::Inconclusive),
            (Code::Unavailable, Duration::from_millis(1), Outcome::Failed),
            (Code::Ok, second, Outcome::Answered),
            (Code::Unauthenticated, second, Outcome::Answered),
            (Code::ResourceExhausted, second, Outcome::Answered),
            (Code::Internal, second, Outcome::Answered),
        ];

        for (code, left, expected) in cases {
            assert_eq!(outcome(code, left), expected, "{code:?} after {left:?}");
        }
    }

    #[test]
    fn unavailable_with_a_reason_of_its_own_is_an_answer() {
        let (second, text) = (Duration::from_secs(1), "not now");
        let answered = with_reason(Code::Unavailable, "PAYMENT_OUTCOME_UNKNOWN", text);

        assert_eq!(outcome_of(&answered, second), Outcome::Answered);
        assert_eq!(outcome_of(&Status::unavailable(text), second), Outcome::Failed);
    }
}
