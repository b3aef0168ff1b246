//! Order, delivery and intake answer any HTTP request with a success, a redirection, or a problem document that the API
//! declares. Intake may send a browser a page with the status of a declared problem instead.

mod answer;
mod body;
mod operation;
mod request;

use crate::{input::Input, system};

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
