//! The contract suite of the catalogue.

use std::num::NonZeroU32;

use contracts::ids::PartId;
use inventory::model::{Category, Filter, NewPart, Page, Stock};
use testkit::{new_order, new_part};

use crate::fixture::{Fixture, LATER, part};

contract!(
    seeding_adds_only_what_is_new,
    a_part_is_found_as_it_was_added,
    listings_are_in_the_order_of_the_catalogue_page_by_page,
    a_filter_means_or_within_a_field_and_and_between_fields,
);

async fn seeding_adds_only_what_is_new(fixture: Fixture) {
    let (old, new) = (part(5), part(6));
    assert_eq!(fixture.catalogue.seed(std::slice::from_ref(&old)).await.unwrap(), 1);
    fixture.reserve(new_order(), &[(old.id, 2)], LATER).await.unwrap();

    let added = fixture.catalogue.seed(&[new.clone(), old.clone()]).await.unwrap();
    let again = fixture.catalogue.seed(&[new.clone(), old.clone()]).await.unwrap();

    assert_eq!((added, again), (1, 0));
    assert_eq!((fixture.available(old.id).await, fixture.available(new.id).await), (3, 6));
    assert_eq!(listed(&fixture, &Filter::default()).await, [old.id, new.id]);
}

async fn a_part_is_found_as_it_was_added(fixture: Fixture) {
    let new = part(7);
    fixture.catalogue.seed(std::slice::from_ref(&new)).await.unwrap();

    let found = fixture.catalogue.find(new.id).await.unwrap().unwrap();

    assert_eq!(found.stock, Stock { initial: 7, available: 7, ..Stock::default() });
    assert_eq!(found.created_at, found.updated_at);
    let described = NewPart {
        id: found.id,
        name: found.name,
        description: found.description,
        price: found.price,
        stock: found.stock.initial,
        category: found.category,
        dimensions: found.dimensions,
        manufacturer: found.manufacturer,
        tags: found.tags,
        metadata: found.metadata,
    };
    assert_eq!(described, new);
    assert!(fixture.catalogue.find(new_part()).await.unwrap().is_none());
}

async fn listings_are_in_the_order_of_the_catalogue_page_by_page(fixture: Fixture) {
    let parts = fixture.stocked([1; 5]).await;

    for size in [1, 2, 4, 5, 6] {
        let pages = pages(&fixture, size).await;

        assert!(pages.iter().all(|page| (1..=size).contains(&page.len())), "{pages:?}");
        assert_eq!(pages.concat(), parts);
    }
}

/// Lists all parts, `size` per page.
async fn pages(fixture: &Fixture, size: usize) -> Vec<Vec<PartId>> {
    let size = NonZeroU32::new(size.try_into().unwrap());
    let (mut pages, mut after) = (Vec::new(), Some(0));
    while let Some(position) = after {
        let page = Page { after: position, size };
        let (parts, next) = fixture.catalogue.list(&Filter::default(), page).await.unwrap();
        pages.push(parts.iter().map(|part| part.id).collect());
        after = next;
    }
    pages
}

async fn listed(fixture: &Fixture, filter: &Filter) -> Vec<PartId> {
    let (parts, _) = fixture.catalogue.list(filter, Page::default()).await.unwrap();
    parts.into_iter().map(|part| part.id).collect()
}

async fn a_filter_means_or_within_a_field_and_and_between_fields(fixture: Fixture) {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let mut parts = [part(1), part(1), part(1)];
    for (part, (name, category, country, tags)) in parts.iter_mut().zip([
        ("Engine", Category::Engine, "Japan", texts(&["hot", "big"])),
        ("Tank", Category::Fuel, "France", texts(&["cold", "big"])),
        ("Wing", Category::Wing, "Japan", texts(&[])),
    ]) {
        name.clone_into(&mut part.name);
        part.category = category;
        country.clone_into(&mut part.manufacturer.country);
        part.tags = tags;
    }
    fixture.catalogue.seed(&parts).await.unwrap();
    let [engine, tank, wing] = parts.map(|part| part.id);
    let all = Filter::default();

    for (filter, expected) in [
        (all.clone(), vec![engine, tank, wing]),
        (Filter { parts: vec![wing, engine, new_part()], ..all.clone() }, vec![engine, wing]),
        (Filter { names: texts(&["Wing", "Tank"]), ..all.clone() }, vec![tank, wing]),
        (Filter { names: texts(&["wing"]), ..all.clone() }, vec![]),
        (Filter { names: texts(&["Win"]), ..all.clone() }, vec![]),
        (Filter { categories: vec![Category::Fuel, Category::Wing], ..all.clone() }, vec![tank, wing]),
        (Filter { categories: vec![Category::Unspecified], ..all.clone() }, vec![]),
        (Filter { countries: texts(&["Japan"]), ..all.clone() }, vec![engine, wing]),
        (Filter { tags: texts(&["hot", "cold", "wet"]), ..all.clone() }, vec![engine, tank]),
        (Filter { tags: texts(&["big"]), countries: texts(&["Japan"]), ..all.clone() }, vec![engine]),
        (
            Filter {
                parts: vec![engine, tank],
                names: texts(&["Engine", "Tank"]),
                categories: vec![Category::Fuel, Category::Engine],
                countries: texts(&["France", "Japan"]),
                tags: texts(&["cold"]),
            },
            vec![tank],
        ),
        (Filter { parts: vec![engine], categories: vec![Category::Wing], ..all.clone() }, vec![]),
    ] {
        assert_eq!(listed(&fixture, &filter).await, expected, "{filter:?}");
    }
}
