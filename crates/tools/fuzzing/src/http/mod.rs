//! Any HTTP request to order, delivery or intake is answered. Every answer that is not a success is a problem document
//! that the API declares, or a page with the status of one.

mod answer;
mod body;
mod operation;
mod request;

use crate::{input::Input, system};

/// Sends a request derived from `data`.
pub fn http(data: &[u8]) {
    system::with(|system| {
        let mut input = Input::new(data);
        let Some((operation, request)) = request::request(&mut input, &system.services.known) else { return };
        let asked = format!("{} {}", request.method(), request.uri());
        let is_head = request.method() == "HEAD";
        let response = system.http(operation.api, request);
        system.run(answer::check(operation.api, &asked, is_head, response));
    });
}
