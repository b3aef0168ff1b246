//! The HTTP API, a file per group of endpoints.

mod contacts;
mod couriers;
mod delete_account;
mod export;
mod form;
mod live;
mod login;
mod operator;
mod orders;
mod origin;
mod parts;
mod problems;
mod receipt;
mod routes;
mod session;
mod state;
mod timeline;

pub use export::MAX_AT_ONCE as MAX_EXPORTS;
pub use form::{Form, is_form, see};
pub use operator::{LETTERS_PER_PAGE, LettersQuery, MAX_ACTIONS, not_read};
pub use orders::MAX_UNITS;
pub use problems::{of_error, of_status};
pub use routes::{RULES, document, router};
pub use session::Session;
pub use state::Api;
