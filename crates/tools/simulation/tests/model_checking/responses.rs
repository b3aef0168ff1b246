//! The possible responses of a broker to the records that a relay sends.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    pub acknowledged: usize,
    /// True if the next record is in the topic although it is not acknowledged.
    pub unnoticed: bool,
    pub failure: Option<Failure>,
}

/// The reason why a record is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The record is refused or times out, and is set aside.
    Refused,
    /// The record is refused or times out, but the broker accepts the records after it.
    Overtaken,
    Unavailable,
}

/// Returns every possible response to `sent` records. With `in_turn`, the relay sends a record only once the earlier
/// ones are acknowledged.
pub fn responses(sent: usize, in_turn: bool) -> Vec<Response> {
    let mut responses = vec![Response { acknowledged: sent, unnoticed: false, failure: None }];
    let failures = [Failure::Refused, Failure::Unavailable].into_iter();
    for failure in failures.chain((!in_turn).then_some(Failure::Overtaken)) {
        let failed =
            |acknowledged| [false, true].map(|unnoticed| Response { acknowledged, unnoticed, failure: Some(failure) });
        responses.extend((0..sent).flat_map(failed));
    }
    responses
}
