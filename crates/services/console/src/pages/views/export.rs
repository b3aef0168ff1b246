//! The timeline and the receipt of an order as one file that needs nothing else.

use askama::Template;

use super::{receipt::Receipt, summary::Summary, timeline::Timeline};
use crate::pages::format::Moment;

#[derive(Template)]
#[template(path = "export.html")]
pub struct Export {
    /// The content of `style.css`.
    pub style: &'static str,
    pub summary: Summary,
    pub timeline: Timeline,
    pub receipt: Receipt,
    pub exported_at: Moment,
}
