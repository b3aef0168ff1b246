//! The console in a browser.

mod accessibility;
mod browser;
mod live;
mod profile;
mod purchase;
mod repeats;
