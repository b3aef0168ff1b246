//! The console in a browser.

mod browser;
mod operator;
mod purchase;
mod repeats;
