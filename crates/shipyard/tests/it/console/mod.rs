//! The console in a browser.

mod browser;
mod operator;
mod profile;
mod purchase;
mod repeats;
