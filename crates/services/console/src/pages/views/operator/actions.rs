//! Restocking, withdrawing an identity, and the log of what operators did.

use askama::Template;
use uuid::Uuid;

use super::Outcome;
use crate::{
    pages::{
        format::Moment,
        views::{
            layout::{Layout, Problem},
            shop::PartView,
        },
        words,
    },
    repository::Action,
};

#[derive(Template)]
#[template(path = "operator-actions.html")]
pub struct Actions {
    pub layout: Layout,
    pub parts: Vec<PartView>,
    /// The newest first.
    pub actions: Vec<Action>,
    /// The visitor.
    pub user: Uuid,
    pub outcome: Option<Outcome>,
    pub problem: Option<Problem>,
}

impl Actions {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "actions";

    fn at(action: &Action) -> Moment {
        Moment(action.at)
    }

    fn what(action: &Action) -> &str {
        words::action(&action.action)
    }
}
