//! The console in a browser.

mod browser;
mod purchase;
mod repeats;
