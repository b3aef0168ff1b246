//! Decodes the list of parts and quantities of a request.

use contracts::ids::PartId;
use contracts::proto::inventory::v1::PartQuantity;
use platform::grpc::{invalid, parse_uuid};
use tonic::Status;

use crate::model::Lines;

/// The maximum per request.
const MAX_ENTRIES: usize = 1_000;
/// The maximum per entry, in units of the part.
const MAX_QUANTITY: i64 = 1_000_000;

/// Fails with INVALID_ARGUMENT and a message that names the invalid field.
pub fn decode(parts: &[PartQuantity]) -> Result<Lines, Status> {
    if parts.is_empty() {
        return Err(invalid("parts", "must not be empty"));
    }
    if parts.len() > MAX_ENTRIES {
        return Err(invalid("parts", format!("must have at most {MAX_ENTRIES} entries")));
    }
    let entries = parts.iter().enumerate().map(|(index, part)| {
        let uuid = parse_uuid(&format!("parts[{index}].part_uuid"), &part.part_uuid)?;
        if !(1..=MAX_QUANTITY).contains(&part.quantity) {
            let problem = format!("must be from 1 to {MAX_QUANTITY}");
            return Err(invalid(format!("parts[{index}].quantity"), problem));
        }
        Ok((PartId::new(uuid), part.quantity))
    });
    entries.collect()
}
