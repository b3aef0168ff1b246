//! The shop: parts with filters, and how many of each to buy.

use askama::Template;

use super::layout::{Layout, Problem};
use crate::{
    api::MAX_UNITS,
    pages::{
        format::{Count, Money},
        words,
    },
};

#[derive(Clone, Debug, Default)]
pub struct PartView {
    pub uuid: String,
    pub name: String,
    pub description: String,
    pub price: Money,
    /// The units that can be bought now.
    pub stock: i64,
    /// `engine`, `fuel`, `porthole`, `wing`; anything else is another part.
    pub category: String,
    pub manufacturer: String,
    pub country: String,
    pub tags: Vec<String>,
    /// Dimensions and metadata, formatted for people.
    pub facts: Vec<(String, String)>,
    /// The number of units in the cart, if the address of the page has it, otherwise 0.
    pub quantity: i64,
}

impl PartView {
    pub fn picture(&self) -> &'static str {
        match self.category.as_str() {
            "engine" => "engine",
            "fuel" => "fuel",
            "porthole" => "porthole",
            "wing" => "wing",
            _ => "part",
        }
    }

    pub fn kind(&self) -> &'static str {
        words::category(&self.category)
    }

    pub fn stock_text(&self) -> String {
        match self.stock {
            ..=0 => "Sold out".to_owned(),
            left @ 1..=5 => format!("Only {left} left"),
            left => format!("{} in stock", Count(left)),
        }
    }

    /// Returns how many units a form can order.
    pub fn most(&self) -> i64 {
        self.stock.min(MAX_UNITS)
    }

    pub fn is_sold_out(&self) -> bool {
        self.stock <= 0
    }

    pub fn is_scarce(&self) -> bool {
        (1..=5).contains(&self.stock)
    }
}

#[derive(Clone, Debug)]
pub struct Choice {
    pub value: String,
    pub text: String,
    pub is_chosen: bool,
}

#[derive(Template)]
#[template(path = "shop.html")]
pub struct Shop {
    pub layout: Layout,
    pub parts: Vec<PartView>,
    /// True if more parts match than are shown.
    pub is_cut: bool,
    /// The query `q`: a piece of a name, description or tag.
    pub search: String,
    /// The query `category`.
    pub categories: Vec<Choice>,
    /// The query `country`.
    pub countries: Vec<Choice>,
    /// Set if the parts could not be read; `parts` is then empty.
    pub problem: Option<Problem>,
}

impl Shop {
    fn is_filtered(&self) -> bool {
        let chosen = |choices: &[Choice]| choices.iter().any(|choice| choice.is_chosen && !choice.value.is_empty());
        !self.search.is_empty() || chosen(&self.categories) || chosen(&self.countries)
    }
}
