//! What all pages share.

use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct Assets {
    pub style: String,
    pub icon: String,
    /// `page.js`: conveniences on every page.
    pub page: String,
    pub cart: String,
    /// `live.js`: updates from the server.
    pub live: String,
}

/// The part of the console to which a page belongs. The navigation marks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Shop,
    Orders,
    Map,
    Profile,
    Operator,
    None,
}

#[derive(Clone, Debug)]
pub struct Visitor {
    pub login: String,
    pub is_operator: bool,
}

/// The frame of every page.
#[derive(Clone, Debug)]
pub struct Layout {
    pub assets: Arc<Assets>,
    pub visitor: Option<Visitor>,
    pub section: Section,
}

impl Layout {
    pub fn is_in(&self, section: &str) -> bool {
        let name = match self.section {
            Section::Shop => "shop",
            Section::Orders => "orders",
            Section::Map => "map",
            Section::Profile => "profile",
            Section::Operator => "operator",
            Section::None => "",
        };
        name == section
    }
}

/// Why a request was refused or failed.
#[derive(Clone, Debug)]
pub struct Problem {
    pub title: String,
    pub detail: String,
    /// The names of the form's fields that the problem is about.
    pub fields: Vec<String>,
}

impl Problem {
    pub fn concerns(&self, field: &str) -> bool {
        self.fields.iter().any(|name| name == field)
    }
}

pub fn concerns(problem: Option<&Problem>, field: &str) -> bool {
    problem.is_some_and(|problem| problem.concerns(field))
}
