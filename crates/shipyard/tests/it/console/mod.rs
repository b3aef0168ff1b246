//! The console in a browser.

mod accessibility;
mod browser;
mod live;
mod operator;
mod profile;
mod purchase;
mod repeats;
