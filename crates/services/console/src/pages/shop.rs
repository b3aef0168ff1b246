//! `GET /console/`: the parts, with filters.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use contracts::{
    caseless::caseless,
    proto::inventory::v1::{Category, Part, value::Value},
};

use super::{
    format::{Count, Money},
    frame::{Layout, layout, page},
    parts,
    refusal::{Refusal, or_missing},
    words,
};
use crate::api::{Api, MAX_UNITS, Visit, of_status};

/// The maximum number of parts on a page.
const MAX_PARTS: usize = 100;
const CATEGORIES: [&str; 4] = ["engine", "fuel", "porthole", "wing"];

struct Choice {
    value: String,
    text: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "shop.html")]
struct Shop {
    layout: Layout,
    parts: Vec<Part>,
    /// The parameters of the page's address. They have the cart of a browser without scripts.
    asked: HashMap<String, String>,
    /// True if more parts match than are shown.
    is_cut: bool,
    /// The query `q`: a piece of a name, description or tag.
    search: String,
    /// The query `category`.
    categories: Vec<Choice>,
    /// The query `country`.
    countries: Vec<Choice>,
    /// Set if the parts could not be read; `parts` is then empty.
    problem: Option<Refusal>,
}

impl Shop {
    fn is_filtered(&self) -> bool {
        let chosen = |choices: &[Choice]| choices.iter().any(|choice| choice.is_chosen && !choice.value.is_empty());
        !self.search.is_empty() || chosen(&self.categories) || chosen(&self.countries)
    }

    /// Returns the number of units in the cart, if the address of the page has it, otherwise 0.
    fn quantity(&self, part: &Part) -> i64 {
        self.asked.get(&part.uuid).and_then(|quantity| quantity.parse().ok()).unwrap_or_default()
    }

    fn picture(part: &Part) -> &'static str {
        let category = category(part);
        if category.is_empty() { "part" } else { category }
    }

    fn kind(part: &Part) -> &'static str {
        words::category(category(part))
    }

    /// Returns dimensions and metadata, formatted for people.
    fn facts(part: &Part) -> Vec<(String, String)> {
        let mut facts: Vec<(String, String)> = part
            .metadata
            .iter()
            .map(|(name, value)| (name.replace('_', " "), value.value.as_ref().map(text).unwrap_or_default()))
            .collect();
        facts.sort_unstable();
        if let Some(size) = &part.dimensions {
            let sides = format!("{} × {} × {} cm", size.length, size.width, size.height);
            facts.insert(0, ("Size".to_owned(), sides));
            facts.insert(1, ("Weight".to_owned(), format!("{} kg", size.weight)));
        }
        facts
    }

    fn price(part: &Part) -> Money {
        parts::price(part)
    }

    fn stock(part: &Part) -> String {
        match part.stock_quantity {
            ..=0 => "Sold out".to_owned(),
            left @ 1..=5 => format!("Only {left} left"),
            left => format!("{} in stock", Count(left)),
        }
    }

    /// Returns how many units a form can order.
    fn max_units(part: &Part) -> i64 {
        part.stock_quantity.min(MAX_UNITS)
    }

    fn is_sold_out(part: &Part) -> bool {
        part.stock_quantity <= 0
    }

    fn is_scarce(part: &Part) -> bool {
        (1..=5).contains(&part.stock_quantity)
    }
}

fn category(part: &Part) -> &'static str {
    match part.category() {
        Category::Engine => "engine",
        Category::Fuel => "fuel",
        Category::Porthole => "porthole",
        Category::Wing => "wing",
        Category::Unspecified => "",
    }
}

fn country(part: &Part) -> &str {
    part.manufacturer.as_ref().map_or("", |maker| maker.country.as_str())
}

fn text(value: &Value) -> String {
    match value {
        Value::StringValue(text) => text.clone(),
        Value::Int64Value(number) => Count(*number).to_string(),
        Value::DoubleValue(number) => number.to_string(),
        Value::BoolValue(true) => "yes".to_owned(),
        Value::BoolValue(false) => "no".to_owned(),
    }
}

pub async fn show(State(api): State<Api>, visit: Visit, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    let asked: HashMap<String, String> = pairs.into_iter().collect();
    let value = |name: &str| asked.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let (search, kind, maker) = (value("q"), value("category"), value("country"));
    let (layout, all) = tokio::join!(layout(&api, &visit, "shop"), parts::all(&api.services));
    let (mut parts, status, problem) = or_missing(all.map_err(|status| of_status("inventory", &status)));
    let countries: BTreeSet<String> =
        parts.iter().map(country).filter(|one| !one.is_empty()).map(str::to_owned).collect();
    parts.retain(|part| {
        (kind.is_empty() || category(part) == kind)
            && (maker.is_empty() || country(part) == maker)
            && fits(part, &search)
    });
    let is_cut = parts.len() > MAX_PARTS;
    parts.truncate(MAX_PARTS);
    let view = Shop {
        layout,
        parts,
        asked,
        is_cut,
        categories: choices(CATEGORIES.map(|one| (one.to_owned(), words::category(one).to_owned())), &kind),
        countries: choices(countries.into_iter().map(|one| (one.clone(), one)), &maker),
        search,
        problem,
    };
    page(status, &view)
}

/// Returns true if each word of a search is in the part's name, description or tags.
fn fits(part: &Part, search: &str) -> bool {
    let text = format!("{} {} {}", part.name, part.description, part.tags.join(" "));
    let text = caseless(&text);
    caseless(search).split_whitespace().all(|word| text.contains(word))
}

fn choices(values: impl IntoIterator<Item = (String, String)>, chosen: &str) -> Vec<Choice> {
    let all = std::iter::once((String::new(), "All".to_owned()));
    all.chain(values).map(|(value, text)| Choice { is_chosen: value == chosen, value, text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_parts_by_each_of_its_words() {
        let part = Part {
            name: "Main Engine".to_owned(),
            description: "For the vacuum".to_owned(),
            tags: vec!["fast".to_owned()],
            ..Part::default()
        };

        assert!(fits(&part, "") && fits(&part, "ENGINE vac") && fits(&part, "fast"));
        assert!(!fits(&part, "engine wing"));
    }
}
