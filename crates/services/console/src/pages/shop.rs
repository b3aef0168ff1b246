//! `GET /console/`: the parts, with filters.

use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use contracts::caseless::caseless;

use super::{
    frame::{Layout, layout, page},
    parts::{self, PartView},
    refusal::{Refusal, or_missing},
    words,
};
use crate::api::{Api, Visit, of_status};

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
    parts: Vec<PartView>,
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
}

pub async fn show(State(api): State<Api>, visit: Visit, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    let asked: HashMap<String, String> = pairs.into_iter().collect();
    let text = |name: &str| asked.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let (search, category, country) = (text("q"), text("category"), text("country"));
    let (layout, all) = tokio::join!(layout(&api, &visit, "shop"), parts::all(&api.services));
    let (all, status, problem) = or_missing(all.map_err(|status| of_status("inventory", &status)));
    let countries: BTreeSet<String> =
        all.iter().map(|part| part.country.clone()).filter(|one| !one.is_empty()).collect();
    let mut fitting: Vec<PartView> = all
        .into_iter()
        .filter(|part| category.is_empty() || part.category == category)
        .filter(|part| country.is_empty() || part.country == country)
        .filter(|part| fits(part, &search))
        .collect();
    let is_cut = fitting.len() > MAX_PARTS;
    fitting.truncate(MAX_PARTS);
    for part in &mut fitting {
        part.quantity = asked.get(&part.uuid).and_then(|quantity| quantity.parse().ok()).unwrap_or_default();
    }
    let view = Shop {
        layout,
        parts: fitting,
        is_cut,
        categories: choices(CATEGORIES.map(|one| (one.to_owned(), words::category(one).to_owned())), &category),
        countries: choices(countries.into_iter().map(|one| (one.clone(), one)), &country),
        search,
        problem,
    };
    page(status, &view)
}

/// Returns true if each word of a search is in the part's name, description or tags.
fn fits(part: &PartView, search: &str) -> bool {
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
        let part = PartView {
            name: "Main Engine".to_owned(),
            description: "For the vacuum".to_owned(),
            tags: vec!["fast".to_owned()],
            ..PartView::default()
        };

        assert!(fits(&part, "") && fits(&part, "ENGINE vac") && fits(&part, "fast"));
        assert!(!fits(&part, "engine wing"));
    }
}
