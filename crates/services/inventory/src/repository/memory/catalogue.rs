//! The in-memory implementation of [`Catalogue`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::PartId;

use super::MemoryInventory;
use crate::{
    error::Error,
    model::{Filter, NewPart, Page, Part, Stock},
    repository::Catalogue,
};

#[async_trait]
impl Catalogue for MemoryInventory {
    async fn seed(&self, parts: &[NewPart]) -> Result<u64, Error> {
        let mut tables = self.tables();
        let now = self.clock.now();
        let mut added = 0;
        for new in parts {
            let position = i64::try_from(tables.parts.len()).unwrap_or(i64::MAX).saturating_add(1);
            tables.parts.entry(new.id).or_insert_with(|| {
                added += 1;
                listed(new.clone(), position, now)
            });
        }
        Ok(added)
    }

    async fn find(&self, part: PartId) -> Result<Option<Part>, Error> {
        Ok(self.tables().parts.get(&part).cloned())
    }

    async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Part>, Option<i64>), Error> {
        let mut parts: Vec<Part> = self
            .tables()
            .parts
            .values()
            .filter(|part| part.position > page.after && filter.matches(part))
            .cloned()
            .collect();
        parts.sort_by_key(|part| part.position);
        let next = page.cut(&mut parts, |last| last.position);
        Ok((parts, next))
    }
}

fn listed(new: NewPart, position: i64, now: DateTime<Utc>) -> Part {
    Part {
        id: new.id,
        position,
        name: new.name,
        description: new.description,
        price: new.price,
        stock: Stock { initial: new.stock, available: new.stock, ..Stock::default() },
        category: new.category,
        dimensions: new.dimensions,
        manufacturer: new.manufacturer,
        tags: new.tags,
        metadata: new.metadata,
        created_at: now,
        updated_at: now,
    }
}
